#include "formats/pickle_opcodes.h"

namespace sallyport::formats::pickle {
namespace {

// The line at the front of `rest`, and what follows it.
bool split_line(std::string_view& rest, std::string_view& line) {
  const std::size_t length = rest.find('\n');
  if (length == std::string_view::npos) {
    line = rest.substr(0, rest.empty() ? 0 : rest.size() - 1);
    rest = {};
    return false;
  }
  line = rest.substr(0, length);
  rest.remove_prefix(length + 1);
  return true;
}

}  // namespace

Decoded decode_lines(std::string_view rest, Op& op) {
  const std::size_t left = rest.size();
  op.more = {};
  const bool two = kOpcodes[op.code].layout == Layout::kTwoLines;
  const bool terminated = split_line(rest, op.data) && (!two || split_line(rest, op.more));
  op.end = op.at + 1 + left - rest.size();
  return terminated ? Decoded::kOk : Decoded::kUnterminatedLine;
}

}  // namespace sallyport::formats::pickle
