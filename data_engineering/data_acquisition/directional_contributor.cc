// Finds the contributor who relabels one class as another.
//
// Each row's neighbours among the rows of other contributors vote on its class, in a space that never saw the
// label. Honest contributors disagree with that vote too: their hand is unusual, their scanner is askew,
// their labels are noisy. But they disagree in every direction, and a poisoner in one: from the class he
// wants misread to the class he wants read. So the test is directional. For each contributor and ordered pair
// (voted, given) it asks whether the count exceeds the rate of all others (binomial, Bonferroni over all
// contributors and pairs) and makes up at least half of the contributor's own disagreements.
//
// Missed: flips too few to reject (the power is printed), flips spread over colluding contributors, and wrong
// rows whose labels are right.
#include <algorithm>
#include <cmath>
#include <map>

#include "core/guard.h"
#include "learn/row_digest.h"
#include "learn/row_sample.h"
#include "learn/sample_fold.h"
#include "learn/statistics.h"
#include "learn/votes.h"

namespace sallyport::data_engineering::data_acquisition {

extern const Guard directional_contributor;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.01,
     "probability of quarantining anyone in a data set without a poisoner, over all tests together"},
    {"own_share", 0.5, "share of a contributor's disagreements that one direction must make up"},
    {"class_share", 0.5, "share of a class that one contributor may supply where there are three or more"},
    {"voters", 11, "neighbours that vote on a row, 64 at most"},
    {"rows_max", 10000, "rows that are judged; more are sampled by row number"},
    {"sample_seed", 0, "chooses that sample; keep it from contributors"},
};

// How many neighbours are asked for in order to find enough voters of other contributors.
constexpr std::size_t kNeighboursPerVoter = 4;

// counts[contributor][voted][given], as one array.
struct Cells {
  std::size_t contributors = 0;
  std::size_t classes = 0;
  std::vector<std::uint64_t> counts = {};

  std::uint64_t& at(std::size_t c, std::size_t voted, std::size_t given) {
    return counts[(c * classes + voted) * classes + given];
  }
  std::uint64_t at(std::size_t c, std::size_t voted, std::size_t given) const {
    return counts[(c * classes + voted) * classes + given];
  }
  std::uint64_t voted_as(std::size_t c, std::size_t voted) const {
    std::uint64_t sum = 0;
    for (std::size_t given = 0; given < classes; ++given) sum += at(c, voted, given);
    return sum;
  }
  std::uint64_t disagreements(std::size_t c) const {
    std::uint64_t sum = 0;
    for (std::size_t voted = 0; voted < classes; ++voted) sum += voted_as(c, voted) - at(c, voted, voted);
    return sum;
  }
};

struct Votes {
  learn::RowSample sample;
  learn::Classes classes;
  std::vector<std::string> contributors;
  std::vector<std::uint32_t> contributor_of;
  std::vector<std::uint32_t> voted;  // learn::kNoVote where nobody could vote
  Cells cells;
};

Result<Votes> take_votes(learn::RowSample sample, std::size_t voters) {
  Votes votes{.sample = std::move(sample),
              .classes = {},
              .contributors = {},
              .contributor_of = {},
              .voted = {},
              .cells = {}};
  const Dataset& rows = votes.sample.rows;
  votes.classes = TRY(learn::classes_of(rows));
  std::map<std::string, std::uint32_t> index;
  const std::vector<std::string> names = learn::cell_texts(rows.find(rows.roles.contributor));
  for (const std::string& name : names) index.emplace(name, 0);
  for (auto& [name, at] : index) {
    at = static_cast<std::uint32_t>(votes.contributors.size());
    votes.contributors.push_back(name);
  }
  for (const std::string& name : names) votes.contributor_of.push_back(index.at(name));

  const learn::Matrix features = TRY(learn::comparable_features(rows));
  const learn::Neighbours neighbours =
      TRY(learn::nearest_others(features, {.count = kNeighboursPerVoter * voters}));
  votes.cells = {
      .contributors = votes.contributors.size(), .classes = votes.classes.names.size(), .counts = {}};
  votes.cells.counts.resize(votes.cells.contributors * votes.cells.classes * votes.cells.classes);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const std::uint32_t own = votes.contributor_of[row];
    const std::uint32_t voted =
        learn::vote(neighbours.of(row), votes.classes.of_row, voters,
                    [&](std::uint32_t other) { return votes.contributor_of[other] != own; });
    votes.voted.push_back(voted);
    if (voted != learn::kNoVote) ++votes.cells.at(own, voted, votes.classes.of_row[row]);
  }
  return votes;
}

struct Suspicion {
  std::size_t contributor = 0;
  std::size_t voted = 0;
  std::size_t given = 0;
  std::uint64_t count = 0;
  std::uint64_t of = 0;
  std::uint64_t others_count = 0;
  std::uint64_t others_of = 0;
  double p = 1;  // after Bonferroni
};

// Laplace's rule of succession: the others' rate is never taken for exactly zero.
double rate_of(std::uint64_t count, std::uint64_t of) {
  return (static_cast<double>(count) + 1) / (static_cast<double>(of) + 2);
}

double tests_of(const Cells& cells) {
  return static_cast<double>(cells.contributors * cells.classes * (cells.classes - 1));
}

std::vector<Suspicion> suspicions_in(const Cells& cells, double alpha, double own_share) {
  std::vector<Suspicion> out;
  for (std::size_t voted = 0; voted < cells.classes; ++voted) {
    for (std::size_t given = 0; given < cells.classes; ++given) {
      if (voted == given) continue;
      std::uint64_t all_count = 0;
      std::uint64_t all_of = 0;
      for (std::size_t c = 0; c < cells.contributors; ++c) {
        all_count += cells.at(c, voted, given);
        all_of += cells.voted_as(c, voted);
      }
      for (std::size_t c = 0; c < cells.contributors; ++c) {
        Suspicion s{.contributor = c,
                    .voted = voted,
                    .given = given,
                    .count = cells.at(c, voted, given),
                    .of = cells.voted_as(c, voted)};
        s.others_count = all_count - s.count;
        s.others_of = all_of - s.of;
        if (s.count == 0 ||
            static_cast<double>(s.count) < own_share * static_cast<double>(cells.disagreements(c))) {
          continue;
        }
        const double p = learn::binomial_upper_tail(s.count, s.of, rate_of(s.others_count, s.others_of));
        s.p = std::min(1.0, p * tests_of(cells));
        if (s.p <= alpha) out.push_back(s);
      }
    }
  }
  return out;
}

std::string scientific(double p) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1e", p);
  return buffer;
}

void report(const Votes& votes, const Suspicion& s, std::vector<Finding>& findings) {
  const std::string& who = votes.contributors[s.contributor];
  const std::string& voted = votes.classes.names[s.voted];
  const std::string& given = votes.classes.names[s.given];
  findings.push_back(
      {.severity = Severity::kHigh,
       .confidence = Confidence::kHigh,
       .where = {.path = votes.sample.rows.name, .column = votes.sample.rows.roles.contributor},
       .message = "contributor " + who + " labels as " + given + " " + std::to_string(s.count) + " of " +
                  std::to_string(s.of) + " rows that their neighbours take for " + voted +
                  "; all others do so with " + std::to_string(s.others_count) + " of " +
                  std::to_string(s.others_of) + " (corrected p = " + scientific(s.p) + ")",
       .remedy = "quarantine what " + who + " contributed, and relabel it or leave it out"});
  for (std::size_t row = 0; row < votes.voted.size(); ++row) {
    if (votes.contributor_of[row] != s.contributor || votes.voted[row] != s.voted ||
        votes.classes.of_row[row] != s.given) {
      continue;
    }
    findings.push_back(
        {.severity = Severity::kHigh,
         .confidence = Confidence::kMedium,
         .where = {.path = votes.sample.rows.name,
                   .row = votes.sample.numbers[row],
                   .column = votes.sample.rows.roles.label},
         .message = "labelled " + given + " by contributor " + who + ", but its neighbours are " + voted,
         .remedy = "look at the row and label it again"});
  }
}

// The cap does not say who lies; it bounds what anyone can do to a class by lying.
double cap_class_shares(const Votes& votes, double share_max, std::vector<Finding>& findings) {
  const std::size_t contributors = votes.contributors.size();
  std::vector<std::uint64_t> supplied(votes.classes.names.size() * contributors);
  for (std::size_t row = 0; row < votes.contributor_of.size(); ++row) {
    ++supplied[votes.classes.of_row[row] * contributors + votes.contributor_of[row]];
  }
  const std::vector<std::uint64_t> totals = votes.classes.counts();
  double largest = 0;
  for (std::size_t label = 0; label < totals.size(); ++label) {
    for (std::size_t c = 0; c < contributors; ++c) {
      const std::uint64_t count = supplied[label * contributors + c];
      const double share = static_cast<double>(count) / static_cast<double>(totals[label]);
      largest = std::max(largest, share);
      if (contributors < 3 || share <= share_max) continue;
      findings.push_back(
          {.severity = Severity::kMedium,
           .where = {.path = votes.sample.rows.name, .column = votes.sample.rows.roles.contributor},
           .message = "contributor " + votes.contributors[c] + " supplies " + std::to_string(count) +
                      " of the " + std::to_string(totals[label]) + " rows of class " +
                      votes.classes.names[label],
           .remedy = "collect more of that class from others, or raise class_share in the policy"});
    }
  }
  return largest;
}

// What the test can see at the typical contributor and class.
Statistic power_of(const Cells& cells, std::size_t flagged, double alpha) {
  std::vector<double> sizes;
  std::uint64_t off = 0;
  std::uint64_t all = 0;
  for (std::size_t c = 0; c < cells.contributors; ++c) {
    for (std::size_t voted = 0; voted < cells.classes; ++voted) {
      sizes.push_back(static_cast<double>(cells.voted_as(c, voted)));
      all += cells.voted_as(c, voted);
    }
    off += cells.disagreements(c);
  }
  const auto trials = static_cast<std::uint64_t>(learn::median(sizes));
  const double directions = static_cast<double>(all * std::max<std::size_t>(1, cells.classes - 1));
  const std::uint64_t others_of = trials * (cells.contributors - 1);
  const double others_count = static_cast<double>(off) / directions * static_cast<double>(others_of);
  const double base = rate_of(static_cast<std::uint64_t>(std::ceil(others_count)), others_of);
  const double level = alpha / tests_of(cells);
  const learn::Interval interval = learn::clopper_pearson(flagged, cells.contributors);
  return {.name = "contributors quarantined",
          .value = static_cast<double>(flagged) / static_cast<double>(cells.contributors),
          .low = interval.low,
          .high = interval.high,
          .sample_size = cells.contributors,
          .power = learn::binomial_power(trials, base, 0.6, level),
          .effect = "60 % of the " + std::to_string(trials) +
                    " rows that a contributor has of a class relabelled as " + "another; from " +
                    std::to_string(learn::binomial_critical_count(trials, base, level)) +
                    " rows on it is seen",
          .false_positive_rate = alpha};
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  learn::RowSample sample = TRY(learn::settled(std::any_cast<const learn::RowSample&>(summary)));
  Examination out;
  if (sample.rows.find(sample.rows.roles.contributor) == nullptr) {
    out.findings.push_back({.severity = Severity::kInfo,
                            .where = {.path = sample.rows.name},
                            .message = "no column says who contributed a row, so no contributor was tested",
                            .remedy = "name it in the schema: {contributor: COLUMN}"});
    return out;
  }
  const auto voters = static_cast<std::size_t>(std::clamp(parameters.get("voters"), 1.0, 64.0));
  const std::uint64_t seen = sample.seen;
  const Votes votes = TRY(take_votes(std::move(sample), voters));
  if (votes.contributors.size() < 2 || votes.classes.names.size() < 2) {
    return invalid("data set " + votes.sample.rows.name + ": " + std::to_string(votes.contributors.size()) +
                       " contributors and " + std::to_string(votes.classes.names.size()) + " classes",
                   "the test compares contributors with one another and needs two of each");
  }
  const double alpha = parameters.get("alpha");
  const std::vector<Suspicion> suspicions = suspicions_in(votes.cells, alpha, parameters.get("own_share"));
  std::vector<std::size_t> flagged;
  for (const Suspicion& suspicion : suspicions) {
    report(votes, suspicion, out.findings);
    flagged.push_back(suspicion.contributor);
  }
  std::sort(flagged.begin(), flagged.end());
  flagged.erase(std::unique(flagged.begin(), flagged.end()), flagged.end());
  out.statistics.push_back(power_of(votes.cells, flagged.size(), alpha));
  out.statistics.push_back({.name = "largest share of a class from one contributor",
                            .value = cap_class_shares(votes, parameters.get("class_share"), out.findings),
                            .sample_size = votes.voted.size()});
  out.statistics.push_back({.name = "rows judged",
                            .value = static_cast<double>(votes.voted.size()) / static_cast<double>(seen),
                            .sample_size = seen});
  return out;
}

}  // namespace

const Guard directional_contributor{
    .id = "directional_contributor",
    .threats = {"acq-source-poisoning"},
    .summary = "a contributor whose labels err in one direction more than everyone else's",
    .looks_for =
        "contributors whose disagreements with their rows' neighbours point from one class to another",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sample, .merge = learn::merge_samples, .judge = judge},
};

}  // namespace sallyport::data_engineering::data_acquisition
