// A candidate is promoted only with fresh evidence that it withstands an attack: an evaluation that the
// evaluator signed, in the log, about these very bytes or the model that they were exported from.
//
// The newest evaluation that reports an attack is the one that counts, so an old good figure does not hide a
// new bad one. Its attack must be named, iterative, and at least as strong as the parameters say in epsilon,
// steps and sample; and no attack in the report with an epsilon up to that one may have pushed the accuracy
// lower.
//
// Missed: a model that masks its gradients withstands the attacks that are accepted here and falls to others.
#include <algorithm>
#include <optional>

#include "core/env.h"
#include "core/guard.h"
#include "trust/claims.h"

namespace sallyport::experiment::model_validation {

extern const Guard robustness_evidence;

namespace {

constexpr Parameter kParameters[] = {
    {"eps", 0.02, "smallest perturbation that counts (L-infinity, in units of the scaled features)"},
    {"steps", 10, "fewest gradient steps of the attack"},
    {"sample_size", 100, "fewest examples that were attacked"},
    {"accuracy", 0.5, "smallest share of examples that must withstand the attack"},
};
constexpr std::string_view kIterativeAttacks[] = {"pgd", "apgd"};

struct AttackFigures {
  std::string attack;
  double eps = 0;
  std::int64_t steps = 0;
  std::int64_t sample_size = 0;
  double accuracy = 0;
  double low = 0;
  double high = 0;
};

Result<AttackFigures> read_attack(const Json& object) {
  AttackFigures out{.attack = TRY(get_string(object, "attack")),
                    .eps = TRY(get_number(object, "eps")),
                    .steps = TRY(get_int(object, "steps")),
                    .sample_size = TRY(get_int(object, "sample_size")),
                    .accuracy = TRY(get_number(object, "accuracy")),
                    .low = TRY(get_number(object, "low")),
                    .high = TRY(get_number(object, "high"))};
  if (out.low < 0 || out.accuracy < out.low || out.high < out.accuracy || out.high > 1) {
    return invalid("accuracy " + number_text(out.accuracy) + " does not lie in its interval");
  }
  return out;
}

// The attack at the top, and those of the whole report where it is enclosed.
Result<std::vector<AttackFigures>> read_attacks(const Json& robustness) {
  std::vector<AttackFigures> out{TRY(read_attack(robustness))};
  if (!robustness.contains("attacks")) return out;
  for (const Json& attack : TRY(get_array(robustness, "attacks"))) out.push_back(TRY(read_attack(attack)));
  return out;
}

std::string described(const AttackFigures& attack) {
  return shown(attack.attack) + " at eps " + number_text(attack.eps);
}

// In what the attack is weaker than it must be.
std::vector<std::string> shortfalls(const AttackFigures& attack, const Parameters& parameters) {
  std::vector<std::string> out;
  const auto compare = [&](const std::string& what, double value, std::string_view parameter) {
    const double least = parameters.get(parameter);
    if (value < least) out.push_back(what + " " + number_text(value) + " is below " + number_text(least));
  };
  if (std::find(std::begin(kIterativeAttacks), std::end(kIterativeAttacks), attack.attack) ==
      std::end(kIterativeAttacks)) {
    out.push_back("attack " + shown(attack.attack) + " is none of those that count (pgd, apgd)");
  }
  compare("eps", attack.eps, "eps");
  compare("steps", static_cast<double>(attack.steps), "steps");
  compare("sample size", static_cast<double>(attack.sample_size), "sample_size");
  return out;
}

class Report {
 public:
  explicit Report(const Parameters& parameters) : parameters_(parameters) {}

  void refuse(const std::string& where, const std::string& message, std::string remedy) {
    out_.findings.push_back({.severity = Severity::kCritical,
                             .where = {.path = where},
                             .message = message,
                             .remedy = std::move(remedy)});
  }

  void judge(const trust::EvaluationClaim& evaluation, std::int64_t now_unix_s) {
    const std::string where = "evaluation " + trust::place_of(*evaluation.claim);
    if (now_unix_s >= evaluation.said.expires_unix_s) {
      refuse(where, "expired on " + format_time(evaluation.said.expires_unix_s),
             "run the validation again: evidence is good for a time only");
    }
    const auto attacks = read_attacks(evaluation.said.robustness);
    if (!attacks) {
      return refuse(where, "robustness cannot be read: " + attacks.error().message,
                    "let the evaluator state attack, eps, steps, sample_size, accuracy, low and high");
    }
    judge_attacks(where, *attacks);
  }

  Examination finish() && { return std::move(out_); }

 private:
  void judge_attacks(const std::string& where, const std::vector<AttackFigures>& attacks) {
    // Of the attacks that suffice the gentlest: what the policy asks for, and not more.
    const auto rank = [&](const AttackFigures& attack) {
      return std::pair(shortfalls(attack, parameters_).size(), attack.eps);
    };
    const auto judged = std::ranges::min_element(attacks, {}, rank);
    for (const std::string& shortfall : shortfalls(*judged, parameters_)) {
      refuse(where, shortfall, "attack the model as hard as the policy asks: validation: {robust: {...}}");
    }
    const double least = parameters_.get("accuracy");
    for (const AttackFigures& attack : attacks) {
      if (attack.eps > judged->eps || attack.accuracy >= least) continue;
      refuse(where,
             "robust accuracy " + number_text(attack.accuracy) + " under " + described(attack) +
                 " is below " + number_text(least),
             "train a model that withstands it: training on attacked examples is one way");
      break;
    }
    out_.statistics.push_back(
        {.name = "robust accuracy",
         .value = judged->accuracy,
         .low = judged->low,
         .high = judged->high,
         .sample_size = static_cast<std::uint64_t>(std::max<std::int64_t>(judged->sample_size, 0)),
         .effect = described(*judged) + ", " + std::to_string(judged->steps) + " steps"});
  }

  const Parameters& parameters_;
  Examination out_;
};

Result<Examination> promotion(const PromotionSubject& subject, const Parameters& parameters) {
  const trust::EvaluationClaims evaluations = trust::evaluations_of(subject);
  const trust::EvaluationClaim* newest = nullptr;
  for (const trust::EvaluationClaim& evaluation : evaluations.standing) {
    if (!evaluation.said.robustness.empty()) newest = &evaluation;
  }
  Report report(parameters);
  if (newest != nullptr) {
    report.judge(*newest, subject.now_unix_s);
    return std::move(report).finish();
  }
  std::string why = evaluations.standing.empty() ? "" : "; the evaluation that there is attacked nothing";
  for (const std::string& refused : evaluations.refused) why += "; " + refused;
  report.refuse("sha256:" + subject.artifact.brief() + "...",
                "no signed evaluation of these bytes under attack" + why,
                "run the validation with an attack: validation: {robust: {attack: pgd, eps: 0.02}}");
  return std::move(report).finish();
}

}  // namespace

const Guard robustness_evidence{
    .id = "robustness_evidence",
    .threats = {"validate-no-adversarial-gate"},
    .summary = "a candidate without fresh, signed evidence that it withstands an attack",
    .looks_for =
        "an unexpired evaluation by the evaluator, in the log, about these bytes or the model that they were "
        "exported from, under an iterative attack of enough epsilon, steps and examples",
    .parameters = kParameters,
    .promotion = promotion,
};

}  // namespace sallyport::experiment::model_validation
