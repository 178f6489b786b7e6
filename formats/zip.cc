#include "formats/zip.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <tuple>

#include "core/limits.h"
#include "formats/utf8.h"

namespace sallyport::formats::zip {
namespace {

constexpr std::uint32_t kLocalSignature = 0x04034B50;
constexpr std::uint32_t kCentralSignature = 0x02014B50;
constexpr std::uint32_t kEndSignature = 0x06054B50;
constexpr std::uint32_t kEnd64Signature = 0x06064B50;
constexpr std::uint32_t kEnd64LocatorSignature = 0x07064B50;
constexpr std::uint32_t kDescriptorSignature = 0x08074B50;

constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kEnd64LocatorBytes = 20;
constexpr std::size_t kCommentBytesMax = 65535;
constexpr std::uint16_t kFlagDescriptor = 0x8;
constexpr std::size_t kDisagreementsMax = 100;

// What one of the two headers says.
struct Header {
  std::string name = {};
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint64_t stored_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // of the local header, as a central one has it
  std::uint64_t length = 0;  // of this header with its variable parts
};

std::uint64_t le(BytesView bytes, std::uint64_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i-- > 0;) value = value << 8 | bytes[static_cast<std::size_t>(at) + i];
  return value;
}

bool has(BytesView bytes, std::uint64_t at, std::uint64_t length) {
  return at <= bytes.size() && length <= bytes.size() - at;
}

bool signature_at(BytesView bytes, std::uint64_t at, std::uint32_t signature) {
  return has(bytes, at, 4) && le(bytes, at, 4) == signature;
}

// Field 1 of the extra data holds the 64-bit numbers of those fields that are all ones.
void read_zip64(BytesView bytes, std::uint64_t at, std::uint64_t length, Header& header) {
  constexpr std::uint16_t kZip64Field = 1;
  constexpr std::uint64_t kAllOnes = 0xFFFFFFFF;
  while (length >= 4) {
    const std::uint64_t id = le(bytes, at, 2);
    const std::uint64_t size = le(bytes, at + 2, 2);
    if (size > length - 4) return;
    if (id == kZip64Field) {
      std::uint64_t field = at + 4;
      for (std::uint64_t* value : {&header.size, &header.stored_size, &header.offset}) {
        if (*value != kAllOnes || field + 8 > at + 4 + size) continue;
        *value = le(bytes, field, 8);
        field += 8;
      }
    }
    at += 4 + size;
    length -= 4 + size;
  }
}

std::optional<Header> read_header(BytesView bytes, std::uint64_t at, bool central) {
  const std::size_t fixed = central ? kCentralBytes : kLocalBytes;
  if (!signature_at(bytes, at, central ? kCentralSignature : kLocalSignature) || !has(bytes, at, fixed)) {
    return std::nullopt;
  }
  const std::uint64_t f = at + (central ? 8 : 6);  // the fields that both share
  Header header;
  header.flags = static_cast<std::uint16_t>(le(bytes, f, 2));
  header.method = static_cast<std::uint16_t>(le(bytes, f + 2, 2));
  header.stored_size = le(bytes, f + 12, 4);
  header.size = le(bytes, f + 16, 4);
  const std::uint64_t name_length = le(bytes, f + 20, 2);
  const std::uint64_t extra_length = le(bytes, f + 22, 2);
  const std::uint64_t comment_length = central ? le(bytes, f + 24, 2) : 0;
  if (central) header.offset = le(bytes, at + 42, 4);
  header.length = fixed + name_length + extra_length + comment_length;
  if (!has(bytes, at, header.length)) return std::nullopt;
  header.name =
      as_text(bytes.subspan(static_cast<std::size_t>(at) + fixed, static_cast<std::size_t>(name_length)));
  read_zip64(bytes, at + fixed + name_length, extra_length, header);
  return header;
}

class Parser {
 public:
  explicit Parser(BytesView bytes) : bytes_(bytes) {}
  Result<Archive> run();

 private:
  // What an end record says of its directory; `end` is where the directory ends at the latest.
  struct Directory {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t end = 0;
  };

  void find_end_records();
  Directory directory_of(std::uint64_t end) const;
  bool is_of_member(std::uint64_t end) const;
  void follow_end_record(std::uint64_t end);
  bool read_directory(std::uint64_t at, std::uint64_t base, std::uint64_t end);
  Result<void> add_listed(const Header& central, std::uint64_t base);
  Result<void> add(const Header& as, std::uint64_t header_offset, std::uint64_t data_offset, bool listed);
  Result<void> walk();
  Result<std::uint64_t> walk_local(std::uint64_t at);
  std::uint64_t next_known(std::uint64_t after) const;
  std::uint64_t next_header(std::uint64_t at) const;
  std::uint64_t skip_descriptor(std::uint64_t at, const Header& local) const;
  void compare(const Header& central, const Header& local, std::uint64_t at);
  void disagree(std::uint64_t offset, std::string what);

  BytesView bytes_;
  Archive archive_;
  std::map<std::uint64_t, std::vector<Header>> listed_;            // central headers by local header offset
  std::set<std::pair<std::uint64_t, std::uint64_t>> directories_;  // where one was read, from which base
  std::set<std::uint64_t> landmarks_;  // directories and end records, which end a member of unknown size
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint16_t>> seen_;
};

void Parser::disagree(std::uint64_t offset, std::string what) {
  if (archive_.disagreements.size() < kDisagreementsMax)
    archive_.disagreements.push_back({offset, std::move(what)});
}

// Central headers from `at` up to `end`; offsets in them count from `base`.
bool Parser::read_directory(std::uint64_t at, std::uint64_t base, std::uint64_t end) {
  if (!signature_at(bytes_, at, kCentralSignature)) return false;
  if (!directories_.insert({at, base}).second) return true;
  landmarks_.insert(at);
  while (at < end && listed_.size() <= limits::kArchiveMembersMax) {
    const std::optional<Header> central = read_header(bytes_, at, true);
    if (!central) break;
    const std::uint64_t local = base + central->offset;
    listed_[local].push_back(*central);
    at += central->length;
  }
  return true;
}

Parser::Directory Parser::directory_of(std::uint64_t end) const {
  Directory out{.offset = le(bytes_, end + 16, 4), .size = le(bytes_, end + 12, 4), .end = end};
  const std::uint64_t locator = end - kEnd64LocatorBytes;
  if (end >= kEnd64LocatorBytes + kEnd64Bytes && signature_at(bytes_, locator, kEnd64LocatorSignature)) {
    // The record is where the locator says, or, in a file with something in front, right before the locator.
    for (const std::uint64_t at : {le(bytes_, locator + 8, 8), locator - kEnd64Bytes}) {
      if (!signature_at(bytes_, at, kEnd64Signature) || !has(bytes_, at, kEnd64Bytes)) continue;
      return {.offset = le(bytes_, at + 48, 8), .size = le(bytes_, at + 40, 8), .end = at};
    }
  }
  return out;
}

// Whether the end record at `end` is that of an archive within a member of this one, which is a layer of its
// own: it lies in the member's data and its directory, measured back from it, does too. One whose offset
// leads somewhere in this archive is not.
bool Parser::is_of_member(std::uint64_t end) const {
  const auto after = listed_.upper_bound(end);
  if (after == listed_.begin()) return false;
  const auto& [local_offset, headers] = *std::prev(after);
  const std::optional<Header> local = read_header(bytes_, local_offset, false);
  if (!local) return false;
  const std::uint64_t data = local_offset + local->length;
  const std::uint64_t stored = headers.front().stored_size;
  if (stored > bytes_.size() - data || end < data || end + kEndBytes > data + stored) return false;
  const Directory inner = directory_of(end);
  if (signature_at(bytes_, inner.offset, kCentralSignature)) return false;
  return inner.size <= inner.end && inner.offset <= inner.end - inner.size &&
         inner.end - inner.size - inner.offset >= data;
}

void Parser::follow_end_record(std::uint64_t end) {
  const auto [offset, size, directory_end] = directory_of(end);
  archive_.has_end = true;
  landmarks_.insert(end);
  if (directory_end != end) landmarks_.insert(directory_end);
  // Some loaders take the offset as it stands, others measure back from the end record.
  const bool absolute = read_directory(offset, 0, directory_end);
  const bool measured = size <= directory_end && directory_end - size != offset &&
                        directory_end - size >= offset &&
                        read_directory(directory_end - size, directory_end - size - offset, directory_end);
  if (absolute && measured) disagree(end, "two central directories fit the end record");
  if (!absolute && !measured && (size != 0 || offset != directory_end)) {
    disagree(end, "the end record points at no central directory");
  }
}

void Parser::find_end_records() {
  if (bytes_.size() < kEndBytes) return;
  const std::uint64_t last = bytes_.size() - kEndBytes;
  const std::uint64_t first = last > kCommentBytesMax ? last - kCommentBytesMax : 0;
  std::size_t found = 0;
  for (std::uint64_t at = last + 1; at-- > first;) {
    if (!signature_at(bytes_, at, kEndSignature) || is_of_member(at)) continue;
    if (++found == 2) disagree(at, "more than one end record");
    constexpr std::size_t kEndRecordsMax = 64;
    if (found <= kEndRecordsMax) follow_end_record(at);
  }
}

Result<void> Parser::add(const Header& as, std::uint64_t header_offset, std::uint64_t data_offset,
                         bool listed) {
  if (data_offset > bytes_.size()) return {};
  const std::uint64_t room = bytes_.size() - data_offset;
  if (as.stored_size > room) disagree(header_offset, "member reaches past the end of the file");
  const std::uint64_t length = std::min(as.stored_size, room);
  if (!seen_.insert({header_offset, data_offset, length, as.method}).second) return {};
  if (archive_.members.size() == limits::kArchiveMembersMax) {
    return fail(ErrorKind::kLimit,
                "zip: more than " + std::to_string(limits::kArchiveMembersMax) + " members");
  }
  archive_.members.push_back(
      {.name = as.name,
       .method = as.method,
       .header_offset = header_offset,
       .data_offset = data_offset,
       .data = bytes_.subspan(static_cast<std::size_t>(data_offset), static_cast<std::size_t>(length)),
       .size = as.size,
       .size_known = listed || (as.flags & kFlagDescriptor) == 0,
       .listed = listed});
  return {};
}

void Parser::compare(const Header& central, const Header& local, std::uint64_t at) {
  const auto differ = [&](const std::string& what, const std::string& a, const std::string& b) {
    disagree(at, "central directory says " + what + " " + a + ", local header says " + b);
  };
  if (central.name != local.name) differ("name", printable(central.name, 80), printable(local.name, 80));
  if (central.method != local.method) {
    differ("method", std::to_string(central.method), std::to_string(local.method));
  }
  // With a data descriptor the local sizes are zero, or all ones where zip64 fields were planned for.
  const bool deferred = (local.flags & kFlagDescriptor) != 0;
  if (!deferred && central.stored_size != local.stored_size) {
    differ("size", std::to_string(central.stored_size), std::to_string(local.stored_size));
  }
}

Result<void> Parser::add_listed(const Header& central, std::uint64_t local_offset) {
  const std::optional<Header> local = read_header(bytes_, local_offset, false);
  if (!local) {
    disagree(local_offset,
             "central directory lists " + printable(central.name, 80) + " where no local header is");
    return {};
  }
  compare(central, *local, local_offset);
  return add(central, local_offset, local_offset + local->length, true);
}

// The first landmark or listed member after `after`: the latest place at which a member of unknown size ends.
std::uint64_t Parser::next_known(std::uint64_t after) const {
  std::uint64_t end = bytes_.size();
  if (const auto it = landmarks_.upper_bound(after); it != landmarks_.end()) end = std::min(end, *it);
  if (const auto it = listed_.upper_bound(after); it != listed_.end()) end = std::min(end, it->first);
  return end;
}

std::uint64_t Parser::skip_descriptor(std::uint64_t at, const Header& local) const {
  if ((local.flags & kFlagDescriptor) == 0) return at;
  const bool is_signed = signature_at(bytes_, at, kDescriptorSignature);
  // CRC and two sizes of four or eight bytes; the signature is optional. What follows decides which form it
  // is.
  for (const std::uint64_t width : {12U, 20U}) {
    const std::uint64_t next = at + width + (is_signed ? 4 : 0);
    for (const std::uint32_t signature : {kLocalSignature, kCentralSignature, kEndSignature}) {
      if (signature_at(bytes_, next, signature)) return next;
    }
  }
  return at;
}

Result<std::uint64_t> Parser::walk_local(std::uint64_t at) {
  std::optional<Header> local = read_header(bytes_, at, false);
  if (!local) return at + 4;
  const std::uint64_t data = at + local->length;
  const auto listed = listed_.find(at);
  const bool deferred = (local->flags & kFlagDescriptor) != 0 && local->stored_size == 0;
  if (deferred) {
    local->stored_size = listed != listed_.end() ? listed->second.front().stored_size : next_known(at) - data;
    if (data > next_known(at)) local->stored_size = 0;
  }
  if (listed == listed_.end() && !listed_.empty()) {
    disagree(at, "local header of " + printable(local->name, 80) + " is in no central directory");
  }
  TRY(add(*local, at, data, listed != listed_.end()));
  const std::uint64_t end = data + std::min<std::uint64_t>(local->stored_size, bytes_.size() - data);
  return skip_descriptor(end, *local);
}

// The first local or central signature from `at` on, or the end of the file.
std::uint64_t Parser::next_header(std::uint64_t at) const {
  const std::string_view text = as_text(bytes_);
  std::size_t found = text.find("PK", static_cast<std::size_t>(at));
  while (found != std::string_view::npos) {
    if (signature_at(bytes_, found, kLocalSignature) || signature_at(bytes_, found, kCentralSignature))
      return found;
    found = text.find("PK", found + 1);
  }
  return bytes_.size();
}

// From the front of the file to its end, by local headers. What belongs to nothing is a gap.
Result<void> Parser::walk() {
  std::uint64_t at = 0;
  while (has(bytes_, at, 4)) {
    std::uint64_t next = at;
    if (signature_at(bytes_, at, kLocalSignature)) {
      next = TRY(walk_local(at));
    } else if (const std::optional<Header> central = read_header(bytes_, at, true)) {
      next = at + central->length;
    } else if (signature_at(bytes_, at, kEnd64Signature) && has(bytes_, at, kEnd64Bytes)) {
      next = at + kEnd64Bytes;
    } else if (signature_at(bytes_, at, kEnd64LocatorSignature) && has(bytes_, at, kEnd64LocatorBytes)) {
      next = at + kEnd64LocatorBytes;
    } else if (signature_at(bytes_, at, kEndSignature) && has(bytes_, at, kEndBytes)) {
      next = std::min<std::uint64_t>(at + kEndBytes + le(bytes_, at + 20, 2), bytes_.size());
    }
    if (next == at) {
      next = next_header(at + 1);
      // A known end record in between is no part of the gap.
      const auto landmark = landmarks_.upper_bound(at);
      if (landmark != landmarks_.end()) next = std::min(next, *landmark);
      archive_.gaps.push_back({at, next - at});
    }
    at = next;
  }
  if (at < bytes_.size()) archive_.gaps.push_back({at, bytes_.size() - at});
  return {};
}

Result<Archive> Parser::run() {
  find_end_records();
  if (listed_.empty() && !signature_at(bytes_, 0, kLocalSignature) && landmarks_.empty()) {
    return invalid("zip: neither an end record nor a local header");
  }
  if (listed_.size() > limits::kArchiveMembersMax) {
    return fail(ErrorKind::kLimit,
                "zip: more than " + std::to_string(limits::kArchiveMembersMax) + " members");
  }
  for (const auto& [offset, headers] : listed_) {
    for (const Header& central : headers) TRY(add_listed(central, offset));
  }
  TRY(walk());
  std::sort(archive_.members.begin(), archive_.members.end(), [](const Member& a, const Member& b) {
    return std::tuple(a.header_offset, a.data.size()) < std::tuple(b.header_offset, b.data.size());
  });
  std::uint64_t end = 0;
  std::uint64_t owner = 0;
  for (Member& member : archive_.members) {
    const auto listed = listed_.find(member.header_offset);
    if (listed != listed_.end() && listed->second.size() > 1 && member.listed) {
      disagree(member.header_offset, std::to_string(listed->second.size()) +
                                         " entries of the directory share member " +
                                         printable(member.name, 80));
      member.overlaps = true;
    }
    if (member.header_offset < end && member.header_offset != owner) {
      disagree(member.header_offset, "member " + printable(member.name, 80) + " overlaps the one before it");
      member.overlaps = true;
    }
    owner = member.header_offset;
    end = std::max<std::uint64_t>(end, member.data_offset + member.data.size());
  }
  return std::move(archive_);
}

}  // namespace

bool is_zip(BytesView bytes) {
  if (signature_at(bytes, 0, kLocalSignature)) return true;
  if (bytes.size() < kEndBytes) return false;
  const std::size_t tail = std::min(bytes.size(), kEndBytes + kCommentBytesMax);
  return as_text(bytes.last(tail)).find("PK\5\6") != std::string_view::npos;
}

Result<Archive> parse(BytesView bytes) { return Parser(bytes).run(); }

}  // namespace sallyport::formats::zip
