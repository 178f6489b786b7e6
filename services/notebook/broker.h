// The one way out of a confined notebook: what it sends is looked at, metered, and released or refused.
//
// A notebook runs in the sandbox, which has no network, with one descriptor to this broker (channel.h). A
// body is released only to a destination that is allowed, within the notebook's budget of bytes, without a
// canary, and while the windows of protected numbers that the notebook has sent so far, in whatever encoding
// and in however many pieces, are fewer than `windows_max`. What is refused stays refused: from then on the
// notebook sends nothing.
//
// Limits of the method: numbers in another order, encrypted, or with noise are not recognised, and then the
// budget alone bounds what is lost. Safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "learn/order_prints.h"

namespace sallyport::services::notebook {

struct BrokerOptions {
  std::vector<std::string> allowed = {};                // destinations, exactly as they are asked for
  std::uint64_t budget_bytes = std::uint64_t{1} << 20;  // of one notebook, of all that it sends
  std::size_t windows_max = 4;  // known windows of one notebook that chance or a summary may hold
};

// What must not leave: the numbers of tables, row after row and column after column, and words that stand
// nowhere else.
class Protected {
 public:
  Protected();
  void add(const Dataset& table);
  void add(std::span<const double> numbers) { prints_.add(numbers); }
  // A word, or a number as it is spelled, of a row that was planted. Error when it is too short to be its
  // own.
  Result<void> add_canary(std::string canary);
  void settle() { prints_.settle(); }

 private:
  friend class Broker;
  learn::OrderPrints prints_;
  std::vector<std::string> canaries_;
};

struct Release {
  bool released = false;
  std::string why = {};  // when it is refused
};

class Broker {
 public:
  Broker(BrokerOptions options, Protected guarded)
      : options_(std::move(options)), guarded_(std::move(guarded)) {}

  Release offer(const std::string& notebook, const std::string& destination, BytesView body);
  // That were released.
  std::uint64_t bytes_of(const std::string& notebook) const;

 private:
  struct Meter {
    std::uint64_t bytes = 0;
    std::set<std::uint64_t> windows = {};
    Bytes tail = {};          // the end of what was released, since a leak may come in slices
    std::string closed = {};  // why
  };
  std::string refusal(const Meter& meter, const std::string& destination, BytesView body,
                      std::set<std::uint64_t>& windows) const;

  BrokerOptions options_;
  Protected guarded_;
  mutable std::mutex mutex_;
  std::map<std::string, Meter> meters_;
};

}  // namespace sallyport::services::notebook
