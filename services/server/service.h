// The inference service without its transport: Open Inference Protocol v2 requests in, answers out.
//
// Every request waits for its turn under its client's budget, passes the guards of the input stage, is run by
// the confined worker, and its answer passes the guards of the output stage and is in the audit log before it
// leaves. A guard that cannot tell refuses. Safe from any number of threads; the worker answers one request
// at a time. handle() blocks while a request waits, so a transport calls it from threads of its own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/gate.h"
#include "services/http/http.h"
#include "services/server/audit.h"
#include "services/server/budget.h"
#include "services/server/model.h"
#include "services/worker/worker_host.h"

namespace sallyport::services::server {

struct Request {
  std::string method;
  std::string target;  // path only
  std::string content_type;
  std::string principal;  // the client's address, until it can authenticate
  BytesView body;
};

using Answer = http::Answer;

// For a server whose clients are known by their addresses alone: one address may keep a slot busy, and no
// more.
BudgetOptions service_budget();

struct ServiceOptions {
  fs::path audit;  // the audit log's folder
  AuditOptions log = {};
  BudgetOptions budget = service_budget();
  // Another worker than sallyport-openvino that speaks learn/worker.h, for tests; its hello is set by the
  // service.
  std::optional<worker::Plan> engine = {};
};

struct Counters {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;
  std::uint64_t failed = 0;
  std::uint64_t throttled = 0;  // refused by the budget, before anything was read; not in the audit log
};

class Service {
 public:
  // Starts the worker with the model's bytes and opens the audit log. `model` was verified by
  // load_verified_model; its golden samples must be answered as they were when it was exported.
  static Result<std::unique_ptr<Service>> start(Env& env, VerifiedModel model, Policy policy,
                                                ServiceOptions options);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  Answer handle(const Request& request);
  // Ends the audit log with a stop record. Requests are refused from then on.
  Result<void> stop();

  Counters counters() const;
  const VerifiedModel& model() const { return model_; }
  AuditHead audit_head() const { return audit_->head(); }
  Json worker_confinement() const { return worker_.confinement(); }

 private:
  Service(Env& env, VerifiedModel model, Policy policy, std::unique_ptr<Audit> audit, worker::Plan plan,
          BudgetOptions budget);

  // The golden samples of the bundle, run by the engine that will serve; kDenied when an answer differs.
  Result<void> ask_golden();
  Answer route(const Request& request);
  Answer infer(const Request& request);
  Result<Answer> compute(const Request& request, int timeout_ms);
  Result<void> pass_output_gate(const Answer& answer);
  Result<void> log(const Request& request, const Answer& answer);
  Answer metadata() const;
  Answer metrics() const;

  Env& env_;
  VerifiedModel model_;
  Policy policy_;
  std::unique_ptr<Audit> audit_;
  worker::WorkerHost worker_;
  Turnstile turnstile_;
  CostModel cost_;
  std::vector<const Guard*> input_guards_;
  std::vector<const Guard*> output_guards_;
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> answered_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> throttled_{0};
  std::atomic<bool> stopped_{false};
};

// The first key of the project's audit log: made with the log, kept in keys/audit-log.first (0600) until its
// owner takes it off this host. Makes the log when there is none.
Result<Digest> audit_first_key(const trust::Workspace& workspace);

}  // namespace sallyport::services::server
