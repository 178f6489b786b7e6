// A stop for yaml-cpp where it does not move on: in front of some tokens that no document may begin with it
// goes on to tell of empty documents at the same place, for ever. Internal to formats.
#pragma once

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>

#include <limits>

namespace sallyport::formats {

class YamlProgress {
 public:
  // A document begins; throws a YAML::ParserException when one began there before.
  void begin_document(const YAML::Mark& mark) {
    if (mark.pos <= last_) throw YAML::ParserException(mark, "no document may begin here");
    last_ = mark.pos;
  }

 private:
  int last_ = std::numeric_limits<int>::min();
};

}  // namespace sallyport::formats
