#include "formats/flatbuffer.h"

#include <algorithm>
#include <unordered_map>

#include "core/limits.h"

namespace sallyport::formats::flatbuffer {
namespace {

constexpr std::size_t kOffset = 4;  // bytes of an offset or a count

// A table, vector or text that something refers to.
struct Target {
  SlotKind kind = SlotKind::kTable;
  std::uint16_t detail = 0;
  std::size_t at = 0;
};

std::unexpected<Error> bad(std::string_view what, std::size_t at) {
  return invalid("flatbuffer: " + std::string(what) + " at byte " + std::to_string(at));
}

// Where the field of `slot` lies in its table, or 0. The table was verified.
std::size_t field_at(BytesView bytes, std::size_t table, std::uint16_t slot) {
  const auto back = static_cast<std::int32_t>(little(bytes, table, 4));
  const std::size_t vtable = static_cast<std::size_t>(static_cast<std::int64_t>(table) - back);
  const std::size_t entry = kOffset + std::size_t{slot} * 2;
  if (entry + 2 > little(bytes, vtable, 2)) return 0;
  const std::uint64_t offset = little(bytes, vtable + entry, 2);
  return offset == 0 ? 0 : table + offset;
}

class Verifier {
 public:
  Verifier(BytesView bytes, const Schema& schema) : bytes_(bytes), schema_(schema) {}

  Result<Verified> run(std::uint16_t root, std::string_view identifier) {
    const std::size_t front = kOffset + identifier.size();
    if (bytes_.size() < front || as_text(bytes_.subspan(kOffset, identifier.size())) != identifier) {
      return bad("no identifier", kOffset);
    }
    use(0, front);
    TRY(refer(0, SlotKind::kTable, root));
    while (!waiting_.empty()) {
      const Target target = waiting_.back();
      waiting_.pop_back();
      TRY(visit(target));
    }
    TRY(arrange());
    return std::move(out_);
  }

 private:
  bool inside(std::uint64_t at, std::uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }
  void use(std::size_t at, std::size_t size) { out_.used.push_back({at, at + size}); }

  // Follows the offset that stands at `from`, unless its target has been met as the same thing.
  Result<void> refer(std::size_t from, SlotKind kind, std::uint16_t detail) {
    if (!inside(from, kOffset) || from % kOffset != 0) return bad("offset out of place", from);
    const std::uint64_t offset = little(bytes_, from, 4);
    if (offset == 0 || !inside(from + offset, kOffset)) return bad("offset leads out of the file", from);
    const std::size_t at = from + static_cast<std::size_t>(offset);
    const std::uint32_t meaning = static_cast<std::uint32_t>(kind) << 16U | detail;
    const auto [met, is_new] = met_.emplace(at, meaning);
    if (!is_new) {
      if (met->second != meaning) return bad("one place is two things", at);
      return {};
    }
    if (met_.size() > limits::kFlatbufferItemsMax) {
      return fail(ErrorKind::kLimit, "flatbuffer: more than kFlatbufferItemsMax parts");
    }
    waiting_.push_back({kind, detail, at});
    return {};
  }

  Result<void> visit(const Target& target) {
    switch (target.kind) {
      case SlotKind::kTable: return visit_table({.type = target.detail, .at = target.at});
      case SlotKind::kText: return visit_vector(target.at, 1, true);
      case SlotKind::kNumbers: return visit_vector(target.at, target.detail, false);
      case SlotKind::kTexts:
      case SlotKind::kTables: {
        TRY(visit_vector(target.at, kOffset, false));
        const std::uint64_t count = little(bytes_, target.at, 4);
        const SlotKind kind = target.kind == SlotKind::kTexts ? SlotKind::kText : SlotKind::kTable;
        for (std::uint64_t i = 0; i < count; ++i) {
          TRY(refer(target.at + kOffset * static_cast<std::size_t>(i + 1), kind, target.detail));
        }
        return {};
      }
      case SlotKind::kNumber:
      case SlotKind::kUnion: break;
    }
    return bad("nothing to follow", target.at);
  }

  Result<void> visit_vector(std::size_t at, std::size_t width, bool is_text) {
    if (at % kOffset != 0 || !inside(at, kOffset)) return bad("vector out of place", at);
    const std::uint64_t count = little(bytes_, at, 4);
    const std::uint64_t size = count * width + (is_text ? 1 : 0);
    if (!inside(at + kOffset, size)) return bad("vector runs out of the file", at);
    if (count > 0 && (at + kOffset) % width != 0) return bad("vector is not aligned", at);
    if (is_text && bytes_[at + kOffset + count] != 0) return bad("text without its end", at);
    use(at, kOffset + static_cast<std::size_t>(size));
    return {};
  }

  Result<void> visit_table(const Table& table) {
    if (table.at % kOffset != 0) return bad("table is not aligned", table.at);
    const auto back = static_cast<std::int32_t>(little(bytes_, table.at, 4));
    const std::int64_t vtable = static_cast<std::int64_t>(table.at) - back;
    if (vtable < 0 || vtable % 2 != 0 || !inside(static_cast<std::uint64_t>(vtable), kOffset)) {
      return bad("table whose vtable is out of the file", table.at);
    }
    const auto at = static_cast<std::size_t>(vtable);
    const std::uint64_t vtable_size = little(bytes_, at, 2);
    const std::uint64_t size = little(bytes_, at + 2, 2);
    if (vtable_size < kOffset || vtable_size % 2 != 0 || !inside(at, vtable_size)) {
      return bad("vtable runs out of the file", at);
    }
    if (size < kOffset || !inside(table.at, size)) return bad("table runs out of the file", table.at);
    use(at, static_cast<std::size_t>(vtable_size));
    use(table.at, static_cast<std::size_t>(size));
    out_.tables.push_back(table);
    const std::vector<Slot>& slots = schema_.tables[table.type];
    const auto count = static_cast<std::uint16_t>((vtable_size - kOffset) / 2);
    for (std::uint16_t slot = 0; slot < count; ++slot) {
      const std::size_t field = field_at(bytes_, table.at, slot);
      if (field == 0) continue;
      const auto known = std::ranges::find(slots, slot, &Slot::slot);
      const std::size_t room = table.at + static_cast<std::size_t>(size);
      if (known != slots.end()) {
        TRY(visit_field(table, *known, field, room));
      } else if (!is_union_type(slots, slot)) {
        note(slot, table);
      }
    }
    return {};
  }

  static bool is_union_type(const std::vector<Slot>& slots, std::uint16_t slot) {
    return std::ranges::any_of(
        slots, [&](const Slot& s) { return s.kind == SlotKind::kUnion && s.slot == slot + 1; });
  }

  void note(std::uint16_t slot, const Table& table) {
    if (out_.unknown.size() >= limits::kInspectSeenMax) return;
    out_.unknown.push_back("field " + std::to_string(slot) + " of " + std::string(schema_.names[table.type]) +
                           " at byte " + std::to_string(table.at));
  }

  Result<void> visit_field(const Table& table, const Slot& slot, std::size_t field, std::size_t room) {
    const std::size_t width = slot.kind == SlotKind::kNumber ? slot.detail : kOffset;
    if (field < table.at + kOffset || field + width > room) return bad("field out of its table", field);
    if (field % width != 0) return bad("field is not aligned", field);
    if (slot.kind == SlotKind::kNumber) return {};
    if (slot.kind != SlotKind::kUnion) return refer(field, slot.kind, slot.detail);
    const std::uint64_t type = number_at(bytes_, table, static_cast<std::uint16_t>(slot.slot - 1), 1);
    const std::vector<std::uint16_t>& members = schema_.unions[slot.detail];
    if (type == 0 || type > members.size()) {
      note(slot.slot, table);
      return {};
    }
    return refer(field, SlotKind::kTable, members[static_cast<std::size_t>(type - 1)]);
  }

  // Vtables are shared, and so may be any other part as a whole; parts of parts are not.
  Result<void> arrange() {
    const auto key = [](const Stretch& s) { return std::pair{s.begin, s.end}; };
    std::ranges::sort(out_.used, {}, key);
    const auto twins = std::ranges::unique(out_.used, {}, key);
    out_.used.erase(twins.begin(), twins.end());
    for (std::size_t i = 1; i < out_.used.size(); ++i) {
      if (out_.used[i].begin < out_.used[i - 1].end) return bad("two structures overlap", out_.used[i].begin);
    }
    return {};
  }

  BytesView bytes_;
  const Schema& schema_;
  Verified out_;
  std::vector<Target> waiting_;
  std::unordered_map<std::size_t, std::uint32_t> met_;
};

}  // namespace

std::uint64_t little(BytesView bytes, std::size_t at, int width) {
  std::uint64_t out = 0;
  for (int i = width; i-- > 0;) out = out << 8U | bytes[at + static_cast<std::size_t>(i)];
  return out;
}

Result<Verified> verify(BytesView bytes, const Schema& schema, std::uint16_t root,
                        std::string_view identifier) {
  return Verifier(bytes, schema).run(root, identifier);
}

std::uint64_t number_at(BytesView bytes, const Table& table, std::uint16_t slot, int width,
                        std::uint64_t absent) {
  const std::size_t at = field_at(bytes, table.at, slot);
  // The one number that is read before it is verified is a union's type.
  if (at == 0 || at + static_cast<std::size_t>(width) > bytes.size()) return absent;
  return little(bytes, at, width);
}

std::string_view text_at(BytesView bytes, const Table& table, std::uint16_t slot) {
  const std::optional<Vector> text = vector_at(bytes, table, slot);
  return text ? as_text(bytes.subspan(text->at, text->count)) : std::string_view();
}

std::optional<Vector> vector_at(BytesView bytes, const Table& table, std::uint16_t slot) {
  const std::size_t field = field_at(bytes, table.at, slot);
  if (field == 0) return {};
  const std::size_t at = field + static_cast<std::size_t>(little(bytes, field, 4));
  return Vector{.at = at + kOffset, .count = static_cast<std::size_t>(little(bytes, at, 4))};
}

Table element(BytesView bytes, const Vector& vector, std::size_t index, std::uint16_t type) {
  const std::size_t from = vector.at + index * kOffset;
  return {.type = type, .at = from + static_cast<std::size_t>(little(bytes, from, 4))};
}

}  // namespace sallyport::formats::flatbuffer
