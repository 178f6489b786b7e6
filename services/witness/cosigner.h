// Keeps a log cosigned while it grows: a thread that asks the witnesses whenever the log's checkpoint is a
// new one, and asks again, ever more slowly, until a quorum has answered.
//
// `tell` is called from that thread, when something changed. The destructor waits for the request in hand.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "services/witness/cosign.h"

namespace sallyport::services::witness {

class Cosigner {
 public:
  using Tell = std::function<void(const Result<Cosigned>&)>;
  Cosigner(trust::Workspace workspace, trust::WitnessPolicy policy, Ask ask, Tell tell);
  ~Cosigner();
  Cosigner(const Cosigner&) = delete;
  Cosigner& operator=(const Cosigner&) = delete;

 private:
  void work();
  // Whether it is time to go.
  bool sleep_ms(int ms);
  std::string checkpoint_now() const;

  trust::Workspace workspace_;
  trust::WitnessPolicy policy_;
  Ask ask_;
  Tell tell_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::jthread thread_;
};

}  // namespace sallyport::services::witness
