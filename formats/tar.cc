#include "formats/tar.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/limits.h"

namespace sallyport::formats::tar {
namespace {

constexpr std::size_t kBlockBytes = 512;
// Members read by headers that no checksum vouches for: they may overlap, so few are enough.
constexpr std::size_t kGuessesMax = 64;

std::string text_field(BytesView block, std::size_t at, std::size_t width) {
  const std::string_view field = as_text(block.subspan(at, width));
  return std::string(field.substr(0, field.find('\0')));
}

std::optional<std::uint64_t> number_field(BytesView block, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  if ((block[at] & 0x80) != 0) {
    // GNU's base 256, big-endian; the sign bit and anything beyond 64 bits is no length.
    for (std::size_t i = 1; i < width; ++i) {
      if (value >> 56 != 0) return std::nullopt;
      value = value << 8 | block[at + i];
    }
    return (block[at] & 0x7F) == 0 ? std::optional(value) : std::nullopt;
  }
  bool any = false;
  for (std::size_t i = 0; i < width; ++i) {
    const char c = static_cast<char>(block[at + i]);
    if (c >= '0' && c <= '7') {
      if (value >> 61 != 0) return std::nullopt;
      value = value * 8 + static_cast<std::uint64_t>(c - '0');
      any = true;
    } else if (any || c != ' ') {
      break;
    }
  }
  return any ? std::optional(value) : std::nullopt;
}

bool checksum_holds(BytesView block) {
  constexpr std::size_t kChecksumAt = 148;
  constexpr std::size_t kChecksumBytes = 8;
  std::uint64_t as_unsigned = 0;
  std::int64_t as_signed = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    const bool inside = i >= kChecksumAt && i < kChecksumAt + kChecksumBytes;
    const std::uint8_t byte = inside ? ' ' : block[i];
    as_unsigned += byte;
    as_signed += static_cast<std::int8_t>(byte);
  }
  const std::optional<std::uint64_t> said = number_field(block, kChecksumAt, kChecksumBytes);
  return said && (*said == as_unsigned || static_cast<std::int64_t>(*said) == as_signed);
}

bool is_zero(BytesView block) {
  return std::all_of(block.begin(), block.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool has_magic(BytesView block) { return as_text(block.subspan(257, 5)) == "ustar"; }

// What long-name members and pax records say of the next member.
struct Override {
  std::string name = {};
  std::string link = {};
  std::optional<std::uint64_t> size = {};
  bool sparse = false;
};

std::string up_to_nul(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  return std::string(text.substr(0, text.find('\0')));
}

// Records "LENGTH KEY=VALUE\n", the length counting all of it.
void read_pax(std::string_view text, Override& out) {
  while (!text.empty()) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || length > text.size() || length < digits + 2 || *end != ' ') return;
    const std::string_view record = text.substr(digits + 1, length - digits - 2);
    text.remove_prefix(length);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key == "path" || key == "GNU.sparse.name") out.name = std::string(value);
    if (key == "linkpath") out.link = std::string(value);
    if (key.starts_with("GNU.sparse.")) out.sparse = true;
    std::uint64_t size = 0;
    if (key == "size" &&
        std::from_chars(value.data(), value.data() + value.size(), size).ec == std::errc()) {
      out.size = size;
    }
  }
}

class Parser {
 public:
  explicit Parser(BytesView bytes) : bytes_(bytes) {}
  Archive run();

 private:
  void step(BytesView block);
  void skip(BytesView block);
  void read(BytesView block);
  std::size_t sparse_blocks(BytesView block) const;
  void add(BytesView block, BytesView content, std::size_t data);
  void disagree(std::string what);
  void stop(ErrorKind kind, const std::string& what);

  BytesView bytes_;
  Archive out_;
  Override next_;
  bool ended_ = false;  // zeros were met
  std::size_t guesses_ = 0;
};

void Parser::disagree(std::string what) {
  if (out_.disagreements.size() == kDisagreementsMax) return;
  out_.disagreements.push_back({out_.end, std::move(what)});
}

void Parser::stop(ErrorKind kind, const std::string& what) {
  out_.error = Error{kind, "tar: " + what + " at byte " + std::to_string(out_.end)};
}

// GNU's sparse headers go on in blocks of their own.
std::size_t Parser::sparse_blocks(BytesView block) const {
  constexpr std::size_t kGoesOnAt = 482;
  constexpr std::size_t kGoesOnFurtherAt = 504;
  if (block[156] != 'S' || block[kGoesOnAt] == 0) return 0;
  std::size_t blocks = 1;
  while (true) {
    const std::size_t at = out_.end + kBlockBytes * blocks;
    if (at + kBlockBytes > bytes_.size() || bytes_[at + kGoesOnFurtherAt] == 0) return blocks;
    ++blocks;
  }
}

void Parser::add(BytesView block, BytesView content, std::size_t data) {
  const char type = static_cast<char>(block[156]);
  const bool prefixed = has_magic(block) && block[262] == 0;
  const std::string prefix = prefixed ? text_field(block, 345, 155) : std::string();
  std::string name = text_field(block, 0, 100);
  if (!prefix.empty()) name = prefix + "/" + name;
  Override said = std::exchange(next_, {});
  if (!said.name.empty()) name = std::move(said.name);
  std::string link = type == '1' || type == '2' ? text_field(block, 157, 100) : std::string();
  if (!link.empty() && !said.link.empty()) link = std::move(said.link);
  out_.members.push_back({.name = std::move(name),
                          .link = std::move(link),
                          .symbolic = type == '2',
                          .sparse = type == 'S' || said.sparse,
                          .header = out_.end,
                          .offset = data,
                          .data = content});
}

// A member by its header, whose checksum holds.
void Parser::read(BytesView block) {
  const std::optional<std::uint64_t> size = number_field(block, 124, 12);
  const char type = static_cast<char>(block[156]);
  const bool bare = type >= '1' && type <= '6';  // links, devices, folders, pipes
  const std::uint64_t wanted = bare ? 0 : next_.size.value_or(size.value_or(0));
  const std::size_t data = std::min(out_.end + kBlockBytes * (1 + sparse_blocks(block)), bytes_.size());
  const std::uint64_t room = bytes_.size() - data;
  const auto length = static_cast<std::size_t>(std::min(wanted, room));
  const BytesView content = bytes_.subspan(data, length);
  if (ended_) disagree("a member lies behind the zeros that end the archive");
  if (!bare && next_.size && size && *next_.size != *size && *size != 0) {
    disagree("the header and a pax record differ in the member's size");
  }
  ended_ = false;
  if (type == 'L' || type == 'K') {
    (type == 'L' ? next_.name : next_.link) = up_to_nul(content);
  } else if (type == 'x' || type == 'X') {
    read_pax(as_text(content), next_);
  } else if (type != 'g') {
    add(block, content, data);
  }
  if (wanted > room) {
    stop(ErrorKind::kInvalid, "member past end");
    out_.end = bytes_.size();
    return;
  }
  const std::size_t padded = (length + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  out_.end = data + std::min<std::size_t>(padded, bytes_.size() - data);
}

// A block that is no header: a loader that ignores checksums may still read a member by it.
void Parser::skip(BytesView block) {
  const bool is_new = out_.gaps.empty() || out_.gaps.back().offset + out_.gaps.back().length != out_.end;
  if (is_new) {
    disagree("a header has a wrong checksum: some loaders stop, some skip it, some do not look");
    out_.gaps.push_back({out_.end, 0});
  }
  out_.gaps.back().length += kBlockBytes;
  const std::optional<std::uint64_t> size = number_field(block, 124, 12);
  const std::size_t data = out_.end + kBlockBytes;
  if (guesses_ < kGuessesMax && has_magic(block) && size && *size <= bytes_.size() - data) {
    ++guesses_;
    add(block, bytes_.subspan(data, static_cast<std::size_t>(*size)), data);
  }
  out_.end = data;
}

void Parser::step(BytesView block) {
  if (is_zero(block)) {
    ended_ = true;
    out_.end += kBlockBytes;
  } else if (out_.members.size() == limits::kArchiveMembersMax) {
    stop(ErrorKind::kLimit, "too many members");
  } else if (checksum_holds(block) && block[0] != 0) {
    read(block);
  } else {
    skip(block);
  }
}

Archive Parser::run() {
  while (!out_.error && bytes_.size() - out_.end >= kBlockBytes) {
    step(bytes_.subspan(out_.end, kBlockBytes));
  }
  if (!out_.error && out_.members.empty()) stop(ErrorKind::kInvalid, "no member");
  return std::move(out_);
}

}  // namespace

bool is_tar(BytesView bytes) {
  if (bytes.size() < kBlockBytes) return false;
  const BytesView block = bytes.first(kBlockBytes);
  return block[0] != 0 && checksum_holds(block);
}

Archive parse(BytesView bytes) { return Parser(bytes).run(); }

}  // namespace sallyport::formats::tar
