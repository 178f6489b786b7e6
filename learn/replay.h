// Replay of a training: a stretch between two checkpoints is computed again and held against what was
// recorded.
//
// Two things are measured. The largest difference between the recomputed and the recorded parameters tells
// that the stretch was not made by this recipe, data and order: it decides. And the recorded change is split
// into what each class's gradients contribute: it explains. In a stretch that was reproduced every class has
// a share of 1. In one that was not, the path in between is unknown and a straight line stands for it, so
// shares are rough (.3 to 1.8 on a perceptron that still moves fast, and of little use on deep networks); a
// class whose gradients were withheld stands out with a share of 0 to one decimal.
//
// For one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/env.h"
#include "core/json.h"
#include "core/result.h"
#include "learn/training.h"

namespace sallyport::learn {

struct ClassPart {
  std::string name = {};
  double gradient_norm = 0;  // of what the class's examples contribute to the stretch by the recipe
  double share = 0;          // of that contribution, found in the recorded change by least squares
};

struct IntervalReplay {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  double max_abs_difference = 0;  // recomputed against recorded parameters, at `to`
  double max_abs_change = 0;      // of any parameter over the stretch, for scale
  std::vector<ClassPart> classes = {};
};

// Whether a stretch that was reproduced is split into its classes' parts too, which doubles its cost.
enum class Explain : std::uint8_t { kAlways, kWhatDiffers };

// Computes the steps from `from` to `to` again. Error when they are not in order or not of one network.
Result<IntervalReplay> replay_interval(Engine& engine, const Course& course, const State& from,
                                       const State& to, Explain explain = Explain::kAlways);

// `count` different intervals among `intervals`, or all when there are fewer, chosen by a challenge that the
// trainer did not know.
std::vector<std::size_t> choose_intervals(std::size_t intervals, std::size_t count, std::uint64_t challenge);

// A difference of a weight that single precision makes and nothing else: at the end of a schedule a whole
// stretch changes by little more.
inline constexpr double kRounding = 1e-6;

// What a replay of some intervals found, as evidence for a guard.
struct ReplayReport {
  std::string engine = {};
  std::uint64_t challenge = 0;
  std::size_t intervals_total = 0;
  bool data_matches = false;   // the record's data digest is that of the training table
  bool start_matches = false;  // the first checkpoint is the one that the seed gives
  bool end_matches = false;    // the last checkpoint holds the model that was handed over
  bool digests_match = false;  // every checkpoint that was read has its recorded digest
  std::vector<IntervalReplay> intervals = {};

  // The largest difference of any stretch, as a share of its largest change; 0 for what is only rounding.
  double worst_share() const;
};
// {"engine","challenge","intervals_total","data_matches",…,"intervals":[{"from","to","max_abs_difference",
//  "max_abs_change","classes":[{"class","gradient_norm","share"}]}]}
Json to_json(const ReplayReport& report);
Result<ReplayReport> parse_replay_report(const Json& object);

// Reads a checkpoint by its path within the model's folder.
using ReadFile = std::function<Result<Bytes>(const std::string& path)>;
struct ReplayOptions {
  std::uint64_t challenge = 0;
  std::size_t intervals = 3;
  // The seed that the pipeline's owner declared; without it the record's own word is taken, and a trainer
  // could have tried many.
  std::optional<std::uint64_t> declared_seed = {};
};
// Error when the record and the checkpoints cannot be read as such; what does not match is in the report, and
// only what differs is explained.
Result<ReplayReport> replay(Engine& engine, const Model& model, const TrainingRecord& record,
                            const Course& course, const ReadFile& read, const ReplayOptions& options);
// The same for the folder that a training step leaves, against the table `train`, whose bytes have the digest
// `data`.
Result<ReplayReport> replay_folder(Env& env, Engine& engine, const fs::path& folder, const Dataset& train,
                                   const Digest& data, const ReplayOptions& options);

}  // namespace sallyport::learn
