#include "formats/catboost.h"

#include <algorithm>
#include <optional>

#include "core/limits/trees.h"

namespace sallyport::formats::catboost {
namespace {

using flatbuffer::Slot;
using flatbuffer::SlotKind;
using flatbuffer::Stretch;
using flatbuffer::Table;
using flatbuffer::Vector;

constexpr std::string_view kMark = "CBM1";
constexpr std::size_t kFront = 8;      // the mark and the size of the flatbuffer
constexpr std::size_t kAlignment = 8;  // what a builder fills with zeros at most

enum Type : std::uint16_t {
  kCore,
  kTrees,
  kKeyValue,
  kFloatFeature,
  kCatFeature,
  kTextFeature,
  kEmbeddingFeature,
  kEstimatedFeature,
  kOneHotFeature,
  kCombination,
  kCtrBase,
  kCtr,
  kCtrFeature,
  kCtrTable,
};
constexpr std::string_view kNames[] = {
    "TModelCore",        "TModelTrees",       "TKeyValue",      "TFloatFeature",       "TCatFeature",
    "TTextFeature",      "TEmbeddingFeature", "TEstimatedFeature", "TOneHotFeature",   "TFeatureCombination",
    "TModelCtrBase",     "TModelCtr",         "TCtrFeature",    "TCtrValueTable"};

namespace slot {
constexpr std::uint16_t kParts = 3;
constexpr std::uint16_t kDimension = 0, kSplits = 1, kSizes = 2, kStarts = 3, kFloats = 5, kOneHots = 6,
                        kCtrs = 7, kLeaves = 8, kWeights = 9, kSteps = 10, kLeafOfNode = 11, kEstimated = 13;
constexpr std::uint16_t kFloatBorders = 3, kEstimatedBorders = 3, kOneHotValues = 1, kCtrBorders = 1;
}  // namespace slot

constexpr Slot number(std::uint16_t at, std::uint16_t width) { return {SlotKind::kNumber, at, width}; }
constexpr Slot numbers(std::uint16_t at, std::uint16_t width) { return {SlotKind::kNumbers, at, width}; }
constexpr Slot text(std::uint16_t at) { return {SlotKind::kText, at, 0}; }
constexpr Slot texts(std::uint16_t at) { return {SlotKind::kTexts, at, 0}; }
constexpr Slot table(std::uint16_t at, Type type) { return {SlotKind::kTable, at, type}; }
constexpr Slot tables(std::uint16_t at, Type type) { return {SlotKind::kTables, at, type}; }

// Vectors of structures stand as numbers: two of four bytes are aligned as one of four.
const flatbuffer::Schema& schema() {
  static const std::vector<std::vector<Slot>> kTables = {
      {text(0), table(1, kTrees), tables(2, kKeyValue), texts(3)},
      {number(0, 4), numbers(1, 4), numbers(2, 4), numbers(3, 4), tables(4, kCatFeature),
       tables(5, kFloatFeature), tables(6, kOneHotFeature), tables(7, kCtrFeature), numbers(8, 8),
       numbers(9, 8), numbers(10, 4), numbers(11, 4), tables(12, kTextFeature), tables(13, kEstimatedFeature),
       number(14, 8), number(15, 8), numbers(16, 8), numbers(17, 4), tables(18, kEmbeddingFeature)},
      {text(0), text(1)},
      {number(0, 1), number(1, 4), number(2, 4), numbers(3, 4), text(4), number(5, 1)},
      {number(0, 4), number(1, 4), text(2), number(3, 1)},
      {number(0, 4), number(1, 4), text(2), number(3, 1)},
      {number(0, 4), number(1, 4), text(2), number(3, 4), number(4, 1)},
      {number(0, 4), number(1, 4), number(2, 4), numbers(3, 4), number(4, 1)},
      {number(0, 4), numbers(1, 4), texts(2)},
      {numbers(0, 4), numbers(1, 4), numbers(2, 4)},
      {table(0, kCombination), number(1, 1), number(2, 4)},
      {table(0, kCtrBase), number(1, 4), number(2, 4), number(3, 4), number(4, 4), number(5, 4)},
      {table(0, kCtr), numbers(1, 4)},
      {table(0, kCtrBase), numbers(1, 1), numbers(2, 1), number(3, 4), number(4, 4)},
  };
  static const flatbuffer::Schema kSchema{.tables = kTables, .names = kNames};
  return kSchema;
}

constexpr std::uint32_t kNoLeaf = 0xffffffff;
constexpr std::uint64_t kDepthMax = 31;

class Reader {
 public:
  explicit Reader(BytesView file) : file_(file) {}

  Result<Model> run() {
    if (file_.size() < kFront) return invalid("catboost: the file is cut short");
    const std::uint64_t size = flatbuffer::little(file_, kMark.size(), 4);
    if (size > file_.size() - kFront) return invalid("catboost: the flatbuffer runs out of the file");
    out_.used.push_back({0, kFront});
    const std::size_t core = static_cast<std::size_t>(size);
    verified_ = TRY(read_buffer(kFront, core, kCore));
    core_ = file_.subspan(kFront, core);
    for (const Table& found : verified_.tables) {
      if (found.type == kTrees) judge_trees(found);
    }
    TRY(read_parts(kFront + core));
    return std::move(out_);
  }

 private:
  void flaw(std::string message) {
    if (out_.flaws.size() < limits::kTreeFlawsMax) out_.flaws.push_back({kFront, std::move(message)});
  }

  // A verified flatbuffer within the file; what a builder fills between its parts counts as used.
  Result<flatbuffer::Verified> read_buffer(std::size_t at, std::size_t size, Type root) {
    const BytesView bytes = file_.subspan(at, size);
    flatbuffer::Verified verified = TRY(flatbuffer::verify(bytes, schema(), root, ""));
    std::size_t end = 0;
    for (const Stretch& part : verified.used) {
      use_padding(at, end, part.begin);
      out_.used.push_back({at + part.begin, at + part.end});
      end = part.end;
    }
    use_padding(at, end, size);
    for (const std::string& unknown : verified.unknown) {
      out_.unread.push_back("catboost: " + unknown + " is not in the schema");
    }
    return verified;
  }

  void use_padding(std::size_t buffer, std::size_t begin, std::size_t end) {
    const BytesView gap = file_.subspan(buffer + begin, end - begin);
    const bool padding = gap.size() < kAlignment && std::ranges::all_of(gap, [](auto b) { return b == 0; });
    if (padding) out_.used.push_back({buffer + begin, buffer + end});
  }

  Vector numbers_of(const Table& trees, std::uint16_t at) const {
    return flatbuffer::vector_at(core_, trees, at).value_or(Vector{});
  }
  std::uint64_t number_of(const Vector& vector, std::size_t index) const {
    return flatbuffer::little(core_, vector.at + index * 4, 4);
  }

  // How many conditions the features offer, which splits are numbers of.
  std::uint64_t conditions() const {
    std::uint64_t out = 0;
    for (const Table& found : verified_.tables) {
      switch (found.type) {
        case kFloatFeature: out += numbers_of(found, slot::kFloatBorders).count; break;
        case kOneHotFeature: out += numbers_of(found, slot::kOneHotValues).count; break;
        case kCtrFeature: out += numbers_of(found, slot::kCtrBorders).count; break;
        case kEstimatedFeature: out += numbers_of(found, slot::kEstimatedBorders).count; break;
        default: break;
      }
    }
    return out;
  }

  void judge_trees(const Table& trees) {
    const Vector splits = numbers_of(trees, slot::kSplits);
    const Vector sizes = numbers_of(trees, slot::kSizes);
    const Vector starts = numbers_of(trees, slot::kStarts);
    const std::uint64_t known = conditions();
    const std::uint64_t dimension = flatbuffer::number_at(core_, trees, slot::kDimension, 4);
    const std::size_t leaves = numbers_of(trees, slot::kLeaves).count;
    for (std::size_t i = 0; i < splits.count; ++i) {
      if (const std::uint64_t split = number_of(splits, i); split >= known) {
        flaw("split " + std::to_string(i) + " is condition " + std::to_string(split) + " of " +
             std::to_string(known));
      }
    }
    if (starts.count != sizes.count && starts.count != 0) flaw("there are not as many starts as trees");
    const bool free = numbers_of(trees, slot::kSteps).count != 0;
    std::uint64_t start = 0;
    std::uint64_t wanted = 0;
    for (std::size_t i = 0; i < sizes.count; ++i) {
      const std::uint64_t size = number_of(sizes, i);
      const std::string name = "tree " + std::to_string(i) + ": ";
      if (starts.count == sizes.count && number_of(starts, i) != start) {
        return flaw(name + "starts at split " + std::to_string(number_of(starts, i)) + " instead of " +
                    std::to_string(start));
      }
      if (size > splits.count - start || (!free && size > kDepthMax)) {
        return flaw(name + "has " + std::to_string(size) + " splits where " +
                    std::to_string(splits.count - start) + " are left");
      }
      if (free) judge_steps(trees, name, start, size, leaves);
      wanted += free ? 0 : dimension << size;
      if (!free && wanted > leaves) break;
      start += size;
    }
    if (start != splits.count && wanted <= leaves) {
      flaw(std::to_string(splits.count - start) + " splits belong to no tree");
    }
    if (!free && wanted != leaves) {
      flaw("there are " + std::to_string(leaves) + " values of leaves, which the trees' sizes do not make");
    }
  }

  // Nodes of a tree without symmetry: each leads to nodes behind it in the same tree, or to a leaf.
  void judge_steps(const Table& trees, const std::string& tree, std::uint64_t start, std::uint64_t size,
                   std::size_t leaves) {
    const Vector steps = numbers_of(trees, slot::kSteps);
    const Vector leaf_of = numbers_of(trees, slot::kLeafOfNode);
    if (start + size > steps.count || start + size > leaf_of.count) {
      return flaw(tree + "has more splits than there are nodes");
    }
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t step = number_of(steps, static_cast<std::size_t>(start + i));
      const std::uint64_t furthest = std::max(step & 0xffff, step >> 16U);
      const std::uint64_t leaf = number_of(leaf_of, static_cast<std::size_t>(start + i));
      if (furthest >= size - i) flaw(tree + "node " + std::to_string(i) + " leads out of its tree");
      if (leaf != kNoLeaf && leaf >= leaves) {
        flaw(tree + "node " + std::to_string(i) + " has leaf " + std::to_string(leaf) + " of " +
             std::to_string(leaves));
      }
      const bool ends = (step & 0xffff) == 0 || step >> 16U == 0;
      if (ends && leaf == kNoLeaf) flaw(tree + "node " + std::to_string(i) + " ends without a leaf");
    }
  }

  Result<void> read_parts(std::size_t at) {
    const std::optional<Vector> parts = flatbuffer::vector_at(core_, verified_.tables.front(), slot::kParts);
    for (std::size_t i = 0; parts && i < parts->count; ++i) {
      const Table part = flatbuffer::element(core_, *parts, i, kKeyValue);
      const std::size_t length = static_cast<std::size_t>(flatbuffer::little(core_, part.at, 4));
      const std::string name(as_text(core_.subspan(part.at + 4, length)));
      if (name != kCtrProvider) {
        out_.unread.push_back("catboost: the part '" + name + "' is not followed");
        return {};
      }
      at = TRY(read_ctr_tables(at));
    }
    return {};
  }

  // A count, then each table behind its size.
  Result<std::size_t> read_ctr_tables(std::size_t at) {
    const auto count_at = [&](std::size_t from) -> Result<std::uint64_t> {
      if (from > file_.size() || file_.size() - from < 4) return invalid("catboost: a part is cut short");
      return flatbuffer::little(file_, from, 4);
    };
    const std::uint64_t count = TRY(count_at(at));
    out_.used.push_back({at, at + 4});
    at += 4;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t size = TRY(count_at(at));
      if (size > file_.size() - at - 4) return invalid("catboost: a table runs out of the file");
      out_.used.push_back({at, at + 4});
      TRY(read_buffer(at + 4, static_cast<std::size_t>(size), kCtrTable));
      at += 4 + static_cast<std::size_t>(size);
    }
    return at;
  }

  static constexpr std::string_view kCtrProvider = "static_provider_v1";

  BytesView file_;
  BytesView core_;
  flatbuffer::Verified verified_;
  Model out_;
};

}  // namespace

bool is_catboost(std::string_view text) { return text.starts_with(kMark); }

Result<Model> read_catboost(BytesView bytes) { return Reader(bytes).run(); }

}  // namespace sallyport::formats::catboost
