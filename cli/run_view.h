// How a run looks while it goes on and when it is over; `run` and `demo` share it.
#pragma once

#include "cli/command.h"
#include "services/pipeline/runner.h"

namespace sallyport::cli {

// One line a stage on stdout, progress on a terminal, JSON events on stderr with --format json.
void show_event(const services::pipeline::Event& event, Output& output);
Exit exit_of(Verdict verdict);

}  // namespace sallyport::cli
