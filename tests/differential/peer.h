// CPython beside us: runs pickle_peer.py and asks it about batches of pickles; and what is compared.
//
// For tests and benchmarks; needs a python3 with its standard library. For one thread at a time; several
// peers are independent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace sallyport::differential {

// Whether there is a python3 to compare with.
bool has_python();

enum class Views : std::uint8_t { kPair, kAll };

class Peer {
 public:
  static Result<Peer> start(Views views);
  Peer(Peer&& other) noexcept;
  Peer& operator=(Peer&&) = delete;
  Peer(const Peer&) = delete;
  ~Peer();

  // An answer for each pickle, as pickle_peer.py describes it.
  Result<std::vector<std::string>> ask(const std::vector<std::string>& pickles);

 private:
  Peer() = default;

  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
};

struct Comparison {
  std::uint64_t pickles = 0;
  std::uint64_t events = 0;
  std::uint64_t differ = 0;              // pickles on which we and CPython disagree
  std::vector<std::string> first = {};  // the first few disagreements, to be read by people
};

// Valid pickles of the seeds from `first` on: both unpicklers reach STOP, and we report exactly the events
// that they report, in order.
Result<Comparison> compare_valid(std::uint64_t first, std::uint64_t count);

// Hostile ones: we report every event of every view, in order, and where views differ we say so.
Result<Comparison> compare_hostile(std::uint64_t first, std::uint64_t count);

// The same for given bytes: what is wrong, or nothing.
std::vector<std::string> disagreements(const std::string& pickle, const std::string& answer);

}  // namespace sallyport::differential
