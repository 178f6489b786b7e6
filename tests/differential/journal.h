// What our interpreter says of a pickle, in the words of pickle_peer.py, so that the two can be compared line
// by line.
//
// For tests. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "formats/pickle.h"

namespace sallyport::differential {

struct Journal {
  std::vector<std::string> events = {};
  formats::pickle::Outcome outcome = {};
};

Journal journal_of(BytesView bytes);

// The names that pickle_peer.py has registered for extension codes.
struct Extension {
  std::uint32_t code;
  std::string_view module;
  std::string_view name;
};
inline constexpr Extension kExtensions[] = {
    {1, "ext", "One"}, {2, "ext", "two"}, {300, "ext", "Three"}, {70000, "ext", "Four"}};

}  // namespace sallyport::differential
