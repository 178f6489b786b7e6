#include "cli/data_seal_view.h"

namespace sallyport::cli {
namespace {

using services::data::SealState;

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string look_of(const SealState& state) {
  if (!state.screen) return "rows not looked at: " + state.unscreened;
  return std::to_string(state.screen->rows) + " rows looked at, " +
         std::to_string(state.screen->unsupported.size()) + " with a label that no similar row has (usual: " +
         number_text(state.screen->base_rate * static_cast<double>(state.screen->rows)) + ")";
}

Json to_json(const SealState& state) {
  Json out{{"version", title_of(state.version)},
           {"manifest", state.version.manifest.hex()},
           {"rows", state.rows},
           {"rows_root", state.rows_root.hex()},
           {"signed_by", state.signed_by},
           {"missing", state.missing}};
  if (state.screen) {
    out["screen"] = {{"rows", state.screen->rows},
                     {"unsupported", state.screen->unsupported},
                     {"base_rate", state.screen->base_rate},
                     {"p_value", state.screen->p_value}};
  } else {
    out["unscreened"] = state.unscreened;
  }
  if (state.amendment) out["amendment"] = trust::to_json(*state.amendment);
  if (state.log_index) out["log"] = *state.log_index;
  return out;
}

}  // namespace

services::data::SealOptions seal_options(const Arguments& arguments) {
  services::data::SealOptions out;
  if (arguments.has("as")) out.keys = arguments.all("as");
  out.label = arguments.text("label");
  out.against = arguments.text("against");
  return out;
}

Exit show_seal(const SealState& state, std::string_view done, Output& output) {
  std::string text;
  if (state.log_index) {
    text = std::string(done) + ": " + title_of(state.version) + ", " +
           with_separators(static_cast<std::uint64_t>(state.rows)) + " rows, signed by " +
           joined(state.signed_by) + ", log #" + std::to_string(*state.log_index) + "\n";
  } else {
    text = "waits: " + title_of(state.version) + ", signed by " + joined(state.signed_by) + "; missing is " +
           joined(state.missing) + "\n";
  }
  if (state.amendment) {
    text += "  " + std::to_string(state.amendment->added) + " rows added, " +
            std::to_string(state.amendment->removed) + " removed since version " +
            std::to_string(state.amendment->from) + ", in " + joined(state.amendment->files) + "\n";
  }
  text += "  " + look_of(state) + "\n";
  output.result(text, to_json(state));
  return state.log_index ? Exit::kClean : Exit::kFindings;
}

}  // namespace sallyport::cli
