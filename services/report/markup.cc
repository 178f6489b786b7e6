#include "services/report/markup.h"

#include <cstdio>

namespace sallyport::services::report {

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string decimal(double value, int digits) {
  char buffer[48];
  const int size = std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return {buffer, static_cast<std::size_t>(size)};
}

std::string badge(std::string_view kind, std::string_view text) {
  return "<span class=\"badge " + std::string(kind) + "\">" + escape(text) + "</span>";
}

std::string verdict_badge(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass: return badge("ok", "pass");
    case Verdict::kWarn: return badge("warn", "pass, with warnings");
    case Verdict::kBlock: return badge("bad", "blocked");
    case Verdict::kCannotTell: return badge("bad", "could not tell");
  }
  return {};
}

}  // namespace sallyport::services::report
