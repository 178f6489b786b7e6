// Which function each token of a Python source stands in. Internal to formats.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "formats/python.h"

namespace sallyport::formats::python {

inline constexpr int kModuleScope = -1;  // what runs on import, the bodies of classes with it

struct Function {
  std::string_view name = {};
  std::string_view of_class = {};  // the class around it, empty for none
};

struct Scopes {
  std::vector<Function> functions = {};
  std::vector<int> of_token = {};    // an index into `functions`, or kModuleScope
  std::vector<bool> decorates = {};  // the token is the @ of a decorator
};

// The block under `if __name__ == "__main__":` is a function without a name. Defaults and decorators belong
// to the scope around a definition, as they are evaluated there.
Scopes scopes_of(std::string_view source, const std::vector<Token>& tokens);

}  // namespace sallyport::formats::python
