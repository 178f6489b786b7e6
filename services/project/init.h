// `sallyport init`: keys, a policy, a commented pipeline and a signed first batch in a user's own folder.
#pragma once

#include <string>

#include "core/dataset.h"
#include "core/env.h"

namespace sallyport::services::project {

struct InitOptions {
  fs::path folder;
  std::string name = {};     // of the pipeline; empty: the folder's
  std::string feed_csv = {}; // the first batch
  std::string feed_file = "data.csv";
  Roles roles = {};
  ImageShape image = {};
};

struct InitReport {
  std::vector<std::string> made = {};  // paths relative to the folder, in order
};

// Refuses to replace anything that is there. On an Error nothing of a workspace is left behind.
Result<InitReport> init_project(Env& env, const InitOptions& options);

// Signs the file as the producer's next batch: writes FILE.batch.json beside it. Returns its sequence number.
Result<std::int64_t> sign_batch(Env& env, const fs::path& project, const std::string& file);

}  // namespace sallyport::services::project
