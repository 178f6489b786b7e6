// The last lines that a step printed, as people may see them.
//
// Registered secrets are taken out of each of its two streams, across the ends of lines and chunks; then, of
// every line, what has the structure of a credential (formats/secrets.h) though nobody registered it, and the
// bodies of private keys. For one thread at a time.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "services/redact/redact.h"

namespace sallyport::services::redact {

class StepLog {
 public:
  StepLog(const Redactor& redactor, std::size_t lines_max);

  enum class From : std::uint8_t { kOut, kErr };
  // A line without its end, or a piece of a longer one.
  void add(From from, std::string_view line);
  // The last lines, in the order in which they were safe to show; the log is then empty.
  std::vector<std::string> finish();
  // A text of the runner's own that quotes what the step did.
  std::string redact(std::string_view text) const;

 private:
  struct Side {
    Redactor::Stream stream;
    std::string open = {};  // a line whose end has not come
    bool in_key = false;
  };
  void show(Side& side, std::string_view text, bool ended);
  void keep(Side& side, std::string_view line);

  Redactor redactor_;
  std::size_t lines_max_;
  Side out_;
  Side err_;
  std::deque<std::string> lines_;
};

// A line without what has the structure of a credential: "[redacted: a GitHub token]" stands in its place.
std::string mask_credentials(std::string_view line);

}  // namespace sallyport::services::redact
