// What the rows of `bench data` share: public data sets beside the checkout, faults planted in them, and the
// peers of PyPI on the same files.
//
// A set that is absent is said loudly and its rows are left out. Times are of the processor, on one thread,
// for us and for the peers, so that what else the machine does weighs on neither.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "core/dataset.h"
#include "core/json.h"

namespace sallyport::bench::data {

inline constexpr std::array<std::uint64_t, 5> kSeeds{1, 2, 3, 4, 5};

// Beside the checkout, or where SALLYPORT_SHARED_DATA says. Nothing, and a line on stderr, when a file is not
// there or cannot be read.
std::optional<Dataset> shared_table(const std::string& path, const std::string& labels = {});
std::optional<std::string> shared_text(const std::string& path);

// MNIST's training set, read once.
const Dataset* mnist();
// So many of its rows, chosen by the seed, in random order.
Dataset sample_of(const Dataset& data, std::size_t rows, std::uint64_t seed);

// Processor seconds of this process.
double computed_s();
template <class Work>
double seconds_of(Work&& work) {
  const double start = computed_s();
  work();
  return computed_s() - start;
}

// The area under precision and recall: the mean precision at each bad row, the most suspect rows first.
double average_precision(std::span<const double> score, const std::vector<bool>& bad);

struct Detection {
  double auroc = 0;
  double tpr = 0;  // at a false-positive rate of 1 %
  double precision = 0;
};
Detection detection_of(std::span<const double> score, const std::vector<bool>& bad);

// A folder in which files for a peer lie; removed with it.
class Exchange {
 public:
  Exchange();
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  Result<void> put(const std::string& name, std::span<const double> values, std::size_t columns) const;
  Result<void> put(const std::string& name, const Json& json) const;
  // What `name` of bench/data_peers.py answers, in the environment of `peer` packages; Error when it cannot
  // be had, which was said on stderr.
  Result<Json> ask(const std::string& environment, const std::string& packages,
                   const std::string& name) const;

 private:
  std::filesystem::path folder_;
};

inline constexpr const char* kPeers = "cleanlab==2.7.0 datasketch==2.0.0 scipy==1.17.1 scikit-learn==1.9.1";

}  // namespace sallyport::bench::data
