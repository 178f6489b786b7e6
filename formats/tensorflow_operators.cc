#include "formats/tensorflow_operators.h"

#include <algorithm>
#include <unordered_map>

namespace sallyport::formats::tensorflow {
namespace {

using Table = std::unordered_map<std::string_view, Standing>;

void add(Table& table, Standing standing, std::string_view names) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    table.emplace(names.substr(0, end), standing);
    names.remove_prefix(std::min(end + 1, names.size()));
  }
}

const Table& table() {
  static const Table kTable = [] {
    Table out;
#define TF_OPERATORS(standing, names) add(out, Standing::standing, names);
#include "formats/tensorflow_operators.def"
#undef TF_OPERATORS
    return out;
  }();
  return kTable;
}

}  // namespace

Standing standing_of(std::string_view op) {
  const auto found = table().find(op);
  return found == table().end() ? Standing::kUnknown : found->second;
}

std::string_view reason(Standing standing) {
  switch (standing) {
    case Standing::kPlain: return "computes";
    case Standing::kCheckpoint: return "writes or reads a checkpoint, outside of a saver";
    case Standing::kFiles: return "reads or writes files that the graph names";
    case Standing::kNetwork: return "talks to other processes or machines";
    case Standing::kCode: return "runs code that is not part of the graph";
    case Standing::kUnknown: break;
  }
  return "is none of TensorFlow's own, so it would run whatever library registers it";
}

}  // namespace sallyport::formats::tensorflow
