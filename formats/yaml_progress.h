// Notices where yaml-cpp does not move on: in front of some tokens that no document may begin with it goes on
// to tell of empty documents at the same place, for ever. Internal to formats.
#pragma once

#include <yaml-cpp/mark.h>

#include <limits>

namespace sallyport::formats {

class YamlProgress {
 public:
  // A document begins at `mark`; false when one began there before, and nothing more is to be read.
  [[nodiscard]] bool begin_document(const YAML::Mark& mark) {
    const bool moved = mark.pos > last_;
    last_ = mark.pos;
    return moved;
  }

 private:
  int last_ = std::numeric_limits<int>::min();
};

}  // namespace sallyport::formats
