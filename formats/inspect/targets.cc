#include "formats/inspect/targets.h"

#include <algorithm>
#include <array>
#include <string>

#include "formats/inspect/paths.h"
#include "formats/pickle_policy.h"
#include "formats/torch_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::array<std::string_view, 4> kInstantiated{"_target_", "target", "class_path", "callable"};
constexpr std::array<std::string_view, 6> kRebuilt{"py/object", "py/function", "py/type",
                                                   "py/mod",    "py/class",    "py/reduce"};
// jsonpickle up to 1.x evaluates what stands in it.
constexpr std::string_view kEvaluated = "py/repr";
// MLflow imports it, beside the model's own folder `code`.
constexpr std::string_view kImported = "loader_module";

// A node of an exported program, torch.ops.aten.relu.default, which computes.
bool is_tensor_operator(std::string_view name) {
  constexpr std::string_view kOperators = "torch.ops.";
  if (!name.starts_with(kOperators)) return false;
  const std::string_view rest = name.substr(kOperators.size());
  const std::size_t dot = rest.find('.');
  if (dot == rest.npos) return false;
  const std::string_view last = rest.substr(dot + 1);
  return torch_operators::standing_of(rest.substr(0, dot), last.substr(0, last.find('.'))) ==
         torch_operators::Standing::kPlain;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c | 32U) - 'a' < 26U || c - '0' + 0U < 10U || c == '_' || c == '.' || c >= 0x80;
  });
}

// The reason of the longest module that the table knows: "os.system" is system of os.
std::string_view danger_of_path(std::string_view path) {
  // Hydra's users join paths with it, and it touches no file.
  if (path.starts_with("os.path.")) return {};
  for (std::size_t dot = path.rfind('.'); dot != std::string_view::npos && dot > 0;
       dot = path.rfind('.', dot - 1)) {
    const pickle::Global global{.module = std::string(path.substr(0, dot)),
                                .name = std::string(path.substr(dot + 1))};
    if (const std::string_view reason = pickle::danger_of(global); !reason.empty()) return reason;
  }
  return pickle::danger_of({.module = "builtins", .name = std::string(path)});
}

// The flavours of MLflow itself are its own code.
void judge_import(Probe& probe, std::string_view name, std::uint64_t offset) {
  if (name.starts_with("mlflow.") && is_name(name)) return;
  const std::string_view danger = danger_of_path(std::string(name) + ".load");
  probe.observe({.topic = Topic::kIntake,
                 .rule = "config-names-code",
                 .severity = danger.empty() ? Severity::kMedium : Severity::kCritical,
                 .offset = offset,
                 .message = "loading the model with MLflow would import " + shown(std::string(name)) +
                            (danger.empty() ? ", code that comes with it" : ", which " + std::string(danger)),
                 .remedy = "read the code, and log the model again with a flavour of MLflow's own"});
}

}  // namespace

bool is_target_member(std::string_view member) {
  return member == kEvaluated || member == kImported ||
         std::ranges::find(kInstantiated, member) != kInstantiated.end() ||
         std::ranges::find(kRebuilt, member) != kRebuilt.end();
}

void judge_target(Probe& probe, std::string_view member, std::string_view name, std::uint64_t offset) {
  if (member == kImported) return judge_import(probe, name, offset);
  if (is_tensor_operator(name)) return;
  const bool rebuilt = member.starts_with("py/");
  const bool evaluated = member == kEvaluated;
  const bool is_path = is_name(name) && (rebuilt || member == "_target_" || name.find('.') != name.npos);
  const std::string_view danger = is_path ? danger_of_path(name) : std::string_view();
  if (danger.empty() && !rebuilt) return;
  const bool critical = !danger.empty() || evaluated;
  std::string message =
      rebuilt ? "decoding with jsonpickle would " : "instantiating the configuration would ";
  message += evaluated ? "evaluate " : rebuilt && danger.empty() ? "rebuild an object of " : "call ";
  message += shown(std::string(name));
  if (!danger.empty()) message += ", which " + std::string(danger);
  probe.observe({.topic = rebuilt ? Topic::kCode : Topic::kIntake,
                 .rule = evaluated        ? "jsonpickle-evaluates"
                         : !rebuilt       ? "config-calls-dangerous"
                         : danger.empty() ? "jsonpickle-object"
                                          : "jsonpickle-dangerous",
                 .severity = critical ? Severity::kCritical : Severity::kMedium,
                 .offset = offset,
                 .message = std::move(message),
                 .remedy = rebuilt ? "keep plain data in it, and read it with a JSON parser"
                                   : "instantiate only names that the project lists as its own"});
}

}  // namespace sallyport::formats::inspect
