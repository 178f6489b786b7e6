// The report of a run as one self-contained HTML page: the sixteen gates, the chain behind the model, the
// findings.
//
// No script, no remote resource; a content-security policy in the page says so. Every text from an artifact
// is escaped. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"
#include "services/pipeline/runner.h"
#include "trust/chain.h"

namespace sallyport::services::report {

struct Attack {
  std::string threat;
  std::string story;
  std::string undefended;  // what the harm was
  std::string defended;    // why it was refused
};

struct Content {
  const pipeline::RunReport* run = nullptr;
  const trust::ChainReport* chain = nullptr;  // of the served model; may be absent
  std::vector<Attack> attacks = {};           // enacted in the demo
  std::string prediction = {};                // one line, when a prediction was served
  std::string made_at = {};                   // RFC 3339
};

std::string render_html(const Content& content);

}  // namespace sallyport::services::report
