// split-shard-swap enacted: sixteen shards lie ready; between the check of their manifest and the moment the
// trainer reads them, an intruder replaces one by a poisoned shard of the same length whose CRC-32C is right
// again, or makes two of them change places. 200 swaps in all. The honest twin uploads an identical shard
// again and reads the shards in a shuffled order that was declared.
#include <algorithm>
#include <fstream>

#include "drills/drill.h"
#include "learn/random.h"
#include "trust/data_reader.h"

namespace sallyport::data_engineering::data_preparation {

extern const drills::Drill shard_reader_drill;

namespace {

using drills::World;

constexpr std::size_t kShards = 16;
constexpr std::size_t kShardBytes = 512;  // with the checksum at the end
constexpr int kRounds = 25;
constexpr int kTrials = 8;

enum class Move : std::uint8_t { kNone, kReplace, kReorder, kSame };

struct Story {
  Move move = Move::kNone;
  std::vector<Bytes> shards = {};
  Digest manifest = {};
  trust::Hash root = {};
  std::uint64_t consumed = 0;  // swapped shards that reached the trainer
  std::uint64_t met = 0;       // swaps that the reader refused
};

// CRC-32C (RFC 3720), bit by bit: the format's own checksum, which anyone computes anew.
std::uint32_t crc32c(BytesView bytes) {
  std::uint32_t crc = ~0U;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

Bytes shard_of(std::uint8_t label, std::size_t number) {
  Bytes out(kShardBytes - 5, static_cast<std::uint8_t>(number));
  out.push_back(label);
  append_be(out, crc32c(out), 4);
  return out;
}

bool is_well_formed(BytesView shard) {
  if (shard.size() != kShardBytes) return false;
  Bytes crc;
  append_be(crc, crc32c(shard.first(kShardBytes - 4)), 4);
  return std::equal(crc.begin(), crc.end(), shard.end() - 4);
}

std::string name_of(std::size_t shard) { return "shard-" + std::to_string(10 + shard); }

Result<void> prepare(World& world, Move move) {
  Story& story = world.state<Story>();
  story.move = move;
  for (std::size_t i = 0; i < kShards; ++i) {
    story.shards.push_back(shard_of(1, i));
    TRY(world.write("shards/" + name_of(i), story.shards.back()));
  }
  TRY(trust::DataStore::create(system_env(), world.root() / "data"));
  trust::DataStore store = TRY(trust::DataStore::open(system_env(), world.root() / "data"));
  const auto tree = TRY(trust::add_tree(store, system_env(), world.root() / "shards"));
  story.manifest = tree.digest;
  story.root = tree.root;
  return {};
}

Result<void> attack(World& world) {
  return prepare(world, world.seed() % 2 == 0 ? Move::kReplace : Move::kReorder);
}
Result<void> honest(World& world) { return prepare(world, Move::kSame); }

// The shards as the intruder leaves them in this round.
std::vector<Bytes> after_move(const Story& story, learn::Random& random) {
  std::vector<Bytes> out = story.shards;
  const std::size_t at = random.below(kShards);
  if (story.move == Move::kReplace) out[at] = shard_of(0, at);
  if (story.move == Move::kReorder) std::swap(out[at], out[(at + 1) % kShards]);
  return out;
}

// A trainer that checks the manifest, and then reads the files by their paths and their checksums.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  learn::Random random(world.seed());
  for (int round = 0; round < kRounds; ++round) {
    if (TRY(trust::digest_of_path(system_env(), world.root() / "shards")) != story.manifest) continue;
    const std::vector<Bytes> moved = after_move(story, random);
    for (std::size_t i = 0; i < kShards; ++i) {
      if (story.move == Move::kSame || moved[i] != story.shards[i]) {
        TRY(world.write("shards/" + name_of(i), moved[i]));
      }
    }
    for (std::size_t i = 0; i < kShards; ++i) {
      const Bytes read = TRY(world.read("shards/" + name_of(i)));
      if (is_well_formed(read) && read != story.shards[i]) ++story.consumed;
    }
    for (std::size_t i = 0; i < kShards; ++i) {
      if (moved[i] != story.shards[i]) TRY(world.write("shards/" + name_of(i), story.shards[i]));
    }
  }
  return {};
}

bool harmed(const World& world) { return world.state<Story>().consumed > 0; }

// Every copy of `from` in the pack becomes `to`, in place: a reader that has the file mapped sees it at once.
Result<void> exchange(World& world, const std::vector<Bytes>& from, const std::vector<Bytes>& to) {
  const std::string folder = "data/packs";
  for (const std::string& name : TRY(system_env().list(world.root() / folder))) {
    Bytes pack = TRY(world.read(folder + "/" + name));
    const Bytes before = pack;
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i] == to[i]) continue;
      const auto at = std::search(before.begin(), before.end(), from[i].begin(), from[i].end());
      if (at != before.end()) std::copy(to[i].begin(), to[i].end(), pack.begin() + (at - before.begin()));
    }
    if (pack == before) continue;
    const fs::path path = world.root() / folder / name;
    std::error_code error;
    fs::permissions(path, fs::perms::owner_write, fs::perm_options::add, error);
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(pack.data()), static_cast<std::streamsize>(pack.size()));
    if (!file.flush()) return fail(ErrorKind::kIo, "the pack could not be overwritten");
  }
  return {};
}

Result<drills::Outcome> defend(World& world) {
  Story& story = world.state<Story>();
  learn::Random random(world.seed());
  std::string why;
  std::uint64_t consumed = 0;
  for (int round = 0; round < kRounds; ++round) {
    const trust::DataStore store = TRY(trust::DataStore::open(system_env(), world.root() / "data"));
    const auto reader = TRY(trust::DataReader::open(store, story.manifest, story.root));
    const std::vector<Bytes> moved = after_move(story, random);
    TRY(exchange(world, story.shards, moved));
    std::vector<std::size_t> order(kShards);
    for (std::size_t i = 0; i < kShards; ++i) order[i] = i;
    for (std::size_t i = kShards - 1; i > 0; --i) std::swap(order[i], order[random.below(i + 1)]);
    for (const std::size_t i : order) {
      Bytes read;
      const Result<void> done = reader.read_file(name_of(i), [&](BytesView bytes) -> Result<void> {
        read.insert(read.end(), bytes.begin(), bytes.end());
        return {};
      });
      if (!done) {
        ++story.met;
        why = done.error().message;
      } else if (read != story.shards[i]) {
        ++consumed;
      }
    }
    TRY(exchange(world, moved, story.shards));
  }
  if (consumed > 0) return fail(ErrorKind::kDenied, std::to_string(consumed) + " swapped shards were read");
  return drills::Outcome{.refused = story.met > 0,
                         .why = std::to_string(story.met) + " swapped shards in " + std::to_string(kRounds) +
                                " rounds, 0 read: " + why};
}

}  // namespace

const drills::Drill shard_reader_drill{
    .threat = "split-shard-swap",
    .story =
        "between the check of the manifest and the read, one of sixteen shards is replaced with a checksum "
        "that is right again, or two change places; 25 times a trial",
    .honest_story = "an identical shard uploaded again, and the shards read in a shuffled order",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = kTrials,
    .harm = "the trainer reads poisoned records"};

}  // namespace sallyport::data_engineering::data_preparation
