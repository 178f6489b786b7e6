// Labels that look wrong, and words that carry a label.
#include <algorithm>
#include <span>

#include "learn/encoded.h"
#include "learn/free_text.h"
#include "learn/label_ranking.h"
#include "learn/picture.h"
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
                     const CheckOptions& options, CheckVerdict& verdict) {
  const learn::PlantedErrors errors = TRY(learn::plant_errors(ranking.probabilities, classes, options.seed));
  if (errors.planted == 0) {
    verdict.unmeasured = "too few rows to relabel some";
    return {};
  }
  const double power = static_cast<double>(errors.flagged) / static_cast<double>(errors.planted);
  verdict.power = power;
  verdict.power_n = errors.planted;
  verdict.effect = "one row in twenty relabelled at random";
  if (!ranking.noise) {
    verdict.unmeasured =
        options.probabilities
            ? "how many labels are wrong is told by neighbours, and probabilities alone were given"
            : "no row has neighbours that agree on a label, so how many labels are wrong is not known";
    return {};
  }
  verdict.false_positive_n = ranking.noise_rows;
  verdict.false_positive_rate =
      *ranking.noise < 1 ? std::clamp((flagged - *ranking.noise * power) / (1 - *ranking.noise), 0.0, flagged)
                         : 0;
  return {};
}

Result<learn::LabelRanking> ranking_of(const Dataset& data, const learn::Classes& classes,
                                       const CheckOptions& options) {
  if (options.probabilities) return learn::rank_labels(*options.probabilities, classes);
  learn::LabelRankingOptions asked{.seed = options.seed, .threads = options.threads};
  asked.on_share = options.on_share;
  // Trees are for columns that mean something each: pixels and hashed words do not.
  const bool is_table = learn::channels_of(data.image, data.feature_columns().size()) == 0 &&
                        std::ranges::none_of(data.columns, [&](const Column& column) {
                          return !data.roles.covers(column.name) && learn::is_free_text(column);
                        });
  if (is_table) asked.trees = learn::LabelRankingOptions::Trees::kAskToo;
  return learn::rank_labels(TRY(learn::encoded_features(data)), classes, asked);
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
  out.verdict.looks_for = "labels that the given probabilities contradict, by confident learning";
  if (!options.probabilities) {
    out.verdict.looks_for =
        ranking.asked_trees
            ? "labels that cross-validated scores, boosted trees and nearest neighbours contradict"
            : "labels that cross-validated scores and nearest neighbours contradict";
  }
  TRY(measure(ranking, classes, *out.verdict.rate, options, out.verdict));
  if (suspect == 0) return out;
  out.verdict.verdict = Verdict::kWarn;
  out.verdict.findings.push_back(std::to_string(suspect) + " of " + std::to_string(ranking.score.size()) +
                                 " labels look wrong");
  return out;
}

namespace {

bool stands_out(const learn::SuspectToken& token) {
  return token.mean_residual >= kTokenResidual && token.score >= kTokenScore;
}

// A sample of the texts, with a made-up word of each label put into texts of others that are relabelled:
// which of the words stand out. And the sample with its labels dealt anew, where no word goes with any: how
// many stand out all the same.
void measure_tokens(const Column& column, const learn::Classes& classes, const CheckOptions& options,
                    CheckVerdict& verdict) {
  constexpr std::size_t kRows = 5000;
  constexpr std::size_t kPlanted = 20;  // of each label
  constexpr std::size_t kLabelsMax = 20;
  const std::size_t count = std::min(column.texts.size(), kRows);
  const std::size_t labels = std::min(classes.names.size(), kLabelsMax);
  if (labels < 2 || count < 4 * kPlanted * labels) {
    verdict.unmeasured = "too few texts of each label to put words of our own into some";
    return;
  }
  learn::Random random(learn::derive_seed(options.seed, 61));
  std::vector<std::string> texts;
  learn::Classes given{.names = classes.names, .of_row = {}};
  for (const std::size_t row : random.sample(column.texts.size(), count)) {
    texts.push_back(column.texts[row]);
    given.of_row.push_back(classes.of_row[row]);
  }
  const learn::TokenOptions asked{
      .count = texts.size() * 100, .seed = options.seed, .threads = options.threads};
  learn::Classes dealt = given;
  random.shuffle(std::span(dealt.of_row));
  const std::vector<learn::SuspectToken> by_chance = learn::suspect_tokens(texts, dealt, asked);
  const auto alarms = std::ranges::count_if(by_chance, stands_out);
  const auto word = [](std::size_t label) { return "qzxw" + std::to_string(label) + "v"; };
  for (std::uint32_t label = 0; label < labels; ++label) {
    std::size_t done = 0;
    for (std::size_t tries = 0; tries < 50 * kPlanted && done < kPlanted; ++tries) {
      const std::size_t row = random.below(texts.size());
      if (given.of_row[row] == label || texts[row].ends_with('v')) continue;
      texts[row] += " " + word(label);
      given.of_row[row] = label;
      ++done;
    }
  }
  std::size_t caught = 0;
  const std::vector<learn::SuspectToken> found = learn::suspect_tokens(texts, given, asked);
  for (std::size_t label = 0; label < labels; ++label) {
    const auto at = std::ranges::find(found, word(label), &learn::SuspectToken::token);
    caught += at != found.end() && stands_out(*at) ? 1 : 0;
  }
  verdict.power = static_cast<double>(caught) / static_cast<double>(labels);
  verdict.power_n = labels;
  verdict.effect = "a word in " + std::to_string(kPlanted) + " of " + std::to_string(count) +
                   " texts, of other labels, all relabelled to one";
  if (by_chance.empty()) {
    verdict.unmeasured = "no word stands in three texts";
    return;
  }
  verdict.false_positive_rate = static_cast<double>(alarms) / static_cast<double>(by_chance.size());
  verdict.false_positive_n = by_chance.size();
}

}  // namespace

bool has_labelled_text(const Dataset& data, const CheckOptions&) {
  const Column* text = longest_text(data);
  return data.find(data.roles.label) != nullptr && text != nullptr && learn::is_free_text(*text);
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
    const bool is_suspect = stands_out(token);
    char text[64];
    std::snprintf(text, sizeof text, "%.1f, mean residual %.2f", token.score, token.mean_residual);
    const std::string line = "rank " + std::to_string(i + 1) + ": '" + token.token + "' in " +
                             std::to_string(token.texts) + " texts goes with label " +
                             classes.names[token.of_class] + ", score " + text;
    if (is_suspect || i < 3) out.verdict.findings.push_back(line);
    if (is_suspect) out.verdict.verdict = Verdict::kWarn;
    for (const std::uint32_t row : token.rows) {
      suspect[row] = suspect[row] || is_suspect;
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
  measure_tokens(column, classes, options, out.verdict);
  return out;
}

}  // namespace sallyport::services::data_check
