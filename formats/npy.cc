#include "formats/npy.h"

#include <charconv>
#include <optional>

#include "core/limits.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// A cursor over the header's Python literal.
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool done() {
    skip_blanks();
    return at_ == text_.size();
  }

  std::optional<std::string> string() {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    // NumPy writes no escapes; a name that needs one would read differently here and there.
    if (out.find('\\') != std::string::npos) return std::nullopt;
    at_ = end + 1;
    return out;
  }

  std::optional<std::uint64_t> number() {
    skip_blanks();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) return std::nullopt;
    at_ = static_cast<std::size_t>(end - text_.data());
    take('L');
    return value;
  }

  // A bracketed value with everything inside, its strings handed to `each`.
  template <class Each>
  std::optional<std::string> bracketed(Each each) {
    skip_blanks();
    const std::size_t begin = at_;
    std::size_t depth = 0;
    do {
      skip_blanks();
      if (at_ == text_.size()) return std::nullopt;
      const char c = text_[at_];
      if (c == '\'' || c == '"') {
        const std::optional<std::string> inner = string();
        if (!inner) return std::nullopt;
        each(*inner);
        continue;
      }
      if (c == '[' || c == '(' || c == '{') ++depth;
      if (c == ']' || c == ')' || c == '}') --depth;
      ++at_;
    } while (depth > 0);
    return std::string(text_.substr(begin, at_ - begin));
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

std::uint64_t simple_bytes(std::string_view dtype) {
  const std::size_t begin = dtype.find_first_not_of("|<>=");
  if (begin == std::string_view::npos) return 0;
  const char type = dtype[begin];
  constexpr std::string_view kTypes = "biufcmMSUVa?";
  if (kTypes.find(type) == std::string_view::npos) return 0;
  if (type == '?') return 1;
  std::uint64_t width = 0;
  const char* last = dtype.data() + dtype.size();
  const auto [end, error] = std::from_chars(dtype.data() + begin + 1, last, width);
  // A datetime carries its unit in brackets: "<M8[ns]".
  const bool unit = (type == 'M' || type == 'm') && end != last && *end == '[';
  if (error != std::errc() || (end != last && !unit) || width > UINT32_MAX) return 0;
  return type == 'U' ? width * 4 : width;
}

// What follows a field's type: how many of it the field has; nothing when that is no shape.
std::optional<std::uint64_t> extent_of(Literal& literal) {
  if (!literal.take(',')) return 1;
  if (const auto single = literal.number()) return single;
  if (!literal.take('(')) return std::nullopt;
  std::uint64_t out = 1;
  while (!literal.take(')')) {
    const std::optional<std::uint64_t> extent = literal.number();
    if (!extent || *extent > UINT32_MAX || out > UINT32_MAX) return std::nullopt;
    out *= *extent;
    literal.take(',');
  }
  return out;
}

// Fields one behind the other, [('x', '<f8'), ('', '|V4'), ('y', '<i4', (2, 3))]; 0 for fields within fields.
std::uint64_t record_bytes(std::string_view dtype) {
  Literal literal(dtype);
  if (!literal.take('[')) return 0;
  std::uint64_t out = 0;
  while (!literal.take(']')) {
    if (!literal.take('(')) return 0;
    // A field may have a title beside its name.
    const bool titled = literal.take('(');
    if (!literal.string() || (titled && (!literal.take(',') || !literal.string() || !literal.take(')')))) {
      return 0;
    }
    if (!literal.take(',')) return 0;
    const std::optional<std::string> type = literal.string();
    const std::uint64_t width = type ? simple_bytes(*type) : 0;
    const std::optional<std::uint64_t> extent = width > 0 ? extent_of(literal) : std::nullopt;
    if (!extent || *extent > UINT32_MAX || !literal.take(')')) return 0;
    out += width * *extent;
    if (out > UINT32_MAX) return 0;
    literal.take(',');
  }
  return literal.done() ? out : 0;
}

std::unexpected<Error> refuse(const std::string& what) { return invalid("npy: header " + what); }

Result<void> read_descr(Literal& literal, NpyHeader& header) {
  if (const std::optional<std::string> simple = literal.string()) {
    header.descr = *simple;
    header.has_objects = names_objects(*simple);
    return {};
  }
  const auto fields = literal.bracketed(
      [&](const std::string& text) { header.has_objects = header.has_objects || names_objects(text); });
  if (!fields) return refuse("has a broken dtype");
  header.descr = *fields;
  return {};
}

Result<void> read_shape(Literal& literal, NpyHeader& header) {
  if (!literal.take('(')) return refuse("has no shape");
  while (!literal.take(')')) {
    const std::optional<std::uint64_t> extent = literal.number();
    if (!extent || header.shape.size() == limits::kTensorRankMax) return refuse("has a broken shape");
    header.shape.push_back(*extent);
    if (literal.take(',')) continue;
    if (!literal.take(')')) return refuse("has a broken shape");
    break;
  }
  return {};
}

Result<void> read_members(Literal& literal, NpyHeader& header) {
  if (!literal.take('{')) return refuse("is no dict");
  int seen = 0;
  while (!literal.take('}')) {
    const std::optional<std::string> key = literal.string();
    if (!key || !literal.take(':')) return refuse("has a broken key");
    const int bit = *key == "descr" ? 1 : (*key == "fortran_order" ? 2 : (*key == "shape" ? 4 : 0));
    if (bit == 0 || (seen & bit) != 0) return refuse("has an unknown or repeated key");
    seen |= bit;
    if (bit == 1) {
      TRY(read_descr(literal, header));
    } else if (bit == 4) {
      TRY(read_shape(literal, header));
    } else {
      header.fortran_order = literal.take_word("True");
      if (!header.fortran_order && !literal.take_word("False")) return refuse("has a broken order");
    }
    if (!literal.take(',')) {
      if (!literal.take('}')) return refuse("does not end");
      break;
    }
  }
  if (seen != 7 || !literal.done()) return refuse("lacks a key, or goes on after its dict");
  return {};
}

}  // namespace

bool is_npy(BytesView bytes) { return as_text(bytes).starts_with(kMagic); }

bool names_objects(std::string_view dtype) {
  const std::size_t begin = dtype.find_first_not_of("|<>=");
  if (begin == std::string_view::npos || dtype[begin] != 'O') return dtype == "object";
  return dtype.find_first_not_of("0123456789", begin + 1) == std::string_view::npos || dtype == "Object0";
}

std::uint64_t item_bytes(std::string_view dtype) {
  return dtype.starts_with('[') ? record_bytes(dtype) : simple_bytes(dtype);
}

Result<NpyHeader> read_npy_header(BytesView bytes) {
  if (!is_npy(bytes)) return invalid("npy: no magic");
  Reader reader(bytes, kMagic.size());
  const int major = TRY(reader.u8());
  TRY(reader.u8());
  if (major < 1 || major > 3) return fail(ErrorKind::kUnsupported, "npy: version " + std::to_string(major));
  const std::uint64_t length = major == 1 ? TRY(reader.u16_le()) : TRY(reader.u32_le());
  if (length > limits::kNpyHeaderBytesMax) return fail(ErrorKind::kLimit, "npy: header too long");
  const BytesView text = TRY(reader.take(length));
  NpyHeader header;
  Literal literal(as_text(text));
  TRY(read_members(literal, header));
  header.data_offset = reader.offset();
  return header;
}

}  // namespace sallyport::formats
