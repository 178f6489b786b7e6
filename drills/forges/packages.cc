#include "drills/forges/packages.h"

#include <optional>
#include <vector>

#include "formats/tflite.h"

namespace sallyport::drills::forges {
namespace {

constexpr std::size_t kWord = 4;

// Writes a flatbuffer forwards: a table first, then what its fields lead to.
class Builder {
 public:
  Builder() : out_(kWord) {
    const BytesView letters = as_bytes(formats::tflite::kIdentifier);
    out_.insert(out_.end(), letters.begin(), letters.end());
  }

  // A table with a word for each slot that has one; returns where it is.
  std::size_t table(const std::vector<std::optional<std::uint32_t>>& slots) {
    const std::size_t vtable = out_.size();
    std::size_t fields = 0;
    for (const auto& slot : slots) fields += slot ? 1 : 0;
    append_le(out_, kWord + 2 * slots.size(), 2);
    append_le(out_, kWord * (fields + 1), 2);
    std::size_t at = kWord;
    for (const auto& slot : slots) {
      append_le(out_, slot ? at : 0, 2);
      if (slot) at += kWord;
    }
    align();
    const std::size_t place = out_.size();
    append_le(out_, place - vtable, kWord);
    for (const auto& slot : slots) {
      if (slot) append_le(out_, *slot, kWord);
    }
    return place;
  }
  std::size_t vector(BytesView elements, std::size_t count) {
    const std::size_t place = out_.size();
    append_le(out_, count, kWord);
    out_.insert(out_.end(), elements.begin(), elements.end());
    out_.push_back(0);  // the end of a text, and of no harm behind numbers
    align();
    return place;
  }
  std::size_t offsets(std::size_t count) {
    const std::size_t place = out_.size();
    append_le(out_, count, kWord);
    out_.resize(out_.size() + kWord * count);
    return place;
  }
  // The word at `from` leads to `target`.
  void lead(std::size_t from, std::size_t target) {
    Bytes word;
    append_le(word, target - from, kWord);
    std::copy(word.begin(), word.end(), out_.begin() + static_cast<std::ptrdiff_t>(from));
  }
  std::size_t size() const { return out_.size(); }
  Bytes out() && { return std::move(out_); }

 private:
  void align() { out_.resize((out_.size() + kWord - 1) / kWord * kWord); }

  Bytes out_;
};

// The word of the field number `index` of the table at `table`.
std::size_t field(std::size_t table, std::size_t index) { return table + kWord * (index + 1); }

}  // namespace

Bytes device_package(PackageDeed deed) {
  constexpr std::uint32_t kVersion = 3;
  constexpr std::uint32_t kRelu = 19;
  const bool custom = deed == PackageDeed::kCustomOperator;
  Builder out;
  const std::size_t model = out.table({kVersion, 0, 0, {}, 0});
  out.lead(0, model);
  const std::size_t codes = out.offsets(1);
  out.lead(field(model, 1), codes);
  const std::uint32_t builtin = custom ? static_cast<std::uint32_t>(formats::tflite::kCustom) : kRelu;
  const std::size_t code = out.table({{}, 0, {}, builtin});
  out.lead(codes + kWord, code);
  const std::string_view name = custom ? "Touch" : "";
  out.lead(field(code, 0), out.vector(as_bytes(name), name.size()));
  const std::size_t graphs = out.offsets(1);
  out.lead(field(model, 2), graphs);
  const std::size_t graph = out.table({{}, {}, {}, 0});
  out.lead(graphs + kWord, graph);
  const std::size_t operators = out.offsets(1);
  out.lead(field(graph, 0), operators);
  out.lead(operators + kWord, out.table({0}));
  const std::size_t buffers = out.offsets(1);
  out.lead(field(model, 3), buffers);
  const std::size_t buffer = out.table({0});
  out.lead(buffers + kWord, buffer);
  const Bytes ones(kWord, 1);
  const std::size_t data = out.vector(ones, ones.size());
  out.lead(field(buffer, 0), deed == PackageDeed::kFarOffset ? out.size() : data);
  Bytes bytes = std::move(out).out();
  if (deed == PackageDeed::kAppended) {
    const BytesView hook = as_bytes(kHook);
    bytes.insert(bytes.end(), hook.begin(), hook.end());
  }
  return bytes;
}

}  // namespace sallyport::drills::forges
