// SIGINT and SIGTERM for a command that serves until it is told to stop.
//
// Made before any other thread, so that every thread leaves the signals to wait(). For one thread.
#pragma once

#include <csignal>

namespace sallyport::cli {

class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }

  // Whether one has come; does not wait.
  bool came() const {
    constexpr timespec kNow{};
    return sigtimedwait(&signals_, nullptr, &kNow) > 0;
  }

  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

}  // namespace sallyport::cli
