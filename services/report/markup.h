// Pieces of HTML that all our pages share. Every text is escaped. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/gate.h"

namespace sallyport::services::report {

std::string escape(std::string_view text);
std::string decimal(double value, int digits);
// `kind` is a class of the style sheet: ok, warn or bad.
std::string badge(std::string_view kind, std::string_view text);
std::string verdict_badge(Verdict verdict);

}  // namespace sallyport::services::report
