#include "services/redact/step_log.h"

#include <algorithm>

#include "formats/secrets.h"

namespace sallyport::services::redact {

StepLog::StepLog(const Redactor& redactor, std::size_t lines_max)
    : redactor_(redactor), lines_max_(lines_max), out_{redactor.stream()}, err_{redactor.stream()} {}

void StepLog::add(From from, std::string_view line) {
  Side& side = from == From::kOut ? out_ : err_;
  show(side, side.stream.take(std::string(line) + "\n"), false);
}

std::vector<std::string> StepLog::finish() {
  for (Side* side : {&out_, &err_}) show(*side, side->stream.finish(), true);
  std::vector<std::string> out;
  for (const std::string& line : lines_) out.push_back(mask_credentials(line));
  lines_.clear();
  return out;
}

std::string StepLog::redact(std::string_view text) const { return mask_credentials(redactor_.redact(text)); }

void StepLog::show(Side& side, std::string_view text, bool ended) {
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    side.open += text.substr(0, end);
    keep(side, side.open);
    side.open.clear();
  }
  side.open += text;
  if (ended && !side.open.empty()) {
    keep(side, side.open);
    side.open.clear();
  }
}

void StepLog::keep(Side& side, std::string_view line) {
  constexpr std::string_view kKey = "PRIVATE KEY-----";
  const bool begins = line.find("-----BEGIN ") != std::string_view::npos && line.find(kKey) != line.npos;
  const bool ends = line.find("-----END ") != std::string_view::npos;
  if (side.in_key && !ends) return;
  side.in_key = begins && !ends;
  lines_.push_back(begins || ends ? "[redacted: a private key]" : std::string(line));
  if (lines_.size() > lines_max_) lines_.pop_front();
}

std::string mask_credentials(std::string_view line) {
  const auto found = formats::find_secrets(line);
  if (!found) return "[a line that could not be searched for credentials]";
  std::string out;
  std::size_t at = 0;
  for (const formats::Secret& secret : *found) {
    if (secret.offset < at) continue;
    out += line.substr(at, secret.offset - at);
    out += "[redacted: " + std::string(secret.rule->what) + "]";
    at = std::min(secret.offset + secret.length, line.size());
  }
  return out + std::string(line.substr(at));
}

}  // namespace sallyport::services::redact
