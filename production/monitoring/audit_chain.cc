// monitor-log-suppression: audit records deleted, cut off, reordered, rewritten, or never written for one
// client.
//
// The verifier holds the chain's first key, heads that were anchored elsewhere and the gateway's own count of
// answers, and recomputes the whole chain. A broken link says where; heartbeats say that nothing was held
// back between; counts say that every answer has its record. Times are judged by the writer's uptime, so that
// a clock that is set back is no alarm.
#include <map>

#include "core/guard.h"
#include "trust/forward_chain.h"

namespace sallyport::production::monitoring {
namespace {

constexpr Parameter kParameters[] = {
    {"heartbeats_missed_max", 3, "heartbeat intervals without a record before the silence is reported"},
};

struct Progress {
  std::int64_t answers = 0;           // records of kind "answer"
  std::int64_t uptime_ms = 0;         // of the last record of this session
  std::int64_t heartbeat_ms = 0;      // promised by the session's start record; 0 before the first
  bool stopped = false;               // the last record was a stop
  bool stray = false;                 // it stands outside any session
};

class Auditor {
 public:
  Auditor(const EventSubject& log, const Parameters& parameters) : log_(log), parameters_(parameters) {}

  Result<Examination> judge() {
    TRY(read_anchors());
    trust::ForwardChain chain{.sequence = 0, .key = log_.first_key};
    bool broken = false;
    for (std::size_t i = 0; i < log_.records.size() && !broken; ++i) {
      const auto record = chain.open(log_.records[i]);
      broken = !record;
      if (record) look_at(*record, i);
      // Behind a broken link nothing can be told: the records there may be anybody's.
      if (broken) report(Severity::kCritical, i, record.error().message);
    }
    if (!broken) judge_end(chain.sequence);
    examination_.statistics.push_back({.name = "records_verified",
                                       .value = static_cast<double>(chain.sequence),
                                       .sample_size = log_.records.size()});
    return std::move(examination_);
  }

 private:
  // The anchors come from the verifier, so one that cannot be read leaves us unable to tell.
  Result<void> read_anchors() {
    if (!log_.anchors.is_array()) return {};
    for (const Json& anchor : log_.anchors) {
      const std::int64_t sequence = TRY(get_int(anchor, "sequence"));
      if (sequence < 0) return invalid("anchor: sequence is negative");
      anchors_[static_cast<std::uint64_t>(sequence)] = TRY(get_string(anchor, "chain"));
    }
    return {};
  }

  void look_at(const Json& record, std::size_t row) {
    const auto sequence = record["sequence"].get<std::uint64_t>();
    const std::string kind = record.value("kind", "");
    const auto uptime = record.contains("uptime_ms") && record["uptime_ms"].is_number_integer()
                            ? record["uptime_ms"].get<std::int64_t>() : -1;
    if (const auto anchor = anchors_.find(sequence); anchor != anchors_.end()) {
      if (record["chain"] != anchor->second) {
        report(Severity::kCritical, row, "not the record that was anchored");
      }
    }
    if (kind == "start") {
      progress_.heartbeat_ms = record.contains("heartbeat_ms") && record["heartbeat_ms"].is_number_integer()
                                   ? record["heartbeat_ms"].get<std::int64_t>() : 0;
      progress_.stray = false;
    } else if (progress_.heartbeat_ms == 0 || progress_.stopped || progress_.stray) {
      if (!progress_.stray) {
        report(Severity::kHigh, row, "a record outside any session: no start record precedes it");
      }
      progress_.stray = true;
    } else {
      judge_silence(uptime, row);
    }
    progress_.uptime_ms = uptime;
    progress_.stopped = kind == "stop";
    if (kind == "answer") ++progress_.answers;
    if (kind == "heartbeat" && record.contains("answered")) judge_count(record["answered"], row);
  }

  void judge_silence(std::int64_t uptime, std::size_t row) {
    const double allowed =
        parameters_.get("heartbeats_missed_max") * static_cast<double>(progress_.heartbeat_ms);
    const std::int64_t silent = uptime - progress_.uptime_ms;
    if (silent < 0) report(Severity::kHigh, row, "the writer's uptime runs backwards within a session");
    if (static_cast<double>(silent) > allowed) {
      report(Severity::kHigh, row,
             "silence of " + std::to_string(silent) + " ms, a heartbeat was promised every " +
                 std::to_string(progress_.heartbeat_ms) + " ms");
    }
  }

  // A record is written before its answer goes out, so the log may be ahead of the gateway and never behind
  // it.
  void judge_count(const Json& answered, std::size_t row) {
    if (!answered.is_number_integer()) return;
    const std::int64_t missing = answered.get<std::int64_t>() - progress_.answers;
    if (missing <= reported_missing_) return;
    reported_missing_ = missing;
    report(Severity::kCritical, row, "the gateway had answered " + answered.dump() + " requests, " +
                                         std::to_string(progress_.answers) + " are on record");
  }

  void judge_end(std::uint64_t length) {
    if (!anchors_.empty() && anchors_.rbegin()->first >= length) {
      report(Severity::kCritical, log_.records.size(),
             "ends before record " + std::to_string(anchors_.rbegin()->first) + ", which was anchored");
    }
    if (log_.answered >= 0) judge_count(Json(log_.answered), log_.records.size());
  }

  void report(Severity severity, std::size_t row, std::string message) {
    examination_.findings.push_back({.severity = severity,
                                     .where = {.path = log_.name, .row = row},
                                     .message = std::move(message),
                                     .remedy = "treat the host as taken over: keep the log as it is and "
                                               "compare it with copies from elsewhere"});
  }

  const EventSubject& log_;
  const Parameters& parameters_;
  Examination examination_;
  Progress progress_;
  std::map<std::uint64_t, std::string> anchors_;
  std::int64_t reported_missing_ = 0;
};

Result<Examination> check(const EventSubject& log, const Parameters& parameters) {
  if (log.records.empty() && log.answered < 0 && log.anchors.empty()) {
    return invalid("audit log is empty, and there is neither an anchor nor a count to hold it against");
  }
  return Auditor(log, parameters).judge();
}

}  // namespace

extern const Guard audit_chain;
const Guard audit_chain{
    .id = "audit_chain",
    .threats = {"monitor-log-suppression"},
    .summary = "an audit log with records deleted, cut off, reordered, rewritten or never written",
    .looks_for =
        "a record out of its forward-secure chain, silence beyond the promised heartbeat, anchored heads "
        "that "
        "are gone, answers without a record; a tail without answers that was cut after the last anchor is "
        "not seen",
    .parameters = kParameters,
    .event = check};

}  // namespace sallyport::production::monitoring
