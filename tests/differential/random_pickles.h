// Random pickles over all 68 opcodes: valid ones, which every loader reads to its STOP, and hostile ones,
// which are valid ones with the things changed that loaders are known to read differently.
//
// A seed gives the same bytes everywhere. For tests; pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>

namespace sallyport::differential {

// Globals, calls, states, persistent ids, extensions, buffers, memo games, marks and frames, in any protocol.
std::string random_pickle(std::uint64_t seed);

// Numbers, lines and texts of the text opcodes in odd spellings, frames that end anywhere, odd counts, wrong
// kinds, and bytes that were changed, inserted or cut away.
std::string hostile_pickle(std::uint64_t seed);

}  // namespace sallyport::differential
