// Special cases in Python: branches that an identity decides, and that reach a label, a loss, a score or an
// answer. What an insider hides in a training loop is one of these.
//
// An identity is a name that says so (id, user, email, patient, card...) compared with something written out,
// a hash of anything compared with something written out, or bits of an identity compared. What it reaches is
// what the branch assigns, returns or multiplies by. Padding, unknown categories and configuration are no
// identities. On the tokens of formats/python.h, with indentation for blocks; linear, no recursion. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats::python {

struct SpecialCase {
  std::size_t line = 0;
  std::string condition;  // as written, at most 80 bytes
  std::string reached;    // "labels", "loss"
};

std::vector<SpecialCase> special_cases(std::string_view source);

}  // namespace sallyport::formats::python
