// What each of the sixteen stages does, as constants. Internal to services/pipeline.
#pragma once

#include "services/pipeline/context.h"

namespace sallyport::services::pipeline {

// Shows the artifact `code` to the guards of repositories: each of the three stages that read it has its own.
Result<void> present_code(StageContext& context);

extern const StageBehaviour kAcquisition;
extern const StageBehaviour kPreprocessing;
extern const StageBehaviour kAnalysis;
extern const StageBehaviour kPreparation;
extern const StageBehaviour kVersionedData;
extern const StageBehaviour kCodeRepository;
extern const StageBehaviour kPipeline;
extern const StageBehaviour kTraining;
extern const StageBehaviour kValidation;
extern const StageBehaviour kMetadataStore;
extern const StageBehaviour kExport;
extern const StageBehaviour kRegistry;
extern const StageBehaviour kServing;
extern const StageBehaviour kInput;
extern const StageBehaviour kOutput;
extern const StageBehaviour kMonitoring;

}  // namespace sallyport::services::pipeline
