// Finds annotators who make one mistake on purpose, alone or together.
//
// The table has one row an answer: the item (the id), who answered (the contributor) and the label. Dawid and
// Skene's estimate (learn/dawid_skene.h) gives each item a class and each annotator a confusion. Honest
// annotators err too, but in every direction and each on items of his own. So an annotator is refused when
// one ordered pair of true and given class stands above the rate of all others (binomial, Bonferroni over
// annotators and pairs) and makes up at least half of his errors; and two are refused together when they give
// the same wrong label to more items than their own rates explain (Bonferroni over pairs of annotators).
// Items whose true class is known (a column `gold`) are a sequential test of each annotator by themselves:
// Wald's likelihood ratio of an error rate of `bad_rate` against `good_rate`.
//
// Missed: a majority of an item's annotators in collusion, and errors that spread over all classes.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "core/guard.h"
#include "core/limits/data.h"
#include "learn/dawid_skene.h"
#include "learn/digest_sample.h"
#include "learn/matrix.h"
#include "learn/random.h"
#include "learn/row_digest.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_analysis {

extern const Guard annotator_collusion;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.001,
     "probability of refusing anyone among honest annotators, over all tests of a kind together"},
    {"own_share", 0.5, "share of an annotator's errors that one direction must make up"},
    {"good_rate", 0.15, "errors of a good annotator on items whose class is known"},
    {"bad_rate", 0.4, "errors of a bad one"},
    {"rows_max", 1'000'000, "answers that are judged; of more, those to a sample of the items"},
};

constexpr std::string_view kGold = "gold";
constexpr std::size_t kTrials = 10;

struct Raw {
  learn::RowDigest of_item = {};
  std::string item;
  std::string annotator;
  std::string label;
  std::string gold;
  std::uint64_t row = 0;
};

struct Summary {
  explicit Summary(std::size_t rows_max) : answers(rows_max, &Raw::of_item) {}

  std::string name = {};
  learn::DigestSample<Raw> answers;
};

Result<std::any> summarise(const Dataset& shard, Side side, const Contract&, const Parameters& parameters) {
  Summary out(static_cast<std::size_t>(parameters.get("rows_max")));
  if (side == Side::kData) out.name = shard.name;
  const Column* who = shard.find(shard.roles.contributor);
  if (side == Side::kReference || who == nullptr || shard.find(shard.roles.id) == nullptr ||
      shard.find(shard.roles.label) == nullptr)
    return std::any(std::move(out));
  const std::vector<std::string> items = shard.ids();
  const std::vector<std::string> annotators = learn::cell_texts(who);
  const std::vector<std::string> labels = TRY(shard.labels());
  const Column* gold = shard.find(kGold);
  const std::vector<std::string> known = learn::cell_texts(gold);
  for (std::size_t row = 0; row < items.size(); ++row) {
    const bool is_known = gold != nullptr && known[row] != "nan";
    out.answers.add({.of_item = learn::row_digest(items[row]),
                     .item = items[row],
                     .annotator = annotators[row],
                     .label = labels[row],
                     .gold = is_known ? known[row] : "",
                     .row = shard.first_row + row});
  }
  return std::any(std::move(out));
}

std::any merge(std::any a, std::any b) {
  Summary x = std::any_cast<Summary>(std::move(a));
  Summary y = std::any_cast<Summary>(std::move(b));
  if (x.name.empty()) x.name = y.name;
  x.answers.merge(std::move(y.answers));
  return x;
}

// The names in order, and each answer in numbers.
struct Panel {
  std::vector<std::string> annotators;
  std::vector<std::string> classes;
  std::size_t items = 0;
  std::vector<learn::Answer> answers = {};
  std::vector<std::string> gold = {};
  std::size_t answered_twice = 0;  // items
};

std::vector<std::string> distinct(const std::vector<Raw>& answers, std::string Raw::*member) {
  std::vector<std::string> out;
  for (const Raw& answer : answers) out.push_back(answer.*member);
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::uint32_t number_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::uint32_t>(std::ranges::lower_bound(names, name) - names.begin());
}

Panel panel_of(std::vector<Raw> raw) {
  std::ranges::sort(raw, {}, &Raw::row);
  Panel out{.annotators = distinct(raw, &Raw::annotator), .classes = distinct(raw, &Raw::label)};
  const std::vector<std::string> items = distinct(raw, &Raw::item);
  out.items = items.size();
  std::vector<std::size_t> answers(items.size());
  for (const Raw& answer : raw) {
    out.answers.push_back({number_of(items, answer.item), number_of(out.annotators, answer.annotator),
                           number_of(out.classes, answer.label)});
    out.gold.push_back(answer.gold);
    if (++answers[out.answers.back().item] == 2) ++out.answered_twice;
  }
  return out;
}

// counts[annotator][truth][given]
class Errors {
 public:
  Errors(const Panel& panel, const learn::Consensus& consensus)
      : classes_(panel.classes.size()), counts_(panel.annotators.size() * classes_ * classes_) {
    for (const learn::Answer& answer : panel.answers)
      ++counts_[(answer.annotator * classes_ + consensus.truth[answer.item]) * classes_ + answer.label];
  }
  std::uint64_t at(std::size_t annotator, std::size_t truth, std::size_t given) const {
    return counts_[(annotator * classes_ + truth) * classes_ + given];
  }
  std::uint64_t answers(std::size_t annotator, std::size_t truth) const {
    std::uint64_t sum = 0;
    for (std::size_t given = 0; given < classes_; ++given) sum += at(annotator, truth, given);
    return sum;
  }
  std::uint64_t errors(std::size_t annotator) const {
    std::uint64_t sum = 0;
    for (std::size_t truth = 0; truth < classes_; ++truth)
      sum += answers(annotator, truth) - at(annotator, truth, truth);
    return sum;
  }
  // Among all others; half an error more, so that nothing is impossible.
  double rate_of_others(std::size_t annotator, std::size_t truth, std::size_t given) const {
    double errors = 0.5;
    double all = 1;
    for (std::size_t other = 0; other * classes_ * classes_ < counts_.size(); ++other) {
      if (other == annotator) continue;
      errors += static_cast<double>(at(other, truth, given));
      all += static_cast<double>(answers(other, truth));
    }
    return errors / all;
  }

 private:
  std::size_t classes_;
  std::vector<std::uint64_t> counts_;
};

void find_directions(const Panel& panel, const Errors& errors, const Parameters& parameters,
                     std::vector<Finding>& findings) {
  const std::size_t k = panel.classes.size();
  const double level = parameters.get("alpha") / static_cast<double>(panel.annotators.size() * k * (k - 1));
  for (std::size_t a = 0; a < panel.annotators.size(); ++a) {
    const double all = static_cast<double>(errors.errors(a));
    for (std::size_t truth = 0; truth < k; ++truth) {
      for (std::size_t given = 0; given < k; ++given) {
        const std::uint64_t count = errors.at(a, truth, given);
        // Both directions of a swap are one intent.
        const double swap = static_cast<double>(count + errors.at(a, given, truth));
        if (truth == given || count < 3 || swap < parameters.get("own_share") * all) continue;
        const std::uint64_t of = errors.answers(a, truth);
        if (learn::binomial_upper_tail(count, of, errors.rate_of_others(a, truth, given)) > level) continue;
        findings.push_back({.severity = Severity::kHigh,
                            .message = "annotator " + panel.annotators[a] + " gives " + panel.classes[given] +
                                       " for " + panel.classes[truth] + " " + std::to_string(count) +
                                       " times of " + std::to_string(of),
                            .remedy = "leave the annotator's answers out and ask others about these items"});
      }
    }
  }
}

// The same wrong label on the same item, counted for each two annotators, and what their own rates explain.
void find_pairs(const Panel& panel, const learn::Consensus& consensus, const Errors& errors,
                const Parameters& parameters, std::vector<Finding>& findings) {
  struct Pair {
    double together = 0;
    double expected = 0;
    double variance = 0;
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Pair> pairs;
  std::vector<std::vector<const learn::Answer*>> of_item(panel.items);
  for (const learn::Answer& answer : panel.answers) of_item[answer.item].push_back(&answer);
  const std::size_t k = panel.classes.size();
  const auto rate = [&](const learn::Answer& answer, std::size_t truth, std::size_t given) {
    return (static_cast<double>(errors.at(answer.annotator, truth, given)) + 0.5) /
           (static_cast<double>(errors.answers(answer.annotator, truth)) + 1);
  };
  for (std::size_t item = 0; item < panel.items; ++item) {
    const std::size_t truth = consensus.truth[item];
    for (std::size_t i = 0; i < of_item[item].size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const learn::Answer& x = *of_item[item][i];
        const learn::Answer& y = *of_item[item][j];
        if (x.annotator == y.annotator) continue;
        Pair& pair = pairs[std::minmax(x.annotator, y.annotator)];
        double p = 0;
        for (std::size_t given = 0; given < k; ++given)
          p += given == truth ? 0 : rate(x, truth, given) * rate(y, truth, given);
        pair.together += x.label == y.label && x.label != truth ? 1 : 0;
        pair.expected += p;
        pair.variance += p * (1 - p);
      }
    }
  }
  const double level = parameters.get("alpha") / static_cast<double>(std::max<std::size_t>(1, pairs.size()));
  for (const auto& [who, pair] : pairs) {
    if (pair.together < 5) continue;
    const double z = (pair.together - 0.5 - pair.expected) / std::sqrt(pair.variance + 1e-12);
    // A sum of rare events has a longer tail than a normal variate; the Poisson bound covers it.
    const double poisson = 1 - learn::incomplete_gamma_upper(pair.together, pair.expected);
    if (std::max(learn::normal_upper_tail(z), poisson) > level) continue;
    char expected[16];
    std::snprintf(expected, sizeof expected, "%.1f", pair.expected);
    findings.push_back({.severity = Severity::kHigh,
                        .message = "annotators " + panel.annotators[who.first] + " and " +
                                   panel.annotators[who.second] + " agree on the same wrong label " +
                                   std::to_string(static_cast<int>(pair.together)) +
                                   " times, where their own rates explain " + expected,
                        .remedy = "treat the two as one voice, or leave both out"});
  }
}

// Wald's sequential probability ratio test over the gold items of each annotator, in the order of the rows.
void find_by_gold(const Panel& panel, const Parameters& parameters, std::vector<Finding>& findings) {
  const double good = parameters.get("good_rate");
  const double bad = parameters.get("bad_rate");
  const double bound = std::log(static_cast<double>(panel.annotators.size()) / parameters.get("alpha"));
  std::vector<double> ratio(panel.annotators.size());
  std::vector<int> seen(panel.annotators.size());
  std::vector<bool> refused(panel.annotators.size());
  for (std::size_t i = 0; i < panel.answers.size(); ++i) {
    const learn::Answer& answer = panel.answers[i];
    if (panel.gold[i].empty() || refused[answer.annotator]) continue;
    const bool wrong = panel.classes[answer.label] != panel.gold[i];
    ratio[answer.annotator] += wrong ? std::log(bad / good) : std::log((1 - bad) / (1 - good));
    ratio[answer.annotator] = std::max(ratio[answer.annotator], 0.0);
    ++seen[answer.annotator];
    if (ratio[answer.annotator] < bound) continue;
    refused[answer.annotator] = true;
    findings.push_back({.severity = Severity::kHigh,
                        .message = "annotator " + panel.annotators[answer.annotator] +
                                   " failed the items whose class is known, after " +
                                   std::to_string(seen[answer.annotator]) + " of them",
                        .remedy = "leave the annotator's answers out"});
  }
}

bool refuses_anyone(const Panel& panel, const Parameters& parameters) {
  const learn::Consensus consensus =
      learn::consensus_of(panel.answers, panel.items, panel.annotators.size(), panel.classes.size());
  const Errors errors(panel, consensus);
  std::vector<Finding> findings;
  find_directions(panel, errors, parameters, findings);
  find_pairs(panel, consensus, errors, parameters, findings);
  return !findings.empty();
}

// Panels of the same design, of as many items as the work allows, answered anew: each annotator errs as often
// as here and in the directions in which all err together.
class Imagined {
 public:
  Imagined(const Panel& panel, const learn::Consensus& consensus, const Errors& errors)
      : panel_(panel), truth_(consensus.truth), rate_(panel.annotators.size()) {
    const std::size_t k = panel.classes.size();
    wrong_.resize(k * k);
    for (std::size_t a = 0; a < panel.annotators.size(); ++a) {
      double answers = 0;
      for (std::size_t truth = 0; truth < k; ++truth) {
        answers += static_cast<double>(errors.answers(a, truth));
        for (std::size_t given = 0; given < k; ++given)
          wrong_[truth * k + given] +=
              truth == given ? 0 : static_cast<double>(errors.at(a, truth, given)) + 0.01;
      }
      rate_[a] = answers > 0 ? static_cast<double>(errors.errors(a)) / answers : 0;
    }
  }

  // `liar` gives `swap.second` for `swap.first` and the other way round, three times in five.
  struct Swap {
    std::uint32_t liar = 0;
    std::uint32_t one = 0;
    std::uint32_t other = 0;
  };
  Panel answered(learn::Random& random, std::optional<Swap> swap) const {
    const std::size_t items = std::min(panel_.items, kImaginedItems);
    Panel out{.annotators = panel_.annotators, .classes = panel_.classes, .items = items};
    for (const learn::Answer& answer : panel_.answers) {
      if (answer.item >= items) continue;
      const auto truth = static_cast<std::uint32_t>(truth_[answer.item]);
      std::uint32_t given = random.uniform() < rate_[answer.annotator] ? wrong(truth, random) : truth;
      if (swap && answer.annotator == swap->liar && (truth == swap->one || truth == swap->other) &&
          random.uniform() < kSwapped)
        given = truth == swap->one ? swap->other : swap->one;
      out.answers.push_back({answer.item, answer.annotator, given});
    }
    out.gold.resize(out.answers.size());
    return out;
  }

  static constexpr double kSwapped = 0.6;

 private:
  static constexpr std::size_t kImaginedItems = 300;

  std::uint32_t wrong(std::uint32_t truth, learn::Random& random) const {
    const std::size_t k = panel_.classes.size();
    double all = 0;
    for (std::size_t given = 0; given < k; ++given) all += wrong_[truth * k + given];
    double at = random.uniform() * all;
    for (std::uint32_t given = 0; given < k; ++given) {
      at -= wrong_[truth * k + given];
      if (at < 0) return given;
    }
    return truth;
  }

  const Panel& panel_;
  const std::vector<std::uint32_t>& truth_;
  std::vector<double> rate_;
  std::vector<double> wrong_;  // [truth][given], of all annotators
};

// How often such a panel is refused when all are honest, and when one swaps two classes.
void measure(const Panel& panel, const learn::Consensus& consensus, const Errors& errors,
             const Parameters& parameters, Statistic& statistic) {
  const Imagined imagined(panel, consensus, errors);
  learn::Random random(0xa770);
  double alarms = 0;
  double caught = 0;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    alarms += refuses_anyone(imagined.answered(random, {}), parameters) ? 1.0 / kTrials : 0;
    Imagined::Swap swap{.liar = static_cast<std::uint32_t>(random.below(panel.annotators.size())),
                        .one = static_cast<std::uint32_t>(random.below(panel.classes.size()))};
    swap.other = static_cast<std::uint32_t>((swap.one + 1 + random.below(panel.classes.size() - 1)) %
                                            panel.classes.size());
    caught += refuses_anyone(imagined.answered(random, swap), parameters) ? 1.0 / kTrials : 0;
  }
  statistic.power = caught;
  statistic.effect = "one annotator who swaps two classes on 60 % of their items, in " +
                     std::to_string(kTrials) + " panels of at most 300 items answered anew";
  statistic.false_positive_rate = alarms;
}

Result<Examination> judge(const std::any& any_summary, const Contract&, const Parameters& parameters) {
  Summary summary = std::any_cast<const Summary&>(any_summary);
  const double share = summary.answers.settle().share();
  const Panel panel = panel_of(std::move(summary.answers.rows()));
  if (panel.annotators.size() > limits::kAnnotatorsMax) {
    return fail(ErrorKind::kLimit, "data set " + summary.name + ": more than kAnnotatorsMax annotators");
  }
  Examination out;
  out.statistics.push_back({.name = "items with several answers",
                            .value = static_cast<double>(panel.answered_twice),
                            .sample_size = panel.items});
  if (share < 1) out.statistics.push_back({.name = "share of the items", .value = share});
  // A table of one answer an item has nothing to hold an annotator against.
  if (panel.answered_twice == 0 || panel.annotators.size() < 3 || panel.classes.size() < 2) {
    out.statistics.front().effect =
        "no items with answers of several of three annotators, so nobody is judged";
    return out;
  }
  const learn::Consensus consensus =
      learn::consensus_of(panel.answers, panel.items, panel.annotators.size(), panel.classes.size());
  const Errors errors(panel, consensus);
  find_directions(panel, errors, parameters, out.findings);
  find_pairs(panel, consensus, errors, parameters, out.findings);
  find_by_gold(panel, parameters, out.findings);
  measure(panel, consensus, errors, parameters, out.statistics.front());
  for (Finding& finding : out.findings) finding.where.path = summary.name;
  return out;
}

}  // namespace

const Guard annotator_collusion{
    .id = "annotator_collusion",
    .threats = {"analysis-annotator-compromise"},
    .summary = "annotators who make the same mistake over and over, or together",
    .looks_for =
        "a direction of error above everybody else's, two annotators with more equal errors than their rates "
        "explain, and errors on items whose class is known",
    .parameters = kParameters,
    .dataset = {.summarise = summarise, .merge = merge, .judge = judge},
};

}  // namespace sallyport::data_engineering::data_analysis
