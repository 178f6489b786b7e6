#include "formats/msgpack.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "formats/utf8.h"

namespace sallyport::formats::msgpack {
namespace {

constexpr std::size_t kDepthMax = 256;
constexpr std::size_t kValuesMax = 20'000'000;
constexpr std::size_t kKeptMax = 100'000;  // blobs, and as many extensions

enum class Kind : std::uint8_t { kScalar, kText, kBlob, kExtension, kArray, kMap };

struct Head {
  Kind kind = Kind::kScalar;
  std::uint64_t count = 0;  // bytes, elements or pairs
  int extension = 0;
  std::uint64_t number = 0;  // of an unsigned one
};

class Cursor {
 public:
  Cursor(BytesView bytes, std::size_t begin, std::size_t end) : bytes_(bytes), at_(begin), end_(end) {}

  std::size_t at() const { return at_; }
  bool done() const { return at_ == end_; }

  // The head of the next value; behind it stand `count` bytes for text, blobs and extensions.
  std::optional<Head> head() {
    if (at_ >= end_) return std::nullopt;
    const std::uint8_t byte = bytes_[at_++];
    if (byte <= 0x7F) return Head{.number = byte};
    if (byte <= 0x8F) return Head{.kind = Kind::kMap, .count = byte & 0x0FU};
    if (byte <= 0x9F) return Head{.kind = Kind::kArray, .count = byte & 0x0FU};
    if (byte <= 0xBF) return Head{.kind = Kind::kText, .count = byte & 0x1FU};
    if (byte >= 0xE0 || byte == 0xC0 || byte == 0xC2 || byte == 0xC3) return Head{};
    switch (byte) {
      case 0xC4:
      case 0xC5:
      case 0xC6: return counted(Kind::kBlob, 1U << (byte - 0xC4U));
      case 0xC7:
      case 0xC8:
      case 0xC9: return extension(counted(Kind::kExtension, 1U << (byte - 0xC7U)));
      case 0xCA: return skip(4);
      case 0xCB: return skip(8);
      case 0xCC:
      case 0xCD:
      case 0xCE:
      case 0xCF: return unsigned_number(1U << (byte - 0xCCU));
      case 0xD0:
      case 0xD1:
      case 0xD2:
      case 0xD3: return skip(1U << (byte - 0xD0U));
      case 0xD4:
      case 0xD5:
      case 0xD6:
      case 0xD7:
      case 0xD8: return extension(Head{.kind = Kind::kExtension, .count = 1U << (byte - 0xD4U)});
      case 0xD9:
      case 0xDA:
      case 0xDB: return counted(Kind::kText, 1U << (byte - 0xD9U));
      case 0xDC:
      case 0xDD: return counted(Kind::kArray, 2U << (byte - 0xDCU));
      case 0xDE:
      case 0xDF: return counted(Kind::kMap, 2U << (byte - 0xDEU));
      default: return std::nullopt;  // 0xC1, which no writer uses
    }
  }

  std::optional<BytesView> take(std::uint64_t count) {
    if (count > end_ - at_) return std::nullopt;
    const BytesView out = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += out.size();
    return out;
  }

 private:
  std::optional<std::uint64_t> big(std::size_t bytes) {
    const auto taken = take(bytes);
    if (!taken) return std::nullopt;
    std::uint64_t out = 0;
    for (const std::uint8_t byte : *taken) out = out << 8 | byte;
    return out;
  }
  std::optional<Head> counted(Kind kind, std::size_t bytes) {
    const auto count = big(bytes);
    if (!count) return std::nullopt;
    return Head{.kind = kind, .count = *count};
  }
  std::optional<Head> unsigned_number(std::size_t bytes) {
    const auto number = big(bytes);
    if (!number) return std::nullopt;
    return Head{.number = *number};
  }
  std::optional<Head> skip(std::size_t bytes) {
    if (!take(bytes)) return std::nullopt;
    return Head{};
  }
  std::optional<Head> extension(std::optional<Head> head) {
    const auto type = head ? big(1) : std::nullopt;
    if (!type) return std::nullopt;
    head->extension = static_cast<std::int8_t>(*type);
    return head;
  }

  BytesView bytes_;
  std::size_t at_;
  std::size_t end_;
};

std::uint64_t width_of(std::string_view type) {
  struct Type {
    std::string_view name;
    std::uint64_t width;
  };
  constexpr std::array<Type, 16> kTypes{{{"bool", 1},
                                         {"int8", 1},
                                         {"uint8", 1},
                                         {"float8_e4m3fn", 1},
                                         {"float8_e5m2", 1},
                                         {"int16", 2},
                                         {"uint16", 2},
                                         {"float16", 2},
                                         {"bfloat16", 2},
                                         {"int32", 4},
                                         {"uint32", 4},
                                         {"float32", 4},
                                         {"int64", 8},
                                         {"uint64", 8},
                                         {"float64", 8},
                                         {"complex64", 8}}};
  const auto* const found = std::ranges::find(kTypes, type, &Type::name);
  return found == kTypes.end() ? (type == "complex128" ? 16 : 0) : found->width;
}

// [shape, type, bytes], as Flax writes an array; empty when it fits.
std::string array_problem(BytesView whole, std::size_t begin, std::size_t length) {
  Cursor cursor(whole, begin, begin + length);
  const auto outer = cursor.head();
  const auto shape = outer && outer->kind == Kind::kArray && outer->count == 3 ? cursor.head() : std::nullopt;
  if (!shape || shape->kind != Kind::kArray || shape->count > 32) return "is no array of Flax";
  std::uint64_t elements = 1;
  for (std::uint64_t i = 0; i < shape->count; ++i) {
    const auto extent = cursor.head();
    if (!extent || extent->kind != Kind::kScalar ||
        __builtin_mul_overflow(elements, extent->number, &elements)) {
      return "has a shape that no array has";
    }
  }
  const auto type = cursor.head();
  const auto name = type && type->kind == Kind::kText ? cursor.take(type->count) : std::nullopt;
  const auto data = name ? cursor.head() : std::nullopt;
  if (!data || data->kind != Kind::kBlob || !cursor.take(data->count) || !cursor.done()) return "is torn";
  const std::uint64_t width = width_of(as_text(*name));
  if (width == 0) return "is of the type " + printable(as_text(*name), 40);
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(elements, width, &bytes) || bytes != data->count) {
    return "says " + std::to_string(elements) + " elements and holds " + std::to_string(data->count) +
           " bytes";
  }
  return "";
}

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes), cursor_(bytes, 0, bytes.size()) {}

  Result<Document> run() {
    TRY(value(false));
    while (!open_.empty()) {
      Open& top = open_.back();
      if (top.left == 0) {
        open_.pop_back();
        continue;
      }
      --top.left;
      TRY(value(top.is_map && top.left % 2 == 1));
    }
    if (!cursor_.done())
      return invalid("msgpack: " + std::to_string(bytes_.size() - cursor_.at()) + " bytes more");
    return std::move(out_);
  }

 private:
  struct Open {
    std::uint64_t left = 0;  // values
    bool is_map = false;
  };

  Result<void> value(bool is_key) {
    const std::size_t begin = cursor_.at();
    const auto torn = [&] { return invalid("msgpack: torn at byte " + std::to_string(begin)); };
    if (++out_.values > kValuesMax) return fail(ErrorKind::kLimit, "msgpack: too many values");
    const auto head = cursor_.head();
    if (!head) return torn();
    if (is_key && head->kind != Kind::kText && head->kind != Kind::kBlob && head->kind != Kind::kScalar) {
      return invalid("msgpack: a key that is neither text nor a number, at byte " + std::to_string(begin));
    }
    if (head->kind == Kind::kArray || head->kind == Kind::kMap) {
      if (open_.size() >= kDepthMax) return fail(ErrorKind::kLimit, "msgpack: nested too deep");
      const bool is_map = head->kind == Kind::kMap;
      open_.push_back({is_map ? 2 * head->count : head->count, is_map});
      return {};
    }
    if (head->kind == Kind::kScalar) return {};
    const std::size_t at = cursor_.at();
    const auto data = cursor_.take(head->count);
    if (!data) return torn();
    if (head->kind == Kind::kText && !is_utf8(as_text(*data)))
      return invalid("msgpack: text that is no UTF-8");
    if (head->kind == Kind::kBlob && out_.blobs.size() < kKeptMax) out_.blobs.push_back({at, data->size()});
    if (head->kind == Kind::kExtension) extension(head->extension, at, data->size());
    return {};
  }

  // 1 is an array, 2 a complex number, 3 a scalar of NumPy, which is written as an array is.
  void extension(int type, std::size_t at, std::size_t length) {
    constexpr std::size_t kProblemsMax = 20;
    if (type != 1 && type != 3) {
      if (type != 2 && out_.unknown.size() < kKeptMax) out_.unknown.push_back({type, at, length});
      return;
    }
    const std::string problem = array_problem(bytes_, at, length);
    out_.arrays += problem.empty() ? 1 : 0;
    if (problem.empty() || out_.problems.size() >= kProblemsMax) return;
    out_.problems.push_back("the array at byte " + std::to_string(at) + " " + problem);
  }

  BytesView bytes_;
  Cursor cursor_;
  std::vector<Open> open_;
  Document out_;
};

}  // namespace

bool may_begin(BytesView bytes) {
  Cursor cursor(bytes, 0, bytes.size());
  const auto map = cursor.head();
  if (!map || map->kind != Kind::kMap || map->count == 0) return false;
  const auto key = cursor.head();
  if (!key || key->kind != Kind::kText) return false;
  const auto text = cursor.take(key->count);
  return text && is_utf8(as_text(*text));
}

Result<Document> read(BytesView bytes) { return Reader(bytes).run(); }

}  // namespace sallyport::formats::msgpack
