// What a stage's step was signed to do, beside what the runner saw it do: the subject of the guard
// pinned_step.
//
// Both sides are the runner's, made outside the step's reach. For the thread that runs the stage.
#pragma once

#include "core/guard.h"
#include "services/pipeline/context.h"

namespace sallyport::services::pipeline {

// Of a user's command, the files of the project that it names are held against the code that passed its own
// stage; before there is such code, the signed definition alone pins them by name. `written` is what the step
// left.
Result<StepSubject> pinned_subject(StageContext& context, const std::vector<std::string>& written);

}  // namespace sallyport::services::pipeline
