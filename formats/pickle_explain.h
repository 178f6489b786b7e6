// What a pickle holds, for people: everything that loading would import, call, build and fill, and then the
// tree of what it returns, each with its byte and opcode.
//
// Lines and depth are bounded, nothing is recursive, what is shared is shown once and then referred to by its
// byte, and text of the stream is escaped. Safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "core/bytes.h"
#include "formats/pickle.h"

namespace sallyport::formats::pickle {

struct ExplainOptions {
  std::size_t lines_max = 2000;  // about half of them for what happens, and the rest for the tree
  int depth_max = 24;
  std::size_t text_bytes_max = 160;  // of one value in a line
};

struct Explanation {
  std::vector<std::string> lines = {};
  Outcome outcome = {};
};

// Of the one pickle that starts at `begin`.
Explanation explain(BytesView bytes, std::size_t begin, const ExplainOptions& options = {});

}  // namespace sallyport::formats::pickle
