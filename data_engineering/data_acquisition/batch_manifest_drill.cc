// acq-ingest-tamper enacted: a proxy between a feed's producer and the collector changes a field, drops a
// row, swaps two rows, or plays the batch before once more, by the trial. The honest path cuts the same bytes
// into other chunks, compresses them, loses the connection once, or is slow.
#include <algorithm>
#include <atomic>

#include "drills/data.h"
#include "drills/drill.h"
#include "drills/feed.h"
#include "drills/outcome.h"
#include "formats/csv.h"
#include "learn/random.h"
#include "learn/row_digest.h"
#include "trust/batch.h"
#include "trust/workspace.h"

namespace sallyport::data_engineering::data_acquisition {

extern const drills::Drill batch_manifest_drill;

namespace {

constexpr std::size_t kRowsInBatch = 120;
constexpr std::string_view kData = "/digits.csv";
constexpr std::string_view kManifest = "/digits.csv.batch.json";
constexpr std::uint64_t kKinds = 4;

struct Batch {
  Bytes data;
  Bytes manifest;
};

struct Delivery {
  trust::Workspace workspace;
  Batch previous;  // collected before, and in the log
  Batch current;
  std::unique_ptr<drills::FeedServer> producer;
  std::unique_ptr<drills::FeedServer> path;  // what the collector talks to
  std::atomic<int> connections = 0;
  std::vector<learn::RowDigest> collected;  // what an unguarded collector hands to the pipeline
};

// The header of the table and the batch's share of its rows.
Bytes rows_of_batch(std::size_t batch) {
  std::string_view rest = drills::digits_csv();
  std::string out;
  for (std::size_t line = 0; !rest.empty(); ++line) {
    const std::size_t end = rest.find('\n') + 1;
    const bool wanted = line == 0 || (line - 1) / kRowsInBatch == batch;
    if (wanted) out += rest.substr(0, end);
    rest.remove_prefix(end);
  }
  return to_bytes(out);
}

Result<Batch> signed_batch(Delivery& delivery, const trust::PrivateKey& producer, std::int64_t sequence) {
  Batch batch{.data = rows_of_batch(static_cast<std::size_t>(sequence)), .manifest = {}};
  const trust::Statement statement = trust::batch_statement("digits.csv", batch.data, "digits", sequence);
  const trust::Envelope envelope = trust::sign_statement(statement, std::span(&producer, 1));
  batch.manifest = to_bytes(trust::serialize(envelope));
  if (sequence > 1) return batch;
  const trust::Root root = TRY(delivery.workspace.load_root());
  trust::Ledger ledger = TRY(delivery.workspace.open_ledger(root));
  TRY(ledger.add(envelope, TRY(delivery.workspace.load_key("log", root))));
  return batch;
}

// Two signed batches, the first of them collected, and a producer who serves the second.
Result<void> produce(drills::World& world) {
  Delivery& delivery = world.state<Delivery>();
  delivery.workspace = TRY(trust::create_workspace(system_env(), world.root()));
  const trust::Root root = TRY(delivery.workspace.load_root());
  const trust::PrivateKey producer = TRY(delivery.workspace.load_key("producer", root));
  delivery.previous = TRY(signed_batch(delivery, producer, 1));
  delivery.current = TRY(signed_batch(delivery, producer, 2));
  delivery.producer = TRY(drills::FeedServer::start([&delivery](const std::string& path) {
    return drills::response_of(path == kData ? delivery.current.data : delivery.current.manifest);
  }));
  return {};
}

std::vector<std::string> lines_of(BytesView data) {
  std::vector<std::string> out;
  std::string_view rest = as_text(data);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n') + 1;
    out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return out;
}

// A batch that parses as well as the honest one and says something else.
Bytes tampered(BytesView data, std::uint64_t kind, learn::Random& random) {
  std::vector<std::string> lines = lines_of(data);
  const std::size_t row = 1 + random.below(lines.size() - 2);
  switch (kind) {
    case 0: {  // another label
      char& label = lines[row][lines[row].size() - 2];
      label = label == '9' ? '0' : static_cast<char>(label + 1);
      break;
    }
    case 1: lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(row)); break;
    default: std::swap(lines[row], lines[row + 1]);
  }
  std::string out;
  for (const std::string& line : lines) out += line;
  return to_bytes(out);
}

Result<void> attack(drills::World& world) {
  TRY(produce(world));
  Delivery& delivery = world.state<Delivery>();
  const std::uint64_t kind = world.seed() % kKinds;
  delivery.path =
      TRY(drills::FeedServer::start([&delivery, kind, seed = world.seed()](const std::string& path) {
        if (kind == 3)
          return drills::response_of(path == kData ? delivery.previous.data : delivery.previous.manifest);
        const auto genuine = drills::fetch(delivery.producer->port(), path);
        if (!genuine) return std::vector<Bytes>{};
        if (path != kData) return drills::response_of(*genuine);
        learn::Random random(seed);
        return drills::response_of(tampered(*genuine, kind, random));
      }));
  return {};
}

Result<void> honest(drills::World& world) {
  TRY(produce(world));
  Delivery& delivery = world.state<Delivery>();
  const std::uint64_t kind = world.seed() % kKinds;
  delivery.path = TRY(drills::FeedServer::start([&delivery, kind](const std::string& path) {
    const auto genuine = drills::fetch(delivery.producer->port(), path);
    if (!genuine) return std::vector<Bytes>{};
    const bool first = delivery.connections++ == 0;
    return drills::response_of(*genuine, {.piece_bytes = kind == 0 ? 7U : 4096U,
                                          .chunked = kind == 0,
                                          .gzip = kind == 1,
                                          .slow = kind == 3,
                                          .cut = kind == 2 && first});
  }));
  return {};
}

Result<std::vector<learn::RowDigest>> rows_in(BytesView data) {
  const Dataset table = TRY(formats::csv::parse(data, {.name = "digits.csv"}));
  return learn::row_digests(table, learn::TextForm::kVerbatim);
}

// A collector that trusts the path hands on what arrives.
Result<void> collect(drills::World& world) {
  Delivery& delivery = world.state<Delivery>();
  delivery.collected = TRY(rows_in(TRY(drills::fetch(delivery.path->port(), kData))));
  return {};
}

// The pipeline learns from other rows than the owner's current ones.
bool harmed(const drills::World& world) {
  const Delivery& delivery = world.state<Delivery>();
  const auto sent = rows_in(delivery.current.data);
  return !sent || delivery.collected != *sent;
}

// What a collector of the feed does before it parses anything.
Result<drills::Outcome> defend(drills::World& world) {
  const Delivery& delivery = world.state<Delivery>();
  const Bytes data = TRY(drills::fetch(delivery.path->port(), kData));
  const Bytes manifest = TRY(drills::fetch(delivery.path->port(), kManifest));
  const trust::Root root = TRY(delivery.workspace.load_root());
  const trust::Ledger ledger = TRY(delivery.workspace.open_ledger(root));
  const auto batch = trust::verify_batch(manifest, data, root);
  if (!batch) return drills::outcome_of(batch);
  return drills::outcome_of(trust::check_sequence(*batch, ledger, trust::Again::kRefused));
}

}  // namespace

const drills::Drill batch_manifest_drill{
    .threat = "acq-ingest-tamper",
    .story = "a proxy changes a field, drops a row, swaps two rows, or plays the last batch again",
    .honest_story = "the same batch in other chunks, compressed, after a lost connection, or late",
    .attack = attack,
    .honest = honest,
    .victim = collect,
    .harmed = harmed,
    .defend = defend,
    .trials = 8,
    .harm = "the collector keeps records that the producer never sent so",
};

}  // namespace sallyport::data_engineering::data_acquisition
