// BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs), 32 bytes, unkeyed, by its authors' own C library with
// what vector instructions the processor has. For model signatures that ask for it; everything of ours is
// named by SHA-256.
#pragma once

#include <memory>

#include "core/digest.h"

namespace sallyport::trust {

// For one thread at a time.
class Blake3 {
 public:
  Blake3();
  ~Blake3();
  Blake3(const Blake3&) = delete;
  Blake3& operator=(const Blake3&) = delete;

  void add(BytesView bytes);
  // Of all that was added; more may follow.
  Digest finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport::trust
