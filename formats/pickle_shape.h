// Whether what a pickle hands to a global has the shape that a rule asks for; internal to formats/pickle*.cc.
//
// Only what the heap keeps of a container is looked at: a tuple of arguments or a dict with keys to be
// checked that is longer than that never fits. Pure functions, safe from any thread.
#pragma once

#include <functional>
#include <span>

#include "formats/pickle.h"
#include "formats/pickle_table.h"

namespace sallyport::formats::pickle {

// The ways of a global in all tables together; 0 when none lists it.
using WaysOf = std::function<std::uint16_t(const Global&)>;

bool arguments_fit(const Table& table, const Rule& rule, const Use& use, const Heap& heap,
                   const WaysOf& ways_of);
bool state_fits(const Table& table, const Rule& rule, Value state, const Heap& heap, const WaysOf& ways_of);

// A helper of the tables that lies in the value, or in a container of it, as far as they are kept.
std::optional<Global> helper_within(Value value, const Heap& heap, const WaysOf& ways_of);

}  // namespace sallyport::formats::pickle
