// Rows that are pictures, as part of services/data_check/page.h; internal to this folder.
#pragma once

#include <string>

#include "services/data_check/check.h"

namespace sallyport::services::data_check {

// The most suspect rows of each check that ranks, each beside its nearest neighbours; empty when the rows are
// no pictures.
std::string picture_section(const Dataset& data, const CheckReport& report, const CheckOptions& options);

}  // namespace sallyport::services::data_check
