#include "formats/protobuf_kind.h"

#include <optional>

#include "formats/protobuf.h"

namespace sallyport::formats {
namespace {

// The last message in field `number`, when all of `bytes` are fields and there is one. Parsers keep the last
// one or merge them all; for a guess either does.
std::optional<BytesView> message_in(BytesView bytes, std::uint32_t number) {
  std::optional<BytesView> out;
  FieldReader reader(bytes);
  while (!reader.done()) {
    const Result<Field> field = reader.next();
    if (!field) return {};
    if (field->number == number && field->type == WireType::kLength) out = field->bytes;
  }
  return out;
}

bool begins_with_field(BytesView message, std::uint64_t numbers) {
  if (message.empty()) return true;
  const Result<Field> field = FieldReader(message).next();
  constexpr std::uint32_t kBits = 64;
  return field && field->number < kBits && (numbers >> field->number & 1U) != 0;
}

constexpr std::uint64_t bits(std::initializer_list<unsigned> numbers) {
  std::uint64_t out = 0;
  for (const unsigned number : numbers) out |= 1ULL << number;
  return out;
}

// NodeDef has a name and an operator; little else has two texts there.
bool is_node_def(BytesView message) {
  const auto name = message_in(message, 1);
  const auto op = message_in(message, 2);
  return name && op && !op->empty() && op->front() >= '0' && op->front() <= 'z';
}

// An empty graph does nothing and may be an empty text of any other message, such as the producer of an ONNX
// model; a meta graph that has one says at least what it was made by.
bool is_meta_graph(BytesView bytes) {
  const auto graph = message_in(bytes, 2);
  if (!graph) return false;
  return graph->empty() ? message_in(bytes, 1).has_value() : looks_like_graph_def(*graph);
}

}  // namespace

bool looks_like_onnx(BytesView bytes) {
  if (bytes.empty()) return false;
  const auto graph = message_in(bytes, 7);
  if (!graph || !begins_with_field(*graph, bits({1, 2, 5, 10, 11, 12, 13, 14, 15, 16}))) return false;
  // The fields of a GraphProto that are not messages or texts do not exist.
  const Result<Field> first = FieldReader(*graph).next();
  return graph->empty() || (first && first->type == WireType::kLength);
}

bool looks_like_graph_def(BytesView bytes) {
  if (bytes.empty()) return false;
  if (const auto node = message_in(bytes, 1)) return is_node_def(*node);
  return false;
}

bool looks_like_saved_model(BytesView bytes) {
  if (bytes.empty()) return false;
  const auto meta = message_in(bytes, 2);
  return meta && is_meta_graph(*meta);
}

bool looks_like_meta_graph(BytesView bytes) { return !bytes.empty() && is_meta_graph(bytes); }

}  // namespace sallyport::formats
