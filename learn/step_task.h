// What a confined step is told: where its inputs and outputs are, the seed, the parts that columns play, its
// options.
//
// The runner passes it in the environment: SALLYPORT_IN and SALLYPORT_OUT are folders, SALLYPORT_STEP is
// {"seed", "options", "schema": {"label", "id", "contributor", "group", "image": {"height", "width",
// "max"}}}. A person who runs a worker by hand may give flags instead, which win: --label digit --image
// 8x8x16 --seed 7 --epochs 20. Values; safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/dataset.h"
#include "core/digest.h"
#include "core/env.h"
#include "core/json.h"
#include "core/result.h"

namespace sallyport::learn {

class StepTask {
 public:
  // `words` are the arguments behind the subcommand: pairs of --NAME VALUE with names out of `allowed` or of
  // the schema. Error for anything else.
  static Result<StepTask> from(std::string_view in, std::string_view out, std::string_view step,
                               const std::vector<std::string>& words,
                               const std::vector<std::string>& allowed);

  const fs::path& in() const { return in_; }
  const fs::path& out() const { return out_; }
  std::uint64_t seed() const { return seed_; }
  // The name of the label column; empty when the schema has none.
  const std::string& label() const { return roles_.label; }

  // An option by name, from the flags or from the pipeline file; nothing when neither says it.
  Result<std::optional<double>> number(const std::string& name) const;
  Result<std::optional<std::string>> text(const std::string& name) const;

  struct Table {
    Dataset data;
    Digest digest;  // of the file's bytes
  };
  // An input that is a table, read with the schema.
  Result<Table> table(Env& env, const std::string& name) const;

  // Writes one file below the output folder, whose parents are made.
  Result<void> write(Env& env, const std::string& path, BytesView bytes) const;

 private:
  fs::path in_;
  fs::path out_;
  std::uint64_t seed_ = 1;
  Roles roles_ = {};
  ImageShape image_ = {};
  Json options_ = Json::object();
};

}  // namespace sallyport::learn
