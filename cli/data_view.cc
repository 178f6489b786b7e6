#include "cli/data_view.h"

namespace sallyport::cli {

Result<trust::Workspace> data_workspace(const Arguments& arguments) {
  return trust::Workspace::open(system_env(), arguments.workspace());
}

std::string title_of(const trust::DataVersion& version) {
  return version.said.name + "@" + std::to_string(version.said.version);
}

Json to_json(const trust::DataVersion& version) {
  Json out = trust::to_json(version.said);
  out["manifest"] = version.manifest.hex();
  out["log"] = version.log_index;
  return out;
}

}  // namespace sallyport::cli
