// A preprocessing worker with neither sandbox nor guard: it loads pickles with CPython's unpickler, YAML with
// a loader that constructs what python/object/apply tags name, as PyYAML's UnsafeLoader does, and runs a
// notebook's cells.
//
// It runs as an ordinary process, because one of the harms is a connection over loopback, which the sandbox
// denies. Its payloads are the drill's own and inert.
#pragma once

#include <string>

#include "core/result.h"
#include "drills/drill.h"

namespace sallyport::drills::victims {

// A listening socket on 127.0.0.1 that counts who connects. For one thread at a time.
class Listener {
 public:
  Listener() = default;
  ~Listener();
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;

  static Result<Listener> open();
  int port() const { return port_; }
  // Whether somebody has connected.
  bool was_called() const;

 private:
  int fd_ = -1;
  int port_ = 0;
};

// Reads the files of the world's folder that it is told: *.pkl, *.yaml, *.ipynb. Waits for the end of the
// worker.
Result<void> preprocess(World& world, const std::string& file);

}  // namespace sallyport::drills::victims
