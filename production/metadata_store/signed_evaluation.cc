// A promotion is decided by what the evaluator signed about the candidate, never by what a database says.
//
// request: {"metrics": {NAME: {"value", "logIndex"}}}, the figures that the promotion is about to be decided
// by, as the record or the metadata store gives them; "logIndex" may be left out. Each must be exactly the
// value in the newest evaluation of this candidate that the evaluator signed and the log holds; a correction
// is a newer statement, never an edit. Without "metrics" the guard demands only that such an evaluation
// stands.
//
// Missed: what the evaluator's own key signs. recomputed_metrics holds that against predictions and labels.
#include "core/env.h"
#include "core/guard.h"
#include "trust/claims.h"

namespace sallyport::production::metadata_store {

extern const Guard signed_evaluation;

namespace {

class Report {
 public:
  explicit Report(const PromotionSubject& subject)
      : subject_(subject), evaluations_(trust::evaluations_of(subject)) {}

  void demand_evaluation() {
    if (!evaluations_.standing.empty()) return expiry(evaluations_.standing.back());
    std::string why;
    for (const std::string& refused : evaluations_.refused) why += "; " + refused;
    refuse("", "no evaluation of sha256:" + subject_.artifact.brief() + "... by the evaluator stands" + why,
           "let the validation stage run: it signs what it measures");
  }

  Result<void> metric(const std::string& name, const Json& said) {
    const double value = said.is_number() ? said.get<double>() : TRY(get_number(said, "value"));
    const trust::EvaluationClaim* newest = nullptr;
    for (const trust::EvaluationClaim& evaluation : evaluations_.standing) {
      if (evaluation.said.metrics.contains(name)) newest = &evaluation;
    }
    if (newest == nullptr) {
      refuse(name, "reads " + number_text(value) + ", but the evaluator never signed one",
             "somebody wrote a figure that nobody measured: find out who");
      return {};
    }
    const std::string place = trust::place_of(*newest->claim);
    const Json& backed = newest->said.metrics.at(name);
    if (!backed.is_number() || backed.get<double>() != value) {
      refuse(name,
             "reads " + number_text(value) + ", the evaluator signed " + shown(backed.dump()) + " " + place,
             "a metric is corrected by a newer statement of the evaluator, never by an edit");
    }
    if (said.is_object() && said.contains("logIndex") &&
        TRY(get_int(said, "logIndex")) != newest->claim->log_index) {
      refuse(name,
             "names log #" + std::to_string(TRY(get_int(said, "logIndex"))) +
                 ", the newest statement is " + place,
             "read the newest signed value");
    }
    return {};
  }

  Examination finish(std::uint64_t metrics) && {
    out_.statistics.push_back({.name = "metrics held against signed statements",
                               .value = static_cast<double>(metrics),
                               .power = 1.0,
                               .effect = "one edited figure",
                               .false_positive_rate = 0.0});
    return std::move(out_);
  }

 private:
  void expiry(const trust::EvaluationClaim& evaluation) {
    if (subject_.now_unix_s < evaluation.said.expires_unix_s) return;
    refuse("",
           "the evaluation " + trust::place_of(*evaluation.claim) + " expired on " +
               format_time(evaluation.said.expires_unix_s),
           "run the validation again");
  }

  void refuse(const std::string& metric, const std::string& message, std::string remedy) {
    out_.findings.push_back({.severity = Severity::kCritical,
                             .where = {.path = metric.empty() ? "" : "metric " + shown(metric)},
                             .message = message,
                             .remedy = std::move(remedy)});
  }

  const PromotionSubject& subject_;
  trust::EvaluationClaims evaluations_;
  Examination out_;
};

Result<Examination> promotion(const PromotionSubject& subject, const Parameters&) {
  Report report(subject);
  report.demand_evaluation();
  if (!subject.request.is_object() || !subject.request.contains("metrics"))
    return std::move(report).finish(0);
  const Json metrics = TRY(get_object(subject.request, "metrics"));
  for (const auto& [name, said] : metrics.items()) TRY(report.metric(name, said));
  return std::move(report).finish(metrics.size());
}

}  // namespace

const Guard signed_evaluation{
    .id = "signed_evaluation",
    .threats = {"meta-metric-tamper"},
    .summary = "a promotion by figures that the evaluator did not sign for these very bytes",
    .looks_for =
        "figures that differ from the newest logged statement of the evaluator about the candidate, or that "
        "have "
        "none; candidates without an unexpired evaluation",
    .promotion = promotion,
};

}  // namespace sallyport::production::metadata_store
