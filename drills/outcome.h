// What the answer of a mechanism of ours says in a drill.
#pragma once

#include "drills/drill.h"

namespace sallyport::drills {

// Refused, and why, when it is an Error; but a disk that failed has refused nothing.
template <class T>
Result<Outcome> outcome_of(const Result<T>& answer) {
  if (answer) return Outcome{};
  if (answer.error().kind == ErrorKind::kIo) return std::unexpected(answer.error());
  return Outcome{.refused = true, .why = answer.error().message};
}

}  // namespace sallyport::drills
