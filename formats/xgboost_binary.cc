#include "formats/xgboost_binary.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/limits/trees.h"
#include "formats/flatbuffer.h"

namespace sallyport::formats::boosting {
namespace {

constexpr std::string_view kMark = "binf";
// Sizes of the structures that the library writes as they lie in memory, and places in them.
constexpr std::size_t kLearner = 136, kFeatures = 4, kHasAttributes = 12, kHasMetrics = 16, kMajor = 20;
constexpr std::size_t kForest = 160, kTrees = 0;
constexpr std::size_t kTree = 148, kNodes = 4, kLeafVector = 20;
constexpr std::size_t kNode = 20, kLeft = 4, kRight = 8, kSplit = 12, kStatistics = 16;
constexpr std::size_t kLinear = 136;
constexpr std::uint64_t kFeatureMask = 0x7fffffff;  // the upper bit is where missing values go
constexpr std::size_t kNameMax = 64;
constexpr std::string_view kBoosters[] = {"gbtree", "dart", "gblinear"};

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  Result<XgboostBinary> run() {
    if (as_text(bytes_).starts_with(kMark)) at_ = kMark.size();
    const std::size_t learner = TRY(take(kLearner));
    features_ = number(learner + kFeatures);
    const bool attributes = number(learner + kHasAttributes) != 0;
    const bool metrics = number(learner + kHasMetrics) != 0;
    const bool has_version = number(learner + kMajor) != 0;
    const std::string_view objective = TRY(text());
    const std::string_view booster = TRY(text());
    if (booster == "gblinear") {
      TRY(take(kLinear));
      TRY(vector(4));
    } else if (booster == "gbtree" || booster == "dart") {
      TRY(trees(booster == "dart"));
    } else {
      return invalid("xgboost: a booster that is not known, at byte " + std::to_string(at_));
    }
    if (attributes) TRY(texts(2));
    // Older releases keep the limit of this one objective by itself.
    if (objective == "count:poisson" && !has_version) TRY(text());
    if (metrics) TRY(texts(1));
    out_.end = at_;
    return std::move(out_);
  }

 private:
  std::uint64_t number(std::size_t at) const { return flatbuffer::little(bytes_, at, 4); }
  std::int64_t signed_number(std::size_t at) const { return static_cast<std::int32_t>(number(at)); }

  void flaw(std::size_t at, std::string message) {
    if (out_.flaws.size() < limits::kTreeFlawsMax) out_.flaws.push_back({at, std::move(message)});
  }

  Result<std::size_t> take(std::uint64_t size) {
    if (size > bytes_.size() - at_) {
      return invalid("xgboost: the model is cut short at byte " + std::to_string(at_));
    }
    const std::size_t at = at_;
    at_ += static_cast<std::size_t>(size);
    return at;
  }

  // A count of 64 bits, then as many items.
  Result<std::size_t> vector(std::size_t width) {
    const std::size_t at = TRY(take(8));
    const std::uint64_t count = flatbuffer::little(bytes_, at, 8);
    if (count > bytes_.size() / width) {
      return invalid("xgboost: a list runs out of the file at byte " + std::to_string(at));
    }
    return take(count * width);
  }

  Result<std::string_view> text() {
    const std::size_t at = TRY(vector(1));
    return as_text(bytes_.subspan(at, at_ - at));
  }

  // Lists of texts, or of tuples of them.
  Result<void> texts(std::uint64_t each) {
    const std::size_t at = TRY(take(8));
    const std::uint64_t count = flatbuffer::little(bytes_, at, 8);
    if (count > bytes_.size()) return invalid("xgboost: a list runs out of the file");
    for (std::uint64_t i = 0; i < count * each; ++i) TRY(text());
    return {};
  }

  Result<void> trees(bool has_weights) {
    const std::size_t forest = TRY(take(kForest));
    const std::uint64_t count = number(forest + kTrees);
    for (std::uint64_t i = 0; i < count; ++i) TRY(tree("tree " + std::to_string(i) + ": "));
    TRY(take(count * 4));
    if (has_weights && count != 0) TRY(vector(4));
    return {};
  }

  Result<void> tree(const std::string& name) {
    const std::size_t head = TRY(take(kTree));
    const std::uint64_t nodes = number(head + kNodes);
    const bool has_vectors = number(head + kLeafVector) != 0;
    const std::size_t first = TRY(take(nodes * kNode));
    TRY(take(nodes * kStatistics));
    if (has_vectors) TRY(vector(4));
    if (nodes == 0) flaw(head, name + "has no node");
    judge(first, static_cast<std::size_t>(nodes), name);
    return {};
  }

  // A node is the child of at most one other, so that every way down ends.
  void judge(std::size_t first, std::size_t nodes, const std::string& name) {
    std::vector<bool> is_child(nodes, false);
    for (std::size_t i = 0; i < nodes; ++i) {
      const std::size_t at = first + i * kNode;
      if (signed_number(at + kLeft) < 0) continue;
      const std::string node = name + "node " + std::to_string(i);
      for (const std::size_t side : {kLeft, kRight}) {
        const std::uint64_t child = number(at + side);
        if (child >= nodes) {
          flaw(at + side, node + " has child " + std::to_string(child) + " of " + std::to_string(nodes));
        } else if (child == 0 || is_child[static_cast<std::size_t>(child)]) {
          flaw(at + side, node + " leads in a circle, or to another's child");
        } else {
          is_child[static_cast<std::size_t>(child)] = true;
        }
      }
      const std::uint64_t split = number(at + kSplit) & kFeatureMask;
      if (features_ != 0 && split >= features_) {
        flaw(at + kSplit,
             node + " splits by feature " + std::to_string(split) + " of " + std::to_string(features_));
      }
    }
  }

  BytesView bytes_;
  std::size_t at_ = 0;
  std::uint64_t features_ = 0;
  XgboostBinary out_;
};

}  // namespace

// Without its mark the model is known by the names of objective and booster behind the parameters.
bool is_xgboost_binary(BytesView bytes) {
  if (as_text(bytes).starts_with(kMark)) return true;
  std::size_t at = kLearner;
  for (int i = 0; i < 2; ++i) {
    if (bytes.size() < at + 8) return false;
    const std::uint64_t size = flatbuffer::little(bytes, at, 8);
    if (size == 0 || size > kNameMax || size > bytes.size() - at - 8) return false;
    const std::string_view name = as_text(bytes).substr(at + 8, static_cast<std::size_t>(size));
    if (i == 1) return std::ranges::find(kBoosters, name) != std::end(kBoosters);
    at += 8 + static_cast<std::size_t>(size);
  }
  return false;
}

Result<XgboostBinary> read_xgboost_binary(BytesView bytes) { return Reader(bytes).run(); }

}  // namespace sallyport::formats::boosting
