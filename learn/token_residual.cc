#include "learn/token_residual.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "core/parallel.h"
#include "learn/random.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kTokenBytesMax = 40;
// A token that more texts hold says nothing about which of them are near, and costs most of the time.
constexpr double kCommonShare = 0.1;
constexpr std::size_t kCommonMax = 5000;

bool is_token_byte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

struct Weighted {
  std::uint32_t id = 0;
  float weight = 0;
};

// Texts as sparse unit vectors, and for each token the texts that hold it.
struct Corpus {
  std::vector<std::string> tokens = {};
  std::vector<std::vector<Weighted>> texts = {};
  std::vector<std::vector<Weighted>> holders = {};
};

Corpus corpus_of(const std::vector<std::string>& texts, const std::vector<std::size_t>& rows) {
  Corpus out;
  std::unordered_map<std::string, std::uint32_t> ids;
  std::vector<std::size_t> frequency;
  for (const std::size_t row : rows) {
    std::vector<Weighted>& vector = out.texts.emplace_back();
    for (std::string& token : tokens_of(texts[row])) {
      const auto [at, is_new] = ids.emplace(std::move(token), static_cast<std::uint32_t>(out.tokens.size()));
      if (is_new) {
        out.tokens.push_back(at->first);
        frequency.push_back(0);
      }
      const auto held = std::ranges::find(vector, at->second, &Weighted::id);
      if (held != vector.end()) {
        held->weight += 1;
      } else {
        vector.push_back({at->second, 1});
        ++frequency[at->second];
      }
    }
  }
  out.holders.resize(out.tokens.size());
  for (std::uint32_t text = 0; text < out.texts.size(); ++text) {
    double square = 0;
    for (Weighted& token : out.texts[text]) {
      const double idf =
          std::log(static_cast<double>(1 + rows.size()) / static_cast<double>(1 + frequency[token.id])) + 1;
      token.weight = static_cast<float>(static_cast<double>(token.weight) * idf);
      square += std::pow(static_cast<double>(token.weight), 2);
    }
    for (Weighted& token : out.texts[text]) {
      token.weight /= static_cast<float>(std::sqrt(square));
      out.holders[token.id].push_back({text, token.weight});
    }
  }
  return out;
}

// Residuals of the text `text`, one a class.
void add_residuals(const Corpus& corpus, std::uint32_t text, const std::vector<std::uint32_t>& given,
                   std::size_t neighbours, std::vector<float>& near, std::span<float> residuals) {
  std::ranges::fill(near, 0.0F);
  const auto common =
      std::min(kCommonMax, static_cast<std::size_t>(kCommonShare * static_cast<double>(given.size())) + 1);
  std::vector<std::uint32_t> touched;
  for (const Weighted& token : corpus.texts[text]) {
    if (corpus.holders[token.id].size() > common) continue;
    for (const Weighted& holder : corpus.holders[token.id]) {
      if (near[holder.id] == 0) touched.push_back(holder.id);
      near[holder.id] += token.weight * holder.weight;
    }
  }
  std::erase(touched, text);
  const std::size_t count = std::min(neighbours, touched.size());
  std::partial_sort(
      touched.begin(), touched.begin() + static_cast<std::ptrdiff_t>(count), touched.end(),
      [&](std::uint32_t a, std::uint32_t b) { return near[a] != near[b] ? near[a] > near[b] : a < b; });
  if (count == 0) return;  // nothing is known of it, so its residual is zero
  residuals[given[text]] += 1;
  for (std::size_t i = 0; i < count; ++i) residuals[given[touched[i]]] -= 1 / static_cast<float>(count);
}

std::vector<std::size_t> sampled_rows(std::size_t all, const TokenOptions& options) {
  std::vector<std::size_t> rows(all);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  if (all <= options.texts_max) return rows;
  Random random(options.seed);
  rows = random.sample(all, options.texts_max);
  std::ranges::sort(rows);
  return rows;
}

}  // namespace

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_token_byte(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && is_token_byte(static_cast<unsigned char>(text[end]))) ++end;
    std::string token(text.substr(at, std::min(end - at, kTokenBytesMax)));
    for (char& c : token) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    out.push_back(std::move(token));
    at = end;
  }
  return out;
}

std::vector<SuspectToken> suspect_tokens(const std::vector<std::string>& texts, const Classes& classes,
                                         const TokenOptions& options) {
  const std::vector<std::size_t> rows = sampled_rows(texts.size(), options);
  const Corpus corpus = corpus_of(texts, rows);
  std::vector<std::uint32_t> given;
  for (const std::size_t row : rows) given.push_back(classes.of_row[row]);
  const std::size_t count = classes.names.size();
  Matrix residuals(rows.size(), count);
  constexpr std::size_t kTogether = 64;
  parallel_for((rows.size() + kTogether - 1) / kTogether,
               [&](std::size_t block) {
                 std::vector<float> near(rows.size());
                 for (std::size_t i = block * kTogether; i < std::min(rows.size(), (block + 1) * kTogether);
                      ++i)
                   add_residuals(corpus, static_cast<std::uint32_t>(i), given, options.neighbours, near,
                                 residuals.row(i));
               },
               options.threads);
  std::vector<double> spread(count);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < count; ++k)
      spread[k] += std::pow(static_cast<double>(residuals.at(i, k)), 2) / static_cast<double>(rows.size());
  }
  std::vector<SuspectToken> out;
  for (std::size_t token = 0; token < corpus.tokens.size(); ++token) {
    const std::vector<Weighted>& holders = corpus.holders[token];
    if (holders.size() < options.texts_min) continue;
    SuspectToken best{.texts = holders.size()};
    for (std::uint32_t k = 0; k < count; ++k) {
      double sum = 0;
      for (const Weighted& holder : holders) sum += static_cast<double>(residuals.at(holder.id, k));
      const double mean = sum / static_cast<double>(holders.size());
      const double score = mean * std::sqrt(static_cast<double>(holders.size()) / std::max(spread[k], 1e-12));
      if (score <= best.score) continue;
      best.score = score;
      best.of_class = k;
      best.mean_residual = mean;
    }
    if (best.score <= 0) continue;
    best.token = corpus.tokens[token];
    for (const Weighted& holder : holders) {
      if (given[holder.id] == best.of_class) best.rows.push_back(static_cast<std::uint32_t>(rows[holder.id]));
    }
    out.push_back(std::move(best));
  }
  std::ranges::stable_sort(out, [](const SuspectToken& a, const SuspectToken& b) {
    return a.score != b.score ? a.score > b.score : a.token < b.token;
  });
  if (out.size() > options.count) out.resize(options.count);
  return out;
}

}  // namespace sallyport::learn
