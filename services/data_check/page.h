// The report of `data check` as one self-contained HTML page: the verdicts, the rows that look wrong as
// pictures beside their neighbours, which label looks like which, and distributions beside the reference's.
//
// No script, no remote resource; a content-security policy in the page says so. Every text from the data is
// escaped. Pure functions, safe from any thread.
#pragma once

#include <string>

#include "services/data_check/check.h"

namespace sallyport::services::data_check {

std::string render_page(const Dataset& data, const CheckReport& report, const CheckOptions& options);

}  // namespace sallyport::services::data_check
