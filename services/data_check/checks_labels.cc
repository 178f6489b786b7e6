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

// The power by planted errors, and from it the share of right labels that are flagged: what is flagged less
// what the wrong ones among all rows account for.
Result<void> measure(const learn::LabelRanking& ranking, const learn::Classes& classes, double flagged,
                     std::uint64_t seed, CheckVerdict& verdict) {
  const learn::PlantedErrors errors = TRY(learn::plant_errors(ranking.probabilities, classes, seed));
  if (errors.planted == 0) return {};
  const double power = static_cast<double>(errors.flagged) / static_cast<double>(errors.planted);
  verdict.power = power;
  verdict.power_n = errors.planted;
  verdict.effect = "one row in twenty relabelled at random";
  if (!ranking.noise) return {};
  verdict.false_positive_n = ranking.noise_rows;
  verdict.false_positive_rate =
      *ranking.noise < 1 ? std::clamp((flagged - *ranking.noise * power) / (1 - *ranking.noise), 0.0, flagged)
                         : 0;
  return {};
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
                        .suspect = ranking.flagged[r],
                        .given = given,
                        .suggested = looks});
  }
  set_rate(out.verdict, suspect, ranking.score.size());
  out.verdict.threats = {"acq-source-poisoning", "prep-label-flip"};
  out.verdict.looks_for = options.probabilities
                              ? "labels that the given probabilities contradict, by confident learning"
                              : "labels that cross-validated scores and nearest neighbours contradict";
  TRY(measure(ranking, classes, *out.verdict.rate, options.seed, out.verdict));
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
