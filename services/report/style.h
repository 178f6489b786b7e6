// The report's style sheet. It stands apart so that the page's structure can be read without it.
#pragma once

#include <string_view>

namespace sallyport::services::report {

extern const std::string_view kStyle;

}  // namespace sallyport::services::report
