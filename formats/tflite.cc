#include "formats/tflite.h"

#include <algorithm>

#include "core/limits.h"

namespace sallyport::formats::tflite {
namespace {

using flatbuffer::Slot;
using flatbuffer::SlotKind;
using flatbuffer::Stretch;
using flatbuffer::Table;
using flatbuffer::Vector;

enum Type : std::uint16_t {
#define FB_TABLE(name, ...) k##name,
#define FB_UNION(name, ...)
#include "formats/tflite_schema.def"
#undef FB_TABLE
#undef FB_UNION
};
enum Union : std::uint16_t {
#define FB_TABLE(name, ...)
#define FB_UNION(name, ...) k##name##Union,
#include "formats/tflite_schema.def"
#undef FB_TABLE
#undef FB_UNION
};

struct Slots {
#define NUMBER(slot, width) \
  Slot { SlotKind::kNumber, slot, width }
#define NUMBERS(slot, width) \
  Slot { SlotKind::kNumbers, slot, width }
#define TEXT(slot) \
  Slot { SlotKind::kText, slot, 0 }
#define TEXTS(slot) \
  Slot { SlotKind::kTexts, slot, 0 }
#define TABLE(slot, type) \
  Slot { SlotKind::kTable, slot, k##type }
#define TABLES(slot, type) \
  Slot { SlotKind::kTables, slot, k##type }
#define UNION(slot, type) \
  Slot { SlotKind::kUnion, slot, k##type##Union }
#define NO_FIELDS
  std::vector<std::vector<Slot>> tables = {
#define FB_TABLE(name, ...) {__VA_ARGS__},
#define FB_UNION(name, ...)
#include "formats/tflite_schema.def"
#undef FB_TABLE
#undef FB_UNION
  };
};

struct Members {
#define FB_TABLE(name, ...)
#define FB_UNION(name, ...) members(#__VA_ARGS__),
  static std::vector<std::uint16_t> members(std::string_view names);
  std::vector<std::vector<std::uint16_t>> unions = {
#include "formats/tflite_schema.def"
  };
#undef FB_TABLE
#undef FB_UNION
};

constexpr std::string_view kNames[] = {
#define FB_TABLE(name, ...) #name,
#define FB_UNION(name, ...)
#include "formats/tflite_schema.def"
#undef FB_TABLE
#undef FB_UNION
};

std::vector<std::uint16_t> Members::members(std::string_view names) {
  std::vector<std::uint16_t> out;
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    const auto found = std::ranges::find(kNames, name);
    SP_CHECK(found != std::end(kNames));
    out.push_back(static_cast<std::uint16_t>(found - std::begin(kNames)));
    names.remove_prefix(std::min(end + 1, names.size()));
    while (names.starts_with(' ')) names.remove_prefix(1);
  }
  return out;
}

const flatbuffer::Schema& schema() {
  static const Slots kSlots;
  static const Members kMembers;
  static const flatbuffer::Schema kSchema{
      .tables = kSlots.tables, .unions = kMembers.unions, .names = kNames};
  return kSchema;
}

// Slots of the tables that are looked into.
namespace slot {
constexpr std::uint16_t kModelCodes = 1, kModelSubgraphs = 2, kModelBuffers = 4, kModelMetadata = 6,
                        kModelGroups = 8;
constexpr std::uint16_t kCodeDeprecated = 0, kCodeCustom = 1, kCodeBuiltin = 3;
constexpr std::uint16_t kBufferData = 0, kBufferOffset = 1, kBufferSize = 2;
constexpr std::uint16_t kGraphTensors = 0, kGraphInputs = 1, kGraphOutputs = 2, kGraphOperators = 3;
constexpr std::uint16_t kOperatorCode = 0, kOperatorInputs = 1, kOperatorOutputs = 2,
                        kOperatorLargeOffset = 9, kOperatorLargeSize = 10;
constexpr std::uint16_t kTensorShape = 0, kTensorType = 1, kTensorBuffer = 2, kTensorSparsity = 6;
constexpr std::uint16_t kMetadataBuffer = 1;
}  // namespace slot

// Bits of an element by TensorType; 0 where elements have no size.
constexpr std::size_t kBits[] = {32, 16, 32, 8, 64, 0, 8, 16, 64, 8, 64, 128, 64, 0, 0, 32, 16, 4, 16, 2, 4};
// Builders align what they place to this at most.
constexpr std::size_t kPaddingMax = 64;

class ModelReader {
 public:
  explicit ModelReader(BytesView bytes) : bytes_(bytes) {}

  Result<Model> run() {
    flatbuffer::Verified verified = TRY(flatbuffer::verify(bytes_, schema(), kModel, kIdentifier));
    model_ = verified.tables.front();
    out_.used = std::move(verified.used);
    out_.unknown = std::move(verified.unknown);
    read_codes();
    read_buffers();
    for (const Table& table : verified.tables) {
      if (table.type == kSubGraph) read_graph(table);
      if (table.type == kMetadata) {
        check_index(table.at, "metadata", flatbuffer::number_at(bytes_, table, slot::kMetadataBuffer, 4),
                    buffers_);
      }
      if (table.type == kExternalBufferGroup) {
        out_.files.push_back({std::string(flatbuffer::text_at(bytes_, table, 0)), table.at});
      }
    }
    arrange();
    return std::move(out_);
  }

 private:
  void complain(std::size_t at, std::string message) {
    if (out_.problems.size() < limits::kInspectSeenMax) out_.problems.push_back({at, std::move(message)});
  }

  void check_index(std::size_t at, std::string_view what, std::uint64_t index, std::size_t count) {
    if (index < count) return;
    complain(at, "tflite: " + std::string(what) + " at byte " + std::to_string(at) + " refers to number " +
                     std::to_string(index) + " of " + std::to_string(count));
  }

  void read_codes() {
    const auto codes = flatbuffer::vector_at(bytes_, model_, slot::kModelCodes);
    for (std::size_t i = 0; codes && i < codes->count; ++i) {
      const Table code = flatbuffer::element(bytes_, *codes, i, kOperatorCode);
      // Old models have a byte, new ones an int, and runtimes take the larger.
      const std::uint64_t old = flatbuffer::number_at(bytes_, code, slot::kCodeDeprecated, 1);
      const std::uint64_t now = flatbuffer::number_at(bytes_, code, slot::kCodeBuiltin, 4);
      out_.operators.push_back({.builtin = std::max(old, now),
                                .custom = std::string(flatbuffer::text_at(bytes_, code, slot::kCodeCustom)),
                                .offset = code.at});
    }
  }

  // A stretch of the file behind the flatbuffer.
  void use_outside(std::size_t at, std::uint64_t offset, std::uint64_t size) {
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      complain(at, "tflite: data of " + std::to_string(size) + " bytes at byte " + std::to_string(offset) +
                       " runs out of the file");
      return;
    }
    out_.used.push_back({static_cast<std::size_t>(offset), static_cast<std::size_t>(offset + size)});
  }

  void read_buffers() {
    const auto buffers = flatbuffer::vector_at(bytes_, model_, slot::kModelBuffers);
    buffers_ = buffers ? buffers->count : 0;
    sizes_.resize(buffers_);
    for (std::size_t i = 0; i < buffers_; ++i) {
      const Table buffer = flatbuffer::element(bytes_, *buffers, i, kBuffer);
      const auto data = flatbuffer::vector_at(bytes_, buffer, slot::kBufferData);
      const std::uint64_t offset = flatbuffer::number_at(bytes_, buffer, slot::kBufferOffset, 8);
      const std::uint64_t size = flatbuffer::number_at(bytes_, buffer, slot::kBufferSize, 8);
      // Zero and one mean that the data is in the flatbuffer.
      if (offset > 1) use_outside(buffer.at, offset, size);
      sizes_[i] = offset > 1 ? size : data ? data->count : 0;
    }
  }

  void check_indices(const Table& table, std::uint16_t field, std::string_view what, std::size_t count) {
    const auto indices = flatbuffer::vector_at(bytes_, table, field);
    constexpr std::uint64_t kNone = 0xffffffff;  // an optional input that is left out
    for (std::size_t i = 0; indices && i < indices->count; ++i) {
      const std::uint64_t index = flatbuffer::little(bytes_, indices->at + i * 4, 4);
      if (index != kNone) check_index(table.at, what, index, count);
    }
  }

  void read_graph(const Table& graph) {
    const auto tensors = flatbuffer::vector_at(bytes_, graph, slot::kGraphTensors);
    const std::size_t count = tensors ? tensors->count : 0;
    for (std::size_t i = 0; i < count; ++i) read_tensor(flatbuffer::element(bytes_, *tensors, i, kTensor));
    check_indices(graph, slot::kGraphInputs, "input of a graph", count);
    check_indices(graph, slot::kGraphOutputs, "output of a graph", count);
    const auto operators = flatbuffer::vector_at(bytes_, graph, slot::kGraphOperators);
    for (std::size_t i = 0; operators && i < operators->count; ++i) {
      const Table op = flatbuffer::element(bytes_, *operators, i, kOperator);
      check_index(op.at, "operator", flatbuffer::number_at(bytes_, op, slot::kOperatorCode, 4),
                  out_.operators.size());
      check_indices(op, slot::kOperatorInputs, "input of an operator", count);
      check_indices(op, slot::kOperatorOutputs, "output of an operator", count);
      const std::uint64_t offset = flatbuffer::number_at(bytes_, op, slot::kOperatorLargeOffset, 8);
      if (offset > 1) {
        use_outside(op.at, offset, flatbuffer::number_at(bytes_, op, slot::kOperatorLargeSize, 8));
      }
    }
  }

  void read_tensor(const Table& tensor) {
    const std::uint64_t buffer = flatbuffer::number_at(bytes_, tensor, slot::kTensorBuffer, 4);
    check_index(tensor.at, "tensor", buffer, std::max<std::size_t>(buffers_, 1));
    const std::uint64_t type = flatbuffer::number_at(bytes_, tensor, slot::kTensorType, 1);
    const std::uint64_t size = buffer < buffers_ ? sizes_[buffer] : 0;
    if (size == 0 || type >= std::size(kBits) || kBits[type] == 0) return;
    // Sparse values are fewer than the shape says.
    if (flatbuffer::number_at(bytes_, tensor, slot::kTensorSparsity, 4) != 0) return;
    std::uint64_t bits = kBits[type];
    const auto shape = flatbuffer::vector_at(bytes_, tensor, slot::kTensorShape);
    for (std::size_t i = 0; shape && i < shape->count; ++i) {
      const std::uint64_t extent = flatbuffer::little(bytes_, shape->at + i * 4, 4);
      if (extent >> 31U != 0 || __builtin_mul_overflow(bits, extent, &bits)) {
        return complain(tensor.at,
                        "tflite: tensor at byte " + std::to_string(tensor.at) + " has no real shape");
      }
    }
    const std::uint64_t wanted = bits / 8 + (bits % 8 != 0 ? 1 : 0);
    if (wanted == size) return;
    complain(tensor.at, "tflite: tensor at byte " + std::to_string(tensor.at) + " of " +
                            std::to_string(wanted) + " bytes has " + std::to_string(size));
  }

  bool is_padding(const Stretch& gap) const {
    const BytesView gap_bytes = bytes_.subspan(gap.begin, gap.end - gap.begin);
    return gap_bytes.size() < kPaddingMax &&
           std::ranges::all_of(gap_bytes, [](auto byte) { return byte == 0; });
  }

  // What lies between the parts is padding, or there for somebody else.
  void arrange() {
    std::ranges::sort(out_.used, {}, &Stretch::begin);
    std::vector<Stretch> gaps;
    std::size_t at = 0;
    for (const Stretch& part : out_.used) {
      if (part.begin > at) gaps.push_back({at, part.begin});
      at = std::max(at, part.end);
    }
    if (at < bytes_.size()) gaps.push_back({at, bytes_.size()});
    for (const Stretch& gap : gaps) (is_padding(gap) ? out_.used : out_.unreferenced).push_back(gap);
    std::ranges::sort(out_.used, {}, &Stretch::begin);
  }

  BytesView bytes_;
  Table model_;
  Model out_;
  std::size_t buffers_ = 0;
  std::vector<std::uint64_t> sizes_;
};

}  // namespace

bool is_tflite(BytesView bytes) {
  constexpr std::size_t kRoot = 4;
  return bytes.size() >= 2 * kRoot && as_text(bytes.subspan(kRoot, kRoot)) == kIdentifier;
}

Result<Model> read_tflite(BytesView bytes) { return ModelReader(bytes).run(); }

}  // namespace sallyport::formats::tflite
