// SHA-256 of a long stream on a core of its own, beside the reading or writing of it.
//
// One message is one chain, which one core computes at its own pace; whatever else happens to the stream need
// not wait for it. A short stream, or one on a machine of one core, is hashed where it is added. Holds a few
// pieces, 2 MiB in all. For one thread at a time; the second thread is its own.
#pragma once

#include <memory>

#include "core/digest.h"

namespace sallyport {

class HasherBeside {
 public:
  HasherBeside();
  ~HasherBeside();
  HasherBeside(HasherBeside&&) noexcept;
  HasherBeside& operator=(HasherBeside&&) noexcept;

  // Copies the bytes; waits while as many pieces as it may hold are not hashed yet.
  void add(BytesView bytes);
  // Waits for the last piece. Ends the message; the hasher takes no more.
  Digest finish();

 private:
  class Worker;
  Hasher hasher_;
  std::size_t here_ = 0;  // bytes that were hashed where they were added
  std::unique_ptr<Worker> worker_;
};

}  // namespace sallyport
