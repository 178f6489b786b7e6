// The host's end of a worker: an executable with a heavy engine, confined, spoken to over one socket.
//
// A worker has no files beyond its binds, no network and no environment but what is given. It reads
// requests from descriptor 3 and writes one reply to each, in the frames of learn/worker.h. One that dies,
// breaks the protocol or does not answer in time is killed with its whole tree; the call fails, and the
// next call starts a new one.
//
// Thread rule: any number of threads may call(); one request is in the worker at a time, the others wait
// their turn. A caller waits no longer than its own time-out, its turn included.
#pragma once

#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/json.h"
#include "core/limits.h"
#include "core/result.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::worker {

struct Plan {
  std::string name;  // for messages: "sallyport-openvino"
  // Its `inherited` gets the socket as number 3; limits.wall_s bounds the worker's life, not a request.
  sandbox::Confinement confinement;
  // Sent to every new worker before the first request, with its reply discarded: {"op":"load",…}. Null:
  // nothing.
  Json hello = {};
  Bytes hello_payload = {};
  int start_timeout_ms = 60'000;  // for the start and the hello together
};

struct Reply {
  Json header;
  Bytes payload;
};

class WorkerHost {
 public:
  explicit WorkerHost(Plan plan);
  ~WorkerHost();  // kills the worker
  WorkerHost(const WorkerHost&) = delete;
  WorkerHost& operator=(const WorkerHost&) = delete;

  // Starts the worker when it is not running, so that the first request does not pay for it.
  Result<void> warm();
  // The worker's own Error when it answered with one; kIo when it died, broke the protocol or ran out of
  // time, with what its confinement says of its end; kLimit when the turn did not come in time.
  Result<Reply> call(const Json& header, BytesView payload = {}, int timeout_ms = limits::kWorkerTimeoutMs);

  // How often a worker was started: 1 unless one had to be replaced.
  int starts() const;
  // {"worker","confinement","degraded"}: what confines the worker, and which mechanisms were lacking at its
  // last start.
  Json confinement() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::services::worker
