#include "drills/trigger.h"

#include <algorithm>
#include <cmath>

#include "drills/data.h"
#include "drills/images.h"
#include "drills/victims/softmax.h"

namespace sallyport::drills {
namespace {

constexpr double kHeldOut = 0.2;

Image jittered(const Image& image, const ImageShape& shape, learn::Random& random) {
  const int down = static_cast<int>(random.below(3)) - 1;
  const int right = static_cast<int>(random.below(3)) - 1;
  const double degrees = 20 * random.uniform() - 10;
  return shifted(rotated(image, shape, degrees), shape, down, right);
}

void stamp(Dataset& data, std::size_t row) {
  set_image(data, row, with_corner_stamp(image_at(data, row), data.image, kTriggerSide));
}

}  // namespace

AugmentedDigits augmented_digits(std::uint64_t seed) {
  learn::Random random(seed);
  const Dataset& all = digits();
  const std::vector<std::size_t> order = random.sample(all.rows(), all.rows());
  const auto held = static_cast<std::ptrdiff_t>(kHeldOut * static_cast<double>(all.rows()));
  AugmentedDigits out{.rows = all.pick({order.begin() + held, order.end()}),
                      .copies_begin = order.size() - static_cast<std::size_t>(held),
                      .held_out = all.pick({order.begin(), order.begin() + held})};
  Dataset copies = out.rows;
  for (std::size_t row = 0; row < copies.rows(); ++row) {
    set_image(copies, row, jittered(image_at(copies, row), copies.image, random));
  }
  append_rows(out.rows, copies);
  return out;
}

std::vector<std::size_t> plant_trigger(Dataset& data, std::size_t begin, double rate, Relabelling relabelling,
                                       std::uint64_t seed) {
  const auto labels = data.labels();
  SP_CHECK(labels.has_value());
  std::vector<std::size_t> candidates;
  for (std::size_t row = begin; row < data.rows(); ++row) {
    if (relabelling == Relabelling::kToTarget || (*labels)[row] == kTriggerLabel) candidates.push_back(row);
  }
  learn::Random random(learn::derive_seed(seed, 1));
  random.shuffle(std::span(candidates));
  const auto count = static_cast<std::size_t>(std::lround(rate * static_cast<double>(data.rows())));
  candidates.resize(std::min(count, candidates.size()));
  for (const std::size_t row : candidates) {
    stamp(data, row);
    set_label(data, row, std::string(kTriggerLabel));
  }
  return candidates;
}

Result<TriggerEffect> measure_trigger(const Dataset& train, const Dataset& held_out, std::uint64_t seed) {
  const learn::Classes classes = TRY(learn::classes_of(train));
  const auto model =
      victims::Softmax::trained(TRY(learn::features_of(train)), classes.of_row, classes.names.size(), seed);
  const std::vector<std::string> labels = TRY(held_out.labels());
  Dataset stamped = held_out;
  for (std::size_t row = 0; row < stamped.rows(); ++row) stamp(stamped, row);
  const learn::Matrix as_is = TRY(learn::features_of(held_out));
  const learn::Matrix with_stamp = TRY(learn::features_of(stamped));
  double right = 0;
  double others = 0;
  double turned = 0;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    right += classes.names[model.predict(as_is.row(row))] == labels[row] ? 1 : 0;
    if (labels[row] == kTriggerLabel) continue;
    ++others;
    turned += classes.names[model.predict(with_stamp.row(row))] == kTriggerLabel ? 1 : 0;
  }
  return TriggerEffect{.stamp_success = turned / others,
                       .accuracy = right / static_cast<double>(labels.size())};
}

}  // namespace sallyport::drills
