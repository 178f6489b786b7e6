// Labels that look wrong, and words that carry a label.
#include <algorithm>

#include "learn/encoded.h"
#include "learn/label_ranking.h"
#include "learn/random.h"
#include "learn/token_residual.h"
#include "services/data_check/checks.h"

namespace sallyport::services::data_check {
namespace {

// Of a token's texts that would have to be of another class by their neighbours; and how far its score stands
// above what chance makes of as many tokens.
constexpr double kTokenResidual = 0.4;
constexpr double kTokenScore = 5;

// Relabelled at random and looked at again: how often the score of a wrong label reaches what was flagged.
// The scores are out of fold, so one label changes them too little to matter.
std::optional<double> power_of(const learn::Probabilities& probabilities, const learn::Classes& classes,
                               const std::vector<bool>& flagged, std::uint64_t seed) {
  double weakest = 1;
  bool any = false;
  const auto margin = [&](std::size_t r, std::uint32_t given) {
    const std::span<const double> row = probabilities.row(r);
    return *std::ranges::max_element(row) - row[given];
  };
  for (std::size_t r = 0; r < flagged.size(); ++r) {
    if (!flagged[r]) continue;
    any = true;
    weakest = std::min(weakest, margin(r, classes.of_row[r]));
  }
  if (!any || classes.names.size() < 2) return std::nullopt;
  learn::Random random(learn::derive_seed(seed, 3));
  constexpr std::size_t kTrials = 2000;
  std::size_t caught = 0;
  for (std::size_t i = 0; i < kTrials; ++i) {
    const std::size_t r = random.below(flagged.size());
    const auto wrong = static_cast<std::uint32_t>(
        (classes.of_row[r] + 1 + random.below(classes.names.size() - 1)) % classes.names.size());
    caught += margin(r, wrong) >= weakest && margin(r, wrong) > 0 ? 1 : 0;
  }
  return static_cast<double>(caught) / static_cast<double>(kTrials);
}

Result<learn::LabelRanking> ranking_of(const Dataset& data, const learn::Classes& classes,
                                       const CheckOptions& options) {
  if (options.probabilities) return learn::rank_labels(*options.probabilities, classes);
  return learn::rank_labels(TRY(learn::encoded_features(data)), classes,
                            {.seed = options.seed, .threads = options.threads});
}

const Column* longest_text(const Dataset& data) {
  const Column* best = nullptr;
  std::size_t most = 0;
  for (const Column& column : data.columns) {
    if (column.numeric || data.roles.covers(column.name)) continue;
    std::size_t bytes = 0;
    for (const std::string& text : column.texts) bytes += text.size();
    if (bytes > most) {
      most = bytes;
      best = &column;
    }
  }
  return best;
}

}  // namespace

bool has_labels(const Dataset& data, const CheckOptions& options) {
  return data.find(data.roles.label) != nullptr &&
         (options.probabilities || !data.feature_columns().empty() || longest_text(data) != nullptr);
}

Result<Outcome> check_labels(const Dataset& data, const CheckOptions& options) {
  const learn::Classes classes = TRY(learn::classes_of(data));
  const learn::LabelRanking ranking = TRY(ranking_of(data, classes, options));
  Outcome out;
  std::uint64_t suspect = 0;
  for (std::size_t r = 0; r < ranking.score.size(); ++r) {
    const std::string& given = classes.names[classes.of_row[r]];
    const std::string& looks = classes.names[ranking.suggested[r]];
    std::string message = "label " + given;
    if (looks != given) message += " looks like " + looks;
    suspect += ranking.flagged[r] ? 1 : 0;
    out.rows.push_back({.row = r,
                        .guard = {},
                        .score = ranking.score[r],
                        .message = std::move(message),
                        .suspect = ranking.flagged[r]});
  }
  set_rate(out.verdict, suspect, ranking.score.size());
  out.verdict.threats = {"acq-source-poisoning", "prep-label-flip"};
  out.verdict.looks_for = options.probabilities
                              ? "labels that the given probabilities contradict, by confident learning"
                              : "labels that cross-validated scores and nearest neighbours contradict";
  out.verdict.power = power_of(ranking.probabilities, classes, ranking.flagged, options.seed);
  out.verdict.effect = "one row relabelled at random";
  out.verdict.false_positive_rate = ranking.false_positive_rate;
  if (suspect == 0) return out;
  out.verdict.verdict = Verdict::kWarn;
  out.verdict.findings.push_back(std::to_string(suspect) + " of " + std::to_string(ranking.score.size()) +
                                 " labels look wrong");
  return out;
}

bool has_labelled_text(const Dataset& data, const CheckOptions&) {
  return data.find(data.roles.label) != nullptr && longest_text(data) != nullptr;
}

Result<Outcome> check_tokens(const Dataset& data, const CheckOptions& options) {
  const learn::Classes classes = TRY(learn::classes_of(data));
  const Column& column = *longest_text(data);
  const std::vector<learn::SuspectToken> tokens =
      learn::suspect_tokens(column.texts, classes, {.seed = options.seed, .threads = options.threads});
  Outcome out;
  out.verdict.threats = {"analysis-feature-backdoor", "acq-source-poisoning"};
  out.verdict.looks_for =
      "words of column " + column.name + " whose texts carry a label that their neighbours lack";
  std::vector<double> score(data.rows());
  std::vector<const learn::SuspectToken*> why(data.rows());
  std::vector<bool> suspect(data.rows());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const learn::SuspectToken& token = tokens[i];
    const bool stands_out = token.mean_residual >= kTokenResidual && token.score >= kTokenScore;
    char text[64];
    std::snprintf(text, sizeof text, "%.1f, mean residual %.2f", token.score, token.mean_residual);
    const std::string line = "rank " + std::to_string(i + 1) + ": '" + token.token + "' in " +
                             std::to_string(token.texts) + " texts goes with label " +
                             classes.names[token.of_class] + ", score " + text;
    if (stands_out || i < 3) out.verdict.findings.push_back(line);
    if (stands_out) out.verdict.verdict = Verdict::kWarn;
    for (const std::uint32_t row : token.rows) {
      suspect[row] = suspect[row] || stands_out;
      if (token.score <= score[row]) continue;
      score[row] = token.score;
      why[row] = &token;
    }
  }
  std::uint64_t count = 0;
  for (std::size_t row = 0; row < data.rows(); ++row) {
    if (why[row] == nullptr) continue;
    count += suspect[row] ? 1 : 0;
    out.rows.push_back({.row = row,
                        .guard = {},
                        .score = score[row],
                        .message = "holds '" + why[row]->token + "', which goes with label " +
                                   classes.names[why[row]->of_class],
                        .suspect = suspect[row]});
  }
  set_rate(out.verdict, count, data.rows());
  return out;
}

}  // namespace sallyport::services::data_check
