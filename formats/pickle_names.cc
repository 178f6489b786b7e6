#include "formats/pickle_names.h"

#include <map>

namespace sallyport::formats::pickle {

std::pair<std::string, std::string> modern_name(std::string_view module, std::string_view name) {
  using Pair = std::pair<std::string_view, std::string_view>;
  static const std::map<Pair, Pair> kNames{
#define MODULE(old_name, new_name)
#define NAME(old_module, old_name, new_module, new_name) {{old_module, old_name}, {new_module, new_name}},
#include "formats/pickle_names.inc"
#undef MODULE
#undef NAME
  };
  static const std::map<std::string_view, std::string_view> kModules{
#define MODULE(old_name, new_name) {old_name, new_name},
#define NAME(old_module, old_name, new_module, new_name)
#include "formats/pickle_names.inc"
#undef MODULE
#undef NAME
  };
  if (const auto found = kNames.find({module, name}); found != kNames.end()) {
    return {std::string(found->second.first), std::string(found->second.second)};
  }
  const auto found = kModules.find(module);
  return {std::string(found == kModules.end() ? module : found->second), std::string(name)};
}

}  // namespace sallyport::formats::pickle
