#include "cli/promotion_view.h"

namespace sallyport::cli {

Exit show_promotion(const services::registry::PromotionState& state, Output& output) {
  const bool moved = state.log_index.has_value();
  const Exit exit = moved ? Exit::kClean : Exit::kFindings;
  if (output.is_json()) {
    output.json(services::registry::to_json(state));
    return exit;
  }
  std::string approvers;
  for (const std::string& name : state.approved_by) approvers += (approvers.empty() ? "" : ", ") + name;
  const std::string named = state.move.model + "@" + state.move.alias;
  const std::string version = "version " + std::to_string(state.move.version);
  if (moved) {
    output.line(output.paint(Tint::kGreen, "moved") + ": " + named + " -> " + version + ", approved by " +
                approvers + ", log #" + std::to_string(*state.log_index));
    return exit;
  }
  output.line(output.paint(Tint::kRed, "waiting") + ": " + named + " -> " + version + ", approved by " +
              (approvers.empty() ? "nobody yet" : approvers));
  for (const services::registry::Missing& item : state.missing) {
    output.line("  missing  " + item.what);
    if (!item.command.empty()) output.line("       do  " + item.command);
  }
  return exit;
}

}  // namespace sallyport::cli
