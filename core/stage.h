// The sixteen stages of the life cycle, in the order in which one artifact meets them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sallyport {

enum class Stage : std::uint8_t {
  kAcquisition, kPreprocessing, kAnalysis, kPreparation,
  kVersionedData, kCodeRepository, kPipeline, kTraining, kValidation,
  kMetadataStore, kExport, kRegistry, kServing, kInput, kOutput, kMonitoring,
};

struct StageInfo {
  Stage stage;
  std::string_view name;    // as the catalogue and a pipeline file spell it
  std::string_view folder;  // where its guards and drills live
  std::string_view title;
};

inline constexpr std::array<StageInfo, 16> kStages{{
    {Stage::kAcquisition, "acquisition", "data_engineering/data_acquisition", "data acquisition"},
    {Stage::kPreprocessing, "preprocessing", "data_engineering/data_preprocessing", "data preprocessing"},
    {Stage::kAnalysis, "analysis", "data_engineering/data_analysis", "data analysis"},
    {Stage::kPreparation, "preparation", "data_engineering/data_preparation", "data preparation"},
    {Stage::kVersionedData, "versioned_data", "experiment/versioned_data", "versioned data"},
    {Stage::kCodeRepository, "code_repository", "experiment/code_repository", "code repository"},
    {Stage::kPipeline, "pipeline", "experiment/mlops_pipeline", "MLOps pipeline"},
    {Stage::kTraining, "training", "experiment/model_training", "model training"},
    {Stage::kValidation, "validation", "experiment/model_validation", "model validation"},
    {Stage::kMetadataStore, "metadata_store", "production/metadata_store", "metadata store"},
    {Stage::kExport, "export", "production/model_export", "model export"},
    {Stage::kRegistry, "registry", "production/model_registry", "model registry"},
    {Stage::kServing, "serving", "production/ai_system", "AI system"},
    {Stage::kInput, "input", "production/input_data", "input data"},
    {Stage::kOutput, "output", "production/output_data", "output data"},
    {Stage::kMonitoring, "monitoring", "production/monitoring", "monitoring"},
}};

constexpr const StageInfo& info(Stage stage) { return kStages[static_cast<std::size_t>(stage)]; }
constexpr std::string_view name_of(Stage stage) { return info(stage).name; }

constexpr std::optional<Stage> stage_named(std::string_view name) {
  for (const StageInfo& entry : kStages) {
    if (entry.name == name) return entry.stage;
  }
  return std::nullopt;
}

}  // namespace sallyport
