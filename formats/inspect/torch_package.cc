#include "formats/inspect/torch_package.h"

#include <algorithm>

#include "formats/inspect/paths.h"
#include "formats/pickle_policy.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy = "ask the publisher for the weights alone, and keep the code yourself";
constexpr std::string_view kExtern = "/.data/extern_modules";

// The modules of the host that the package's code may import, a line each.
void judge_extern(Probe& probe, const zip::Member& member) {
  std::string_view rest = as_text(member.data);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view module = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view danger = pickle::danger_of({.module = std::string(module), .name = "system"});
    if (danger.empty()) continue;
    probe.observe({.topic = Topic::kCode,
                   .rule = "torch-package-dangerous-import",
                   .offset = member.data_offset,
                   .length = member.data.size(),
                   .message = "loading the package lets its code import " + shown(std::string(module)) +
                              ", which " + std::string(danger),
                   .remedy = std::string(kRemedy)});
  }
}

}  // namespace

void judge_torch_package(Probe& probe, const zip::Archive& archive) {
  std::size_t modules = 0;
  const zip::Member* first = nullptr;
  for (const zip::Member& member : archive.members) {
    if (member.name.ends_with(kExtern) && member.method == zip::kStored) judge_extern(probe, member);
    if (!member.name.ends_with(".py") || member.data.empty()) continue;
    if (modules++ == 0) first = &member;
  }
  if (first == nullptr) return;
  probe.observe({.topic = Topic::kCode,
                 .rule = "torch-package-code",
                 .severity = Severity::kMedium,
                 .offset = first->data_offset,
                 .length = first->data.size(),
                 .message = "loading the package would run " + std::to_string(modules) +
                            (modules == 1 ? " module" : " modules") + " of its own, the first " +
                            shown(first->name),
                 .remedy = std::string(kRemedy)});
}

}  // namespace sallyport::formats::inspect
