// The real server in a process of its own, for tests.
#pragma once

#include "core/env.h"
#include "tests/program.h"

namespace sallyport::services::tracking::testing_support {

class Program : public tests::Program {
 public:
  // `before` is what a shell puts before the program's own words, or "".
  explicit Program(const fs::path& root, std::vector<std::string> more = {"--allow-anonymous"},
                   const std::string& before = {})
      : tests::Program(words(root, std::move(more)), before) {}

 private:
  static std::vector<std::string> words(const fs::path& root, std::vector<std::string> more) {
    more.insert(more.begin(), {"server", "--root", root.string()});
    return more;
  }
};

}  // namespace sallyport::services::tracking::testing_support
