// Texts: near duplicates beside datasketch, personal data beside Presidio's patterns.
#include <algorithm>
#include <set>

#include "bench/data_bench.h"
#include "formats/personal.h"
#include "learn/minhash.h"
#include "learn/row_digest.h"

namespace sallyport::bench::data {
namespace {

constexpr double kSimilar = 0.7;
constexpr const char* kPresidio = "presidio-analyzer==2.2.366";

using Pair = std::pair<std::size_t, std::size_t>;

// Every pair compared.
std::set<Pair> all_similar(const std::vector<learn::TextSketch>& sketches) {
  std::set<Pair> out;
  for (std::size_t a = 0; a < sketches.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const auto [small, large] = std::minmax(sketches[a].shingles.size(), sketches[b].shingles.size());
      if (static_cast<double>(small) < kSimilar * static_cast<double>(large)) continue;
      if (learn::jaccard(sketches[a], sketches[b]) >= kSimilar) out.emplace(b, a);
    }
  }
  return out;
}

struct Hits {
  double recall = 0;
  double precision = 0;
};
Hits hits_of(const std::set<Pair>& found, const std::set<Pair>& truth) {
  double both = 0;
  for (const Pair& pair : found) both += truth.contains(pair) ? 1 : 0;
  return {.recall = both / static_cast<double>(truth.size()),
          .precision = both / static_cast<double>(found.size())};
}

Result<std::vector<Figure>> duplicate_rows() {
  const std::optional<std::string> text = shared_text("text/sms.tsv.gz");
  if (!text) return std::vector<Figure>();
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    const std::string line = text->substr(at, end - at);
    texts.push_back(learn::folded(line.substr(std::min(line.size(), line.find('\t') + 1))));
    at = end + 1;
  }
  constexpr int kRepeats = 20;  // one round takes a few milliseconds
  std::vector<double> build, whole;
  std::vector<learn::TextSketch> sketches;
  std::vector<learn::SimilarPair> pairs;
  for (std::size_t round = 0; round < kSeeds.size(); ++round) {
    double built = 0;
    whole.push_back(seconds_of([&] {
      for (int i = 0; i < kRepeats; ++i) {
        sketches.clear();
        built += seconds_of([&] {
          for (const std::string& one : texts) sketches.push_back(learn::sketch_text(one));
        });
        pairs = learn::similar_pairs(sketches, kSimilar);
      }
    }));
    build.push_back(built);
  }
  std::set<Pair> found;
  for (const learn::SimilarPair& pair : pairs) found.emplace(pair.text, pair.query);
  const std::set<Pair> truth = all_similar(sketches);
  const Hits ours = hits_of(found, truth);
  const double documents = kRepeats * static_cast<double>(texts.size());
  const std::string how = "5,574 SMS, one thread, " + std::to_string(truth.size()) + " similar pairs";
  std::vector<Figure> out{
      {.name = "MinHash-128: sketches", .value = documents / median(build), .unit = "texts/s", .how = how},
      {.name = "MinHash-128: sketches, bands and verified pairs",
       .value = documents / median(whole),
       .unit = "texts/s",
       .how = how},
      {.name = "MinHash-128: recall at .7", .value = ours.recall, .target = 0.995, .how = how},
      {.name = "MinHash-128: precision", .value = ours.precision, .target = 1, .how = how}};
  const Exchange exchange;
  TRY(exchange.put("texts", Json(texts)));
  const Result<Json> answer = exchange.ask("data", kPeers, "near_duplicates");
  if (!answer) return out;
  std::set<Pair> others;
  for (const Json& pair : (*answer)["pairs"])
    others.emplace(pair[0].get<std::size_t>(), pair[1].get<std::size_t>());
  const Hits peer = hits_of(others, truth);
  const double rate = static_cast<double>(texts.size()) / (*answer)["seconds"].get<double>();
  out.push_back({.name = "MinHash-128: sketches, against datasketch",
                 .value = documents / median(build) / rate,
                 .unit = "x",
                 .target = 100,
                 .how = "datasketch 2.0.0: " + std::to_string(static_cast<int>(rate)) + " texts/s"});
  out.push_back({.name = "MinHash-128: recall at .7, datasketch", .value = peer.recall, .how = how});
  out.push_back({.name = "MinHash-128: precision, datasketch", .value = peer.precision, .how = how});
  return out;
}

struct Span {
  std::size_t text = 0;
  std::string kind = {};
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Characters to bytes: Presidio's places are of the former.
std::vector<std::size_t> bytes_of_characters(const std::string& text) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) out.push_back(i);
  }
  out.push_back(text.size());
  return out;
}

struct Marked {
  std::vector<std::string> texts;
  std::vector<Span> spans;
};
std::optional<Marked> marked_texts() {
  const std::optional<std::string> text = shared_text("text/presidio_synth_v2.json.gz");
  if (!text) return std::nullopt;
  const Result<Json> json = parse_json(*text);
  if (!json) return std::nullopt;
  Marked out;
  for (const Json& one : *json) {
    out.texts.push_back(one["full_text"].get<std::string>());
    const std::vector<std::size_t> places = bytes_of_characters(out.texts.back());
    for (const Json& span : one["spans"]) {
      out.spans.push_back({.text = out.texts.size() - 1,
                           .kind = span["entity_type"].get<std::string>(),
                           .begin = places[span["start_position"].get<std::size_t>()],
                           .end = places[span["end_position"].get<std::size_t>()]});
    }
  }
  return out;
}

bool overlap(const Span& a, const Span& b) { return a.text == b.text && a.begin < b.end && b.begin < a.end; }

double recall_of(const std::vector<Span>& found, const Marked& marked, const std::string& kind) {
  double all = 0;
  double hits = 0;
  for (const Span& span : marked.spans) {
    if (span.kind != kind) continue;
    all += 1;
    hits +=
        std::ranges::any_of(found, [&](const Span& one) { return one.kind == kind && overlap(one, span); })
            ? 1
            : 0;
  }
  return all == 0 ? 0 : hits / all;
}

// Spans that touch nothing of their own kind.
double false_hits(const std::vector<Span>& found, const Marked& marked) {
  double out = 0;
  for (const Span& one : found) {
    const bool right = std::ranges::any_of(
        marked.spans, [&](const Span& span) { return overlap(one, span) && one.kind == span.kind; });
    out += right ? 0 : 1;
  }
  return out;
}

constexpr std::array<const char*, formats::kPersonalKinds> kKinds{
    "CREDIT_CARD", "IBAN_CODE", "EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "IP_ADDRESS"};

Result<std::vector<Figure>> personal_rows() {
  const std::optional<Marked> marked = marked_texts();
  if (!marked) return std::vector<Figure>();
  std::vector<Span> ours;
  double bytes = 0;
  for (std::size_t i = 0; i < marked->texts.size(); ++i) {
    bytes += static_cast<double>(marked->texts[i].size());
    for (const formats::PersonalSpan& span : formats::find_personal(marked->texts[i]))
      ours.push_back({i, kKinds[static_cast<std::size_t>(span.kind)], span.begin, span.end});
  }
  constexpr int kRepeats = 50;
  std::vector<double> seconds;
  std::size_t spans = 0;
  for (std::size_t round = 0; round < kSeeds.size(); ++round) {
    seconds.push_back(seconds_of([&] {
      for (int i = 0; i < kRepeats; ++i) {
        for (const std::string& text : marked->texts) spans += formats::find_personal(text).size();
      }
    }));
  }
  if (spans == 0) return invalid("personal data: nothing was found");
  const Exchange exchange;
  TRY(exchange.put("texts", Json(marked->texts)));
  const Result<Json> answer = exchange.ask("presidio", kPresidio, "personal");
  std::vector<Span> peers;
  for (std::size_t i = 0; answer && i < (*answer)["found"].size(); ++i) {
    const Json& one = (*answer)["found"][i];
    const auto text = one[0].get<std::size_t>();
    const std::vector<std::size_t> places = bytes_of_characters(marked->texts[text]);
    peers.push_back({text, one[1].get<std::string>(), places[one[2].get<std::size_t>()],
                     places[one[3].get<std::size_t>()]});
  }
  std::vector<Figure> out;
  for (const std::string kind : kKinds) {
    Figure figure{.name = "personal data: recall of " + kind,
                  .value = recall_of(ours, *marked, kind),
                  .how = "Presidio's synthetic set, 1,500 texts"};
    if (kind == "CREDIT_CARD") figure.target = 1;
    if (kind == "PHONE_NUMBER") figure.target = 0.8;
    if (answer) figure.how += "; Presidio's patterns: " + std::to_string(recall_of(peers, *marked, kind));
    out.push_back(std::move(figure));
  }
  Figure hits{.name = "personal data: false hits",
              .value = false_hits(ours, *marked),
              .better = Better::kLower,
              .how = "spans that touch none of their kind"};
  Figure rate{.name = "personal data: searched",
              .value = kRepeats * bytes / 1e6 / median(seconds),
              .unit = "MB/s",
              .target = 20,
              .how = "one thread, median of 5"};
  if (answer) {
    hits.target = false_hits(peers, *marked);
    rate.how += "; Presidio's patterns: " + std::to_string(bytes / 1e6 / (*answer)["seconds"].get<double>()) +
                " MB/s";
  }
  out.push_back(std::move(hits));
  out.push_back(std::move(rate));
  return out;
}

}  // namespace

}  // namespace sallyport::bench::data

namespace sallyport::bench {

using namespace data;

Result<std::vector<Figure>> bench_data_text() {
  std::vector<Figure> out = TRY(duplicate_rows());
  for (Figure& figure : TRY(personal_rows())) out.push_back(std::move(figure));
  return out;
}

}  // namespace sallyport::bench
