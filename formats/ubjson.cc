#include "formats/ubjson.h"

#include <bit>
#include <optional>
#include <vector>

#include "core/limits/trees.h"
#include "formats/utf8.h"

namespace sallyport::formats {
namespace {

std::size_t width_of(std::uint8_t type) {
  switch (type) {
    case 'i':
    case 'U':
    case 'C': return 1;
    case 'I': return 2;
    case 'l':
    case 'd': return 4;
    case 'L':
    case 'D': return 8;
    default: return 0;
  }
}

// A container whose end has not come: with a count, or up to its bracket.
struct Open {
  Json* value;
  std::optional<std::uint64_t> left = {};
  std::uint8_t type = 0;  // of all its elements; 0: each has its own
};

class Parser {
 public:
  explicit Parser(BytesView bytes) : bytes_(bytes), in_(bytes) {}

  Result<Json> run() {
    Json root;
    TRY(read_value(TRY(marker()), root));
    while (!open_.empty()) TRY(step());
    if (!in_.done()) return broken("bytes behind the value");
    return root;
  }

 private:
  std::unexpected<Error> broken(const std::string& what) const {
    return invalid("ubjson: " + what + " at byte " + std::to_string(in_.offset()));
  }

  // The next marker; no-ops may stand anywhere.
  Result<std::uint8_t> marker() {
    std::uint8_t out = TRY(in_.u8());
    while (out == 'N') out = TRY(in_.u8());
    return out;
  }

  Result<std::uint64_t> big_endian(std::size_t width) {
    std::uint64_t out = 0;
    for (const std::uint8_t byte : TRY(in_.take(width))) out = out << 8 | byte;
    return out;
  }

  Result<std::int64_t> integer(std::uint8_t type) {
    const std::size_t width = width_of(type);
    if (width == 0 || type == 'C' || type == 'd' || type == 'D') return broken("no whole number");
    const std::uint64_t bits = TRY(big_endian(width));
    if (type == 'U') return static_cast<std::int64_t>(bits);
    const std::size_t unused = 64 - 8 * width;
    return static_cast<std::int64_t>(bits << unused) >> unused;
  }

  Result<std::uint64_t> length() {
    const std::int64_t out = TRY(integer(TRY(in_.u8())));
    if (out < 0) return broken("a length below 0");
    return static_cast<std::uint64_t>(out);
  }

  Result<std::string> text() {
    const std::string_view out = as_text(TRY(in_.take(TRY(length()))));
    if (!is_utf8(out)) return broken("text that is no UTF-8");
    return std::string(out);
  }

  Result<void> read_number(std::uint8_t type, Json& out) {
    if (type == 'd') {
      out = std::bit_cast<float>(static_cast<std::uint32_t>(TRY(big_endian(4))));
    } else if (type == 'D') {
      out = std::bit_cast<double>(TRY(big_endian(8)));
    } else {
      out = TRY(integer(type));
    }
    return {};
  }

  Result<void> read_value(std::uint8_t type, Json& out) {
    if (++items_ > limits::kUbjsonItemsMax) {
      return fail(ErrorKind::kLimit,
                  "ubjson: more than " + std::to_string(limits::kUbjsonItemsMax) + " values");
    }
    switch (type) {
      case 'Z': return {};
      case 'T':
      case 'F': out = type == 'T'; return {};
      case 'C': out = std::string(1, static_cast<char>(TRY(in_.u8()) & 0x7F)); return {};
      case 'S':
      case 'H': out = TRY(text()); return {};
      case '[':
      case '{': return begin(type, out);
      default: return width_of(type) > 0 ? read_number(type, out) : broken("no type of a value");
    }
  }

  Result<void> begin(std::uint8_t type, Json& out) {
    if (open_.size() >= static_cast<std::size_t>(limits::kJsonDepthMax)) return broken("nested too deep");
    out = type == '[' ? Json::array() : Json::object();
    Open open{.value = &out};
    if (peek() == '$') {
      TRY(in_.u8());
      open.type = TRY(in_.u8());
      if (peek() != '#') return broken("a type of elements without their count");
    }
    if (peek() == '#') {
      TRY(in_.u8());
      open.left = TRY(length());
    }
    // Values of one marker and nothing more would make an array of any length of no bytes.
    if (open.left && open.type != 0 && width_of(open.type) == 0 && open.type != 'S' && open.type != 'H' &&
        open.type != '[' && open.type != '{') {
      return broken("elements without bytes");
    }
    if (open.left && *open.left > in_.remaining()) return broken("more elements than bytes");
    open_.push_back(open);
    return {};
  }

  int peek() const { return in_.done() ? -1 : bytes_[in_.offset()]; }

  // One element of the innermost container, or its end.
  Result<void> step() {
    Open& open = open_.back();
    const bool array = open.value->is_array();
    if (open.left) {
      if (*open.left == 0) {
        open_.pop_back();
        return {};
      }
      --*open.left;
    } else {
      while (peek() == 'N') TRY(in_.u8());
      if (peek() == (array ? ']' : '}')) {
        TRY(in_.u8());
        open_.pop_back();
        return {};
      }
    }
    const std::uint8_t type = open.type;
    if (array) {
      const std::uint8_t own = type != 0 ? type : TRY(marker());
      open.value->push_back(nullptr);
      return read_value(own, open.value->back());
    }
    std::string key = TRY(text());
    const auto [member, is_new] = open.value->get_ref<Json::object_t&>().try_emplace(std::move(key));
    if (!is_new) return broken("duplicate key " + shown(member->first));
    return read_value(type != 0 ? type : TRY(marker()), member->second);
  }

  BytesView bytes_;
  Reader in_;
  std::vector<Open> open_;
  std::size_t items_ = 0;
};

}  // namespace

bool looks_like_ubjson(BytesView bytes) {
  constexpr std::string_view kLengths = "iUIlL";
  return bytes.size() > 3 && bytes[0] == '{' &&
         kLengths.find(static_cast<char>(bytes[1])) != std::string_view::npos;
}

Result<Json> parse_ubjson(BytesView bytes) { return Parser(bytes).run(); }

}  // namespace sallyport::formats
