// The gate of the registry: every file of a version is searched before the version is READY.
//
// One thread takes versions in the order of their registration: it stores the manifest, has the notary
// promise it, searches the files with the guards of model files, and has the result attested. What was left
// undone by a server that was killed is taken up again by the next one; each step may be done twice. Safe
// from any thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/policy.h"
#include "services/tracking/blobs.h"
#include "services/tracking/notary.h"
#include "services/tracking/store.h"

namespace sallyport::services::tracking {

class Gatekeeper {
 public:
  Gatekeeper(Env& env, Store& store, Blobs& blobs, Notary& notary, const Policy& policy)
      : env_(env), store_(store), blobs_(blobs), notary_(notary), policy_(policy) {}
  ~Gatekeeper();
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;

  // Takes up every version that is pending, and waits for more.
  Result<void> start();
  void enqueue(const VersionName& name, trust::Manifest manifest);

 private:
  struct Job {
    VersionName name;
    trust::Manifest manifest;
  };
  // What the gate said: why it refuses, or nothing.
  struct Verdict {
    bool passed = false;
    std::string message = {};
  };
  void work();
  Result<Verdict> judge(const Job& job);
  bool waited_to_try_again();
  Result<void> conclude(const VersionName& name, bool passed, const std::string& message);

  Env& env_;
  Store& store_;
  Blobs& blobs_;
  Notary& notary_;
  const Policy& policy_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job> jobs_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace sallyport::services::tracking
