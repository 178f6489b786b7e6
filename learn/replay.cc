#include "learn/replay.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/limits.h"
#include "core/text.h"
#include "learn/random.h"
#include "learn/step.h"

namespace sallyport::learn {

namespace {

using Flat = std::vector<double>;

// Two paths are one when their ends differ by less than this share of the way: far more than rounding, far
// less than what tampering that matters leaves.
constexpr double kSamePath = 1e-2;

Flat flat(const ParameterValues& values) {
  Flat out;
  for (const std::vector<float>& parameter : values)
    out.insert(out.end(), parameter.begin(), parameter.end());
  return out;
}

double product(const Flat& a, const Flat& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double max_abs_difference(const Flat& a, const Flat& b) {
  double out = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= out)) out = difference;  // NaN counts as a difference too
  }
  return out;
}

// What one source of gradients adds to the parameters over a stretch: momentum is linear, so that sources can
// be followed one by one and sum to the whole.
struct ClassShare {
  Flat velocity;
  Flat change;

  void advance(const Flat& gradient, double momentum, double rate) {
    for (std::size_t i = 0; i < velocity.size(); ++i) {
      velocity[i] = momentum * velocity[i] + gradient[i];
      change[i] -= rate * velocity[i];
    }
  }
};

// Gaussian elimination with pivoting; an unknown without any part in the system is 0.
Flat solve(std::vector<Flat> matrix, Flat right) {
  const std::size_t n = right.size();
  for (std::size_t i = 0; i < n; ++i) {
    std::size_t pivot = i;
    for (std::size_t row = i + 1; row < n; ++row) {
      if (std::abs(matrix[row][i]) > std::abs(matrix[pivot][i])) pivot = row;
    }
    std::swap(matrix[i], matrix[pivot]);
    std::swap(right[i], right[pivot]);
    if (matrix[i][i] == 0) continue;
    for (std::size_t row = 0; row < n; ++row) {
      if (row == i) continue;
      const double factor = matrix[row][i] / matrix[i][i];
      for (std::size_t k = i; k < n; ++k) matrix[row][k] -= factor * matrix[i][k];
      right[row] -= factor * right[i];
    }
  }
  for (std::size_t i = 0; i < n; ++i) right[i] = matrix[i][i] == 0 ? 0 : right[i] / matrix[i][i];
  return right;
}

// The share of each class's part in `observed`, by least squares.
Flat shares_of(const std::vector<ClassShare>& classes, const Flat& observed) {
  std::vector<Flat> matrix(classes.size(), Flat(classes.size()));
  Flat right(classes.size());
  for (std::size_t a = 0; a < classes.size(); ++a) {
    for (std::size_t b = 0; b <= a; ++b)
      matrix[a][b] = matrix[b][a] = product(classes[a].change, classes[b].change);
    right[a] = product(classes[a].change, observed);
  }
  return solve(std::move(matrix), std::move(right));
}

struct Parts {
  ClassShare carried;  // the velocity that the stretch began with, and weight decay
  std::vector<ClassShare> classes;
};

// Where the recorded training stood in between, as far as its two checkpoints tell: on the line that joins
// them.
State between(const State& from, const State& to, std::uint64_t step) {
  State out = from;
  out.step = step;
  const float share = static_cast<float>(step - from.step) / static_cast<float>(to.step - from.step);
  for (std::size_t p = 0; p < out.model.parameters.size(); ++p) {
    std::vector<float>& values = out.model.parameters[p];
    const std::vector<float>& end = to.model.parameters[p];
    for (std::size_t i = 0; i < values.size(); ++i) values[i] += share * (end[i] - values[i]);
  }
  return out;
}

// The gradient of the batch's examples of each class, scaled so that they sum to that of the whole batch.
Result<std::vector<Flat>> class_gradients(Engine& engine, const Model& model, const Examples& batch) {
  std::vector<Flat> out;
  for (std::uint32_t c = 0; c < model.network.classes.size(); ++c) {
    std::vector<std::size_t> rows;
    for (std::size_t r = 0; r < batch.rows(); ++r) {
      if (batch.labels[r] == c) rows.push_back(r);
    }
    if (rows.empty()) {
      out.emplace_back();
      continue;
    }
    const Examples of_class = batch.pick(rows);
    const Gradient gradient =
        TRY(engine.gradient(model, of_class.inputs, of_class.labels, {}, Want::kParameters));
    Flat values = flat(gradient.parameters);
    const double part = static_cast<double>(rows.size()) / static_cast<double>(batch.rows());
    for (double& value : values) value *= part;
    out.push_back(std::move(values));
  }
  return out;
}

Result<Parts> advance(Engine& engine, const Recipe& recipe, const State& state, const Examples& batch,
                      std::uint64_t steps, Parts parts) {
  const double rate = learning_rate_at(recipe, state.step, steps);
  std::vector<Flat> gradients = TRY(class_gradients(engine, state.model, batch));
  const Flat nothing(parts.carried.change.size());
  Flat whole = nothing;
  for (Flat& gradient : gradients) {
    if (gradient.empty()) gradient = nothing;
    for (std::size_t i = 0; i < whole.size(); ++i) whole[i] += gradient[i];
  }
  const double norm = std::sqrt(product(whole, whole));
  const double clip = recipe.clip_norm > 0 && norm > recipe.clip_norm ? recipe.clip_norm / norm : 1;
  for (std::size_t c = 0; c < gradients.size(); ++c) {
    for (double& value : gradients[c]) value *= clip;
    parts.classes[c].advance(gradients[c], recipe.momentum, rate);
  }
  Flat decay = flat(state.model.parameters);
  for (double& value : decay) value *= recipe.weight_decay;
  parts.carried.advance(decay, recipe.momentum, rate);
  return parts;
}

// The states after each step, the first one first, and the batch of every step between two of them.
struct Path {
  std::vector<State> states;
  std::vector<Examples> batches;
};

Result<Path> recompute(Engine& engine, const Course& course, const State& from, std::uint64_t end) {
  const std::uint64_t steps = steps_of(course.recipe, course.examples->rows());
  BatchOrder order(course.recipe, course.data, course.examples->rows());
  Path out{.states = {from}, .batches = {}};
  while (out.states.back().step < end) {
    const State& state = out.states.back();
    Batch batch = TRY(batch_at(engine, state, course, order));
    const Gradient gradient = TRY(engine.gradient(state.model, batch.examples.inputs, batch.examples.labels,
                                                  {}, Want::kParameters));
    State next = descend(state, gradient.parameters, course.recipe, steps);
    out.states.push_back(std::move(next));
    out.batches.push_back(std::move(batch.examples));
  }
  return out;
}

Json interval_json(const IntervalReplay& interval) {
  Json classes = Json::array();
  for (const ClassPart& part : interval.classes) {
    classes.push_back({{"class", part.name}, {"gradient_norm", part.gradient_norm}, {"share", part.share}});
  }
  return {{"from", interval.from},
          {"to", interval.to},
          {"max_abs_difference", interval.max_abs_difference},
          {"max_abs_change", interval.max_abs_change},
          {"classes", classes}};
}

Result<std::uint64_t> unsigned_member(const Json& object, std::string_view name) {
  const std::int64_t value = TRY(get_int(object, name));
  if (value < 0) return invalid("replay: '" + std::string(name) + "' is negative");
  return static_cast<std::uint64_t>(value);
}

Result<IntervalReplay> parse_interval(const Json& object) {
  TRY(only_members(object, {"from", "to", "max_abs_difference", "max_abs_change", "classes"}));
  IntervalReplay out{.from = TRY(unsigned_member(object, "from")),
                     .to = TRY(unsigned_member(object, "to")),
                     .max_abs_difference = TRY(get_number(object, "max_abs_difference")),
                     .max_abs_change = TRY(get_number(object, "max_abs_change"))};
  for (const Json& part : TRY(get_array(object, "classes"))) {
    TRY(only_members(part, {"class", "gradient_norm", "share"}));
    ClassPart of_class{.gradient_norm = TRY(get_number(part, "gradient_norm")),
                       .share = TRY(get_number(part, "share"))};
    of_class.name = TRY(get_string(part, "class"));
    out.classes.push_back(std::move(of_class));
  }
  return out;
}

// A difference that is not a number (a checkpoint can hold NaN) is told as the largest number that JSON can
// hold.
double finite(double value) { return std::isfinite(value) ? value : std::numeric_limits<double>::max(); }

}  // namespace

Result<IntervalReplay> replay_interval(Engine& engine, const Course& course, const State& from,
                                       const State& to, Explain explain) {
  const std::uint64_t steps = steps_of(course.recipe, course.examples->rows());
  if (from.step >= to.step || to.step > steps || from.model.network != to.model.network) {
    return invalid("replay: checkpoints " + std::to_string(from.step) + " and " + std::to_string(to.step) +
                   " do not bound a stretch of " + std::to_string(steps) + " steps");
  }
  const Flat begin = flat(from.model.parameters);
  const Flat end = flat(to.model.parameters);
  const Path path = TRY(recompute(engine, course, from, to.step));
  IntervalReplay out{
      .from = from.step,
      .to = to.step,
      .max_abs_difference = finite(max_abs_difference(flat(path.states.back().model.parameters), end)),
      .max_abs_change = finite(max_abs_difference(begin, end))};
  // Where the recorded training went in between: along the recomputed path when both end in one place, and
  // else, as far as its two checkpoints tell, along the line that joins them.
  const bool same = out.max_abs_difference <= kSamePath * out.max_abs_change;
  if (same && explain == Explain::kWhatDiffers) return out;
  const Flat nothing(begin.size());
  Parts parts{
      .carried = {.velocity = flat(from.velocity), .change = nothing},
      .classes = std::vector<ClassShare>(from.model.network.classes.size(), ClassShare{nothing, nothing})};
  BatchOrder order(course.recipe, course.data, course.examples->rows());
  for (std::size_t i = 0; i < path.batches.size(); ++i) {
    if (same) {
      parts = TRY(
          advance(engine, course.recipe, path.states[i], path.batches[i], steps, std::move(parts)));
      continue;
    }
    const State state = between(from, to, path.states[i].step);
    const Batch batch = TRY(batch_at(engine, state, course, order));
    parts = TRY(advance(engine, course.recipe, state, batch.examples, steps, std::move(parts)));
  }
  Flat observed = end;
  for (std::size_t i = 0; i < observed.size(); ++i) observed[i] -= begin[i] + parts.carried.change[i];
  const Flat shares = shares_of(parts.classes, observed);
  for (std::size_t c = 0; c < shares.size(); ++c) {
    out.classes.push_back(
        {.name = from.model.network.classes[c],
         .gradient_norm = finite(std::sqrt(product(parts.classes[c].change, parts.classes[c].change))),
         .share = finite(shares[c])});
  }
  return out;
}

std::vector<std::size_t> choose_intervals(std::size_t intervals, std::size_t count, std::uint64_t challenge) {
  Random random(challenge);
  std::vector<std::size_t> out = random.sample(intervals, std::min(count, intervals));
  std::ranges::sort(out);
  return out;
}

double ReplayReport::worst_share() const {
  double worst = 0;
  for (const IntervalReplay& interval : intervals) {
    if (interval.max_abs_change > 0 && interval.max_abs_difference > kRounding) {
      worst = std::max(worst, interval.max_abs_difference / interval.max_abs_change);
    }
  }
  return worst;
}

Json to_json(const ReplayReport& report) {
  Json intervals = Json::array();
  for (const IntervalReplay& interval : report.intervals) intervals.push_back(interval_json(interval));
  // The challenge uses all 64 bits, which not every reader of JSON keeps in a number.
  return {{"engine", report.engine},
          {"challenge", std::to_string(report.challenge)},
          {"intervals_total", report.intervals_total},
          {"data_matches", report.data_matches},
          {"start_matches", report.start_matches},
          {"end_matches", report.end_matches},
          {"digests_match", report.digests_match},
          {"intervals", intervals}};
}

Result<ReplayReport> parse_replay_report(const Json& object) {
  TRY(only_members(object, {"engine", "challenge", "intervals_total", "data_matches", "start_matches",
                            "end_matches", "digests_match", "intervals"}));
  ReplayReport out;
  out.engine = TRY(get_string(object, "engine"));
  out.intervals_total = TRY(unsigned_member(object, "intervals_total"));
  out.data_matches = TRY(get_bool(object, "data_matches"));
  out.start_matches = TRY(get_bool(object, "start_matches"));
  out.end_matches = TRY(get_bool(object, "end_matches"));
  out.digests_match = TRY(get_bool(object, "digests_match"));
  const std::string challenge = TRY(get_string(object, "challenge"));
  const auto number = parsed_number<decltype(out.challenge)>(challenge);
  if (!number) return invalid("replay: 'challenge' is not a number");
  out.challenge = *number;
  for (const Json& interval : TRY(get_array(object, "intervals"))) {
    out.intervals.push_back(TRY(parse_interval(interval)));
  }
  return out;
}

Result<ReplayReport> replay(Engine& engine, const Model& model, const TrainingRecord& record,
                            const Course& course, const ReadFile& read, const ReplayOptions& options) {
  ReplayReport out{.engine = std::string(engine.name()),
                   .challenge = options.challenge,
                   .intervals_total = record.checkpoints.size() - 1,
                   .data_matches = record.data == course.data && record.rows == course.examples->rows(),
                   .digests_match = true};
  // The course is the verifier's own view of the data, so only the recipe is the trainer's word.
  const Course checked{.examples = course.examples, .data = course.data, .recipe = record.recipe};
  const auto state_of = [&](std::size_t entry) -> Result<State> {
    const Bytes bytes = TRY(read(checkpoint_path(record.checkpoints[entry].step)));
    out.digests_match = out.digests_match && sha256(bytes) == record.checkpoints[entry].digest;
    State state = TRY(read_checkpoint(model.network, bytes));
    if (state.step != record.checkpoints[entry].step)
      return invalid("checkpoint: holds another step than its name");
    return state;
  };
  const State first = TRY(state_of(0));
  const State expected = initial_state(model.network, record.recipe);
  const bool declared = !options.declared_seed || *options.declared_seed == record.recipe.seed;
  out.start_matches =
      declared && first.model.parameters == expected.model.parameters && first.velocity == expected.velocity;
  const State last = TRY(state_of(out.intervals_total));
  out.end_matches = last.model.parameters == model.parameters && record.model == digest_of(model);
  for (const std::size_t i : choose_intervals(out.intervals_total, options.intervals, options.challenge)) {
    const State from = TRY(state_of(i));
    const State to = TRY(state_of(i + 1));
    out.intervals.push_back(TRY(replay_interval(engine, checked, from, to, Explain::kWhatDiffers)));
  }
  return out;
}

Result<ReplayReport> replay_folder(Env& env, Engine& engine, const fs::path& folder, const Dataset& train,
                                   const Digest& data, const ReplayOptions& options) {
  const Bytes description = TRY(env.read_file(folder / "model.json", limits::kJsonBytesMax));
  const Bytes weights = TRY(env.read_file(folder / "model.safetensors"));
  const Model model = TRY(read_model(as_text(description), weights));
  const Bytes json = TRY(env.read_file(folder / "training.json", limits::kJsonBytesMax));
  const TrainingRecord record = TRY(parse_training_record(as_text(json)));
  const Examples examples = TRY(examples_of(model.network, train));
  const Course course{.examples = &examples, .data = data, .recipe = record.recipe};
  const auto read = [&](const std::string& path) { return env.read_file(folder / path); };
  return replay(engine, model, record, course, read, options);
}

}  // namespace sallyport::learn
