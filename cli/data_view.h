// What the data commands share: the project that they work on, and the spelling of a version.
//
// For one thread.
#pragma once

#include "cli/command.h"
#include "services/data/data.h"

namespace sallyport::cli {

Result<trust::Workspace> data_workspace(const Arguments& arguments);
// "digits@3"
std::string title_of(const trust::DataVersion& version);
Json to_json(const trust::DataVersion& version);

}  // namespace sallyport::cli
