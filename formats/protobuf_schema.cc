#include "formats/protobuf_schema.h"

#include <algorithm>
#include <vector>

#include "core/limits.h"

namespace sallyport::formats {
namespace {

struct Open {
  FieldReader reader;
  std::uint16_t message = 0;
};

const FieldRule* rule_for(std::span<const FieldRule> rules, std::uint16_t message, const Field& field) {
  const auto key = [](const FieldRule& rule) { return std::pair{rule.message, rule.number}; };
  const auto found = std::ranges::lower_bound(rules, std::pair{message, field.number}, {}, key);
  for (auto at = found; at != rules.end() && at->message == message && at->number == field.number; ++at) {
    if (at->type == field.type) return &*at;
  }
  return nullptr;
}

}  // namespace

Result<void> walk(BytesView bytes, std::size_t base, std::uint16_t message, std::span<const FieldRule> rules,
                  SchemaVisitor& visitor) {
  std::vector<Open> open;
  open.push_back({FieldReader(bytes, base), message});
  std::size_t fields = 0;
  while (!open.empty()) {
    if (open.back().reader.done()) {
      const std::uint16_t closed = open.back().message;
      open.pop_back();
      if (!open.empty()) visitor.leave(closed);
      continue;
    }
    const std::uint16_t in = open.back().message;
    const Field field = TRY(open.back().reader.next());
    if (++fields > limits::kProtobufFieldsMax) {
      return fail(ErrorKind::kLimit, "protobuf: more than kProtobufFieldsMax fields");
    }
    const FieldRule* rule = rule_for(rules, in, field);
    if (rule == nullptr) {
      visitor.unknown(in, field);
    } else if (rule->child == kLeaf) {
      visitor.value(in, field);
    } else {
      if (open.size() >= limits::kProtobufDepthMax) {
        return fail(ErrorKind::kLimit, "protobuf: messages nest beyond kProtobufDepthMax");
      }
      visitor.enter(rule->child, field);
      const auto place = static_cast<std::size_t>(field.bytes.data() - bytes.data());
      open.push_back({FieldReader(field.bytes, base + place), rule->child});
    }
  }
  return {};
}

}  // namespace sallyport::formats
