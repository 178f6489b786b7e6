#include "learn/trees.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>

#include "core/parallel.h"
#include "learn/random.h"
#include "learn/xgboost.h"

namespace sallyport::learn {
namespace {

constexpr double kUsualColumns = 12;

class Held {
 public:
  Held() = default;
  explicit Held(int (*free)(Xgboost::Handle)) : free_(free) {}
  ~Held() {
    if (handle_ != nullptr) free_(handle_);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  Xgboost::Handle* slot() { return &handle_; }
  Xgboost::Handle get() const { return handle_; }

 private:
  int (*free_)(Xgboost::Handle) = nullptr;
  Xgboost::Handle handle_ = nullptr;
};

Result<void> done(const Xgboost& library, int code) {
  if (code == 0) return {};
  return fail(ErrorKind::kUnsupported, "XGBoost: " + std::string(library.error()));
}

// Which fold each row is held out of.
std::vector<std::size_t> deal(const Classes& classes, std::size_t folds, std::uint64_t seed) {
  std::vector<std::size_t> rows(classes.of_row.size());
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  Random random(derive_seed(seed, 7));
  random.shuffle(std::span(rows));
  std::ranges::stable_sort(rows, {}, [&](std::size_t row) { return classes.of_row[row]; });
  std::vector<std::size_t> out(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out[rows[i]] = i % folds;
  return out;
}

class Trainer {
 public:
  Trainer(const Xgboost& library, const Matrix& features, const Classes& classes, std::size_t rounds,
          std::uint64_t seed)
      : library_(library), features_(features), classes_(classes), rounds_(rounds), seed_(seed) {}

  // The probabilities of the rows that are held out, written to their places.
  Result<void> run(const std::vector<std::size_t>& held_out, std::size_t fold, Probabilities& out) const {
    std::vector<std::size_t> train;
    std::vector<std::size_t> test;
    for (std::size_t row = 0; row < held_out.size(); ++row)
      (held_out[row] == fold ? test : train).push_back(row);
    Held seen(library_.matrix_free);
    Held unseen(library_.matrix_free);
    TRY(fill(train, seen));
    TRY(fill(test, unseen));
    std::vector<float> labels;
    for (const std::size_t row : train) labels.push_back(static_cast<float>(classes_.of_row[row]));
    TRY(done(library_, library_.matrix_set(seen.get(), "label", labels.data(), labels.size())));
    Held booster(library_.booster_free);
    TRY(done(library_, library_.booster_create(seen.slot(), 1, booster.slot())));
    TRY(set_up(booster.get()));
    for (std::size_t round = 0; round < rounds_; ++round) {
      TRY(done(library_, library_.booster_update(booster.get(), static_cast<int>(round), seen.get())));
    }
    std::uint64_t count = 0;
    const float* values = nullptr;
    TRY(done(library_, library_.booster_predict(booster.get(), unseen.get(), 0, 0, 0, &count, &values)));
    const std::size_t each = out.classes == 2 ? 1 : out.classes;
    if (count != test.size() * each)
      return fail(ErrorKind::kUnsupported, "XGBoost: another number of answers");
    for (std::size_t i = 0; i < test.size(); ++i) {
      double* row = out.values.data() + test[i] * out.classes;
      if (each == 1) {
        row[1] = static_cast<double>(values[i]);
        row[0] = 1 - row[1];
      } else {
        std::copy(values + i * each, values + (i + 1) * each, row);
      }
    }
    return {};
  }

 private:
  Result<void> fill(const std::vector<std::size_t>& rows, Held& out) const {
    const Matrix picked = features_.pick_rows(rows);
    return done(library_, library_.matrix_create(picked.values().data(), picked.rows(), picked.columns(),
                                                 std::numeric_limits<float>::quiet_NaN(), out.slot()));
  }
  Result<void> set_up(Xgboost::Handle booster) const {
    const std::size_t classes = classes_.names.size();
    // As much in all, however many rounds there are.
    const double rate = std::clamp(10.0 / static_cast<double>(rounds_), 0.1, 0.3);
    std::vector<std::pair<std::string, std::string>> settings{
        {"verbosity", "0"},
        {"nthread", "1"},
        {"tree_method", "hist"},
        {"max_depth", "6"},
        {"min_child_weight", "5"},
        {"subsample", "0.8"},
        {"eta", std::to_string(rate)},
        {"seed", std::to_string(seed_ % 1'000'000'007)},
        {"objective", classes == 2 ? "binary:logistic" : "multi:softprob"}};
    if (classes > 2) settings.emplace_back("num_class", std::to_string(classes));
    for (const auto& [name, value] : settings)
      TRY(done(library_, library_.booster_set(booster, name.c_str(), value.c_str())));
    return {};
  }

  const Xgboost& library_;
  const Matrix& features_;
  const Classes& classes_;
  std::size_t rounds_;
  std::uint64_t seed_;
};

}  // namespace

Result<Probabilities> out_of_fold_trees(const Matrix& features, const Classes& classes,
                                        const TreeOptions& options) {
  const Xgboost& library = *TRY(Xgboost::load());
  const std::size_t count = classes.names.size();
  if (count < 2 || features.rows() < options.folds || classes.of_row.size() != features.rows())
    return invalid("trees: fewer than two classes, or fewer rows than folds");
  const double each = static_cast<double>(features.rows()) * static_cast<double>(count == 2 ? 1 : count) *
                      static_cast<double>(options.folds) *
                      std::max(1.0, static_cast<double>(features.columns()) / kUsualColumns);
  const auto rounds = static_cast<std::size_t>(
      std::min(static_cast<double>(options.rounds_max), std::floor(options.work_max / each)));
  if (rounds < kTreeRoundsMin) return fail(ErrorKind::kLimit, "trees: too many rows and classes for them");
  Probabilities out{.classes = count, .values = std::vector<double>(features.rows() * count)};
  const std::vector<std::size_t> held_out = deal(classes, options.folds, options.seed);
  const Trainer trainer(library, features, classes, rounds, options.seed);
  std::mutex mutex;
  std::optional<Error> failed;
  std::atomic<std::size_t> folds_done = 0;
  parallel_for(
      options.folds,
      [&](std::size_t fold) {
        if (const auto trained = trainer.run(held_out, fold, out); !trained) {
          const std::scoped_lock lock(mutex);
          failed = trained.error();
        }
        if (options.on_share)
          options.on_share(static_cast<double>(++folds_done) / static_cast<double>(options.folds));
      },
      options.threads);
  if (failed) return std::unexpected(*failed);
  return out;
}

}  // namespace sallyport::learn
