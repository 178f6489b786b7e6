// validate-no-adversarial-gate enacted: a digits network that falls to changes too small to see is handed in
// for promotion, with no evidence, or with evidence that is another model's, of no attack at all, weak,
// stale, or signed by the wrong hand.
#include <algorithm>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/evaluation.h"
#include "learn/random.h"
#include "learn/training.h"
#include "trust/predicates.h"
#include "trust/root.h"
#include "trust/statement.h"

namespace sallyport::experiment::model_validation {

extern const drills::Drill robustness_evidence_drill;

namespace {

using drills::World;

constexpr std::int64_t kNow = 1'790'000'000;
constexpr std::int64_t kDay = 24 * 3600;
// An attacker changes no pixel by more than two of its sixteen levels; a service that then errs more often
// than not is of no use.
constexpr double kAttackersEps = 2.0 / 16;
constexpr double kOfUse = 0.5;

struct Split {
  Dataset train;
  Dataset test;
};

// Every fifth digit, in a shuffled order, is held out.
Split split_digits() {
  const Dataset& all = drills::digits();
  learn::Random random(11);
  const std::vector<std::size_t> order = random.sample(all.rows(), all.rows());
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(all.rows() / 5);
  return {all.pick({cut, order.end()}), all.pick({order.begin(), cut})};
}

Result<learn::Model> train(const Dataset& rows, double adversarial_eps) {
  const learn::Network network = TRY(learn::network_for(rows, learn::Architecture::kPerceptron, 32));
  const learn::Examples examples = TRY(learn::examples_of(network, rows));
  const learn::Course course{.examples = &examples,
                             .data = sha256("digits"),
                             .recipe = {.epochs = 15, .adversarial_eps = adversarial_eps}};
  learn::PlainEngine engine;
  const auto forget = [](std::uint64_t, BytesView) -> Result<void> { return {}; };
  return TRY(learn::train(engine, network, course, forget)).model;
}

struct Candidates {
  Split split;
  learn::Model brittle;
  learn::Model hardened;
};

Result<Candidates> make_candidates() {
  Split split = split_digits();
  learn::Model brittle = TRY(train(split.train, 0));
  learn::Model hardened = TRY(train(split.train, 0.15));
  return Candidates{std::move(split), std::move(brittle), std::move(hardened)};
}

// Trained once, whichever trial comes first: every story is about the same two networks.
Result<const Candidates*> candidates() {
  static const Result<Candidates> made = make_candidates();
  if (!made) return std::unexpected(made.error());
  return &*made;
}

struct Measure {
  double eps = 0.02;
  int steps = 20;
  int restarts = 1;
  std::size_t sample = 120;
};

// What an evaluator who attacks this way measures and states.
Result<trust::EvaluationPredicate> measured(const learn::Model& model, const Measure& how) {
  const Candidates& all = *TRY(candidates());
  learn::PlainEngine engine;
  const learn::Attack attack{.eps = how.eps, .steps = how.steps, .restarts = how.restarts};
  const learn::Evaluated found = TRY(learn::evaluate(engine, model, all.split.test, sha256("digits test"),
                                                     {.attacks = {attack}, .sample = how.sample}));
  const Json report = to_json(found.evaluation);
  return trust::EvaluationPredicate{.metrics = report["metrics"],
                                    .robustness = report["robustness"],
                                    .sample_size = static_cast<std::int64_t>(found.evaluation.rows),
                                    .evaluation_set = found.evaluation.test,
                                    .expires_unix_s = kNow + 90 * kDay};
}

struct Promotion {
  const learn::Model* model = nullptr;
  std::vector<SignedClaim> claims = {};
  double accuracy_under_attack = 1;
};

SignedClaim claim_about(const learn::Model& model, const trust::EvaluationPredicate& evaluation) {
  return {.predicate_type = std::string(trust::predicate::kEvaluation),
          .subjects = {learn::digest_of(model)},
          .roles = {std::string(trust::role::kEvaluator)},
          .signers = {"evaluator"},
          .log_index = 41,
          .predicate = trust::to_json(evaluation)};
}

constexpr std::uint64_t kWays = 8;

Result<void> attack(World& world) {
  const Candidates& all = *TRY(candidates());
  Promotion& promotion = world.state<Promotion>();
  promotion.model = &all.brittle;
  const auto evidence = [&](const learn::Model& of, const Measure& how) -> Result<void> {
    promotion.claims.push_back(claim_about(of, TRY(measured(of, how))));
    return {};
  };
  switch (world.seed() % kWays) {
    case 0: return {};
    case 1: return evidence(all.hardened, {});
    case 2: return evidence(all.brittle, {.eps = 0});
    case 3: return evidence(all.brittle, {.steps = 1, .restarts = 0});
    case 4: return evidence(all.brittle, {.sample = 12});
    default: break;
  }
  TRY(evidence(all.brittle, {}));
  SignedClaim& claim = promotion.claims.back();
  if (world.seed() % kWays == 5) claim.predicate["expires"] = format_time(kNow - kDay);
  if (world.seed() % kWays == 6) claim.roles = {std::string(trust::role::kRunner)};
  if (world.seed() % kWays == 7) claim.log_index = -1;
  return {};
}

Result<void> honest(World& world) {
  const Candidates& all = *TRY(candidates());
  Promotion& promotion = world.state<Promotion>();
  promotion.model = &all.hardened;
  // An old evaluation of the same bytes stands beside the new one.
  trust::EvaluationPredicate old = TRY(measured(all.hardened, {.steps = 1, .restarts = 0}));
  old.expires_unix_s = kNow - kDay;
  promotion.claims.push_back(claim_about(all.hardened, old));
  promotion.claims.push_back(claim_about(all.hardened, TRY(measured(all.hardened, {.eps = kAttackersEps}))));
  promotion.claims.back().log_index = 57;
  return {};
}

// Whoever is served by the promoted model is also read by those who attack it.
Result<void> victim(World& world) {
  Promotion& promotion = world.state<Promotion>();
  const auto found = TRY(measured(*promotion.model, {.eps = kAttackersEps}));
  promotion.accuracy_under_attack = TRY(get_number(found.robustness, "accuracy"));
  return {};
}

bool harmed(const World& world) { return world.state<Promotion>().accuracy_under_attack < kOfUse; }

Result<Subjects> present(World& world) {
  const Promotion& promotion = world.state<Promotion>();
  Subjects out;
  out.promotions.emplace_back(
      "model", PromotionSubject{.artifact = learn::digest_of(*promotion.model),
                                .now_unix_s = kNow,
                                .claims = promotion.claims,
                                .request = {{"name", "digits"}, {"alias", "champion"}, {"version", 2}}});
  return out;
}

}  // namespace

const drills::Drill robustness_evidence_drill{
    .threat = "validate-no-adversarial-gate",
    .story =
        "a network that small changes of its input mislead is handed in without evidence of its robustness, "
        "or with evidence that is copied, weak, stale or not the evaluator's",
    .honest_story = "a network trained on attacked examples, with fresh evidence that meets the threshold",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 2 * kWays,
    .harm =
        "a model is promoted that errs on more than half of its inputs once each pixel may move by two "
        "levels of sixteen"};

}  // namespace sallyport::experiment::model_validation
