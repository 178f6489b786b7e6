// A training is believed only where a runner that the trainer cannot reach computed stretches of it again and
// came to the same weights (proof of learning, Jia et al. 2021).
//
// Reads, of the step "training":
//   declared  {"replayable": bool, …}      false when the trainer leaves no log of checkpoints
//   observed  what learn/replay.h writes: {"intervals_total","data_matches","start_matches","end_matches",
//             "digests_match","intervals":[{"from","to","max_abs_difference","max_abs_change",
//             "classes":[{"class","gradient_norm","share"}]}],…}
//
// The largest difference of any weight decides; the share of each class in the recorded change says whom it
// starves. A difference may be as large as another order of summation makes it, which the drill measures.
//
// Missed: tampering that leaves every replayed stretch alone, whose probability is printed, and whatever the
// recipe itself asks for: an evil loss that is declared is replayed faithfully.
#include <algorithm>
#include <cmath>

#include "core/dataset.h"
#include "core/guard.h"
#include "learn/replay.h"
#include "learn/statistics.h"

namespace sallyport::experiment::model_training {

extern const Guard training_replay;

namespace {

constexpr Parameter kParameters[] = {
    {"tolerance", 0.02, "largest difference of a weight, as a share of the stretch's largest change"},
    {"intervals", 3, "fewest stretches that were computed again, or all when there are fewer"},
    {"starved_share", 0.5, "a class that has less than this share of its contribution is named"},
    {"tampered_share", 0.2, "share of tampered stretches at which the probability of detection is printed"},
};

Finding refusal(std::string message, std::string remedy) {
  return {.severity = Severity::kCritical,
          .where = {.path = "model"},
          .message = std::move(message),
          .remedy = std::move(remedy)};
}

std::string starved_classes(const learn::IntervalReplay& interval, double least) {
  std::string out;
  for (const learn::ClassPart& part : interval.classes) {
    if (part.share >= least) continue;
    out += (out.empty() ? "; little of the change comes from class " : ", ") + part.name;
  }
  return out;
}

void judge_interval(const learn::IntervalReplay& interval, const Parameters& parameters, Examination& out) {
  const double allowed =
      std::max(learn::kRounding, parameters.get("tolerance") * interval.max_abs_change);
  if (interval.max_abs_difference <= allowed) return;
  const std::string stretch = std::to_string(interval.from) + " to " + std::to_string(interval.to);
  out.findings.push_back(refusal(
      "steps " + stretch + " computed again differ by " + number_text(interval.max_abs_difference) +
          " where " + number_text(allowed) + " is allowed" +
          starved_classes(interval, parameters.get("starved_share")),
      "find out what else ran in the trainer: its optimizer, loss, data loader or checkpoints were changed"));
}

void judge_record(const learn::ReplayReport& report, Examination& out) {
  const auto demand = [&](bool holds, const char* message, const char* remedy) {
    if (!holds) out.findings.push_back(refusal(message, remedy));
  };
  demand(report.data_matches, "the record names other training data than the step was given",
         "train on the approved data set");
  demand(report.start_matches, "the first checkpoint is not the one that the declared seed gives",
         "start from the declared seed");
  demand(report.end_matches, "the last checkpoint does not hold the model that was handed over",
         "hand over the model that the training ended with");
  demand(report.digests_match, "a checkpoint is not the one that the record names",
         "keep the checkpoints as they were written");
}

void add_statistics(const learn::ReplayReport& report, const Parameters& parameters, Examination& out) {
  const std::uint64_t total = report.intervals_total;
  const std::uint64_t drawn = std::min<std::uint64_t>(report.intervals.size(), total);
  const double share = std::clamp(parameters.get("tampered_share"), 0.0, 1.0);
  const auto tampered = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total)));
  out.statistics.push_back(
      {.name = "largest difference as a share of the change",
       .value = report.worst_share(),
       .sample_size = drawn});
  out.statistics.push_back(
      {.name = "stretches computed again",
       .value = static_cast<double>(drawn),
       .sample_size = total,
       .power = learn::hypergeometric_upper_tail(1, total, tampered, drawn),
       .effect = std::to_string(tampered) + " of " + std::to_string(total) + " stretches tampered with"});
}

Result<Examination> step(const StepSubject& subject, const Parameters& parameters) {
  if (subject.stage != Stage::kTraining) return Examination{};
  Examination out;
  if (!TRY(get_bool(subject.declared, "replayable"))) {
    out.findings.push_back({.severity = Severity::kMedium,
                            .where = {.path = "model"},
                            .message = "the training left no log of checkpoints, so that none of it was "
                                       "computed again",
                            .remedy = "use the built-in trainer, or write training.json and checkpoints"});
    return out;
  }
  const learn::ReplayReport report = TRY(learn::parse_replay_report(subject.observed));
  judge_record(report, out);
  const double wanted = std::min(parameters.get("intervals"), static_cast<double>(report.intervals_total));
  if (report.intervals_total == 0 || static_cast<double>(report.intervals.size()) < wanted) {
    out.findings.push_back(refusal("only " + std::to_string(report.intervals.size()) + " of " +
                                       std::to_string(report.intervals_total) +
                                       " stretches were computed again",
                                   "compute " + number_text(wanted) + " again, chosen at random"));
  }
  for (const learn::IntervalReplay& interval : report.intervals) judge_interval(interval, parameters, out);
  add_statistics(report, parameters, out);
  return out;
}

}  // namespace

const Guard training_replay{
    .id = "training_replay",
    .threats = {"train-optimizer-tamper"},
    .summary = "a training whose stretches, computed again, do not lead to the recorded weights",
    .looks_for =
        "weights that a replay of randomly chosen stretches does not reach, other data, another start or "
        "another end than recorded, and classes without their share in the change",
    .parameters = kParameters,
    .step = step,
};

}  // namespace sallyport::experiment::model_training
