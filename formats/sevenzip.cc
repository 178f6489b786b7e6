#include "formats/sevenzip.h"

#include <algorithm>
#include <optional>

#include "core/limits/sevenzip.h"
#include "formats/sevenzip_coders.h"
#include "formats/utf8.h"

namespace sallyport::formats::sevenzip {
namespace {

constexpr std::string_view kMagic = "7z\xBC\xAF\x27\x1C";
constexpr std::size_t kSignatureBytes = 32;

enum Id : std::uint8_t {
  kEnd = 0x00,
  kHeader = 0x01,
  kArchiveProperties = 0x02,
  kAdditionalStreams = 0x03,
  kMainStreams = 0x04,
  kFiles = 0x05,
  kPackInfo = 0x06,
  kUnpackInfo = 0x07,
  kSubStreams = 0x08,
  kSize = 0x09,
  kDigest = 0x0A,
  kFolder = 0x0B,
  kCodersSize = 0x0C,
  kStreamCount = 0x0D,
  kEmptyStream = 0x0E,
  kNames = 0x11,
  kAttributes = 0x15,
  kEncodedHeader = 0x17,
};

struct Part {
  std::size_t folder = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
struct Streams {
  std::uint64_t packed_at = 0;
  std::vector<std::uint64_t> packed = {};
  std::vector<Folder> folders = {};
  std::vector<std::uint64_t> inputs = {};  // packed streams of each folder
  std::vector<bool> checked = {};          // whether a folder's own checksum stands in the header
  std::vector<Part> parts = {};
};

// The header's fields, one after another; every count is held against the bytes that are left.
class HeaderReader {
 public:
  explicit HeaderReader(BytesView bytes) : in_(bytes) {}

  Result<std::uint8_t> id() { return in_.u8(); }
  // The leading ones of the first byte tell how many bytes follow.
  Result<std::uint64_t> number() {
    const std::uint8_t first = TRY(in_.u8());
    std::uint64_t out = 0;
    std::uint8_t mask = 0x80;
    for (int i = 0; i < 8; ++i, mask = static_cast<std::uint8_t>(mask >> 1)) {
      if ((first & mask) == 0) {
        const std::uint64_t high = first & (mask - 1U);
        return out | high << (8 * i);
      }
      out |= std::uint64_t{TRY(in_.u8())} << (8 * i);
    }
    return out;
  }
  Result<std::size_t> count(std::size_t count_max, const char* what) {
    const std::uint64_t count = TRY(number());
    if (count > count_max) {
      return fail(ErrorKind::kLimit, "7z: " + std::to_string(count) + " " + what + " are more than " +
                                         std::to_string(count_max));
    }
    return static_cast<std::size_t>(count);
  }
  Result<BytesView> take(std::uint64_t count) { return in_.take(count); }
  Result<std::vector<bool>> bits(std::size_t count) {
    const BytesView bytes = TRY(in_.take((std::uint64_t{count} + 7) / 8));
    std::vector<bool> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
    return out;
  }
  // Which of `count` have a value: all, or those whose bit is set.
  Result<std::vector<bool>> defined(std::size_t count) {
    if (TRY(in_.u8()) == 0) return bits(count);
    // A checksum or an attribute of four bytes follows for each.
    if (count > in_.remaining() / 4) return invalid("7z: values past the end of the header");
    return std::vector<bool>(count, true);
  }
  Result<std::vector<bool>> digests(std::size_t count) {
    std::vector<bool> out = TRY(defined(count));
    TRY(in_.take(4 * static_cast<std::uint64_t>(std::count(out.begin(), out.end(), true))));
    return out;
  }
  Result<void> expect(std::uint8_t wanted) {
    const std::uint8_t found = TRY(id());
    if (found == wanted) return {};
    return invalid("7z: field " + std::to_string(found) + " where " + std::to_string(wanted) +
                   " was expected, at byte " + std::to_string(in_.offset() - 1) + " of the header");
  }
  std::size_t remaining() const { return in_.remaining(); }

 private:
  Reader in_;
};

Result<void> read_packed(HeaderReader& in, Streams& out) {
  out.packed_at = TRY(in.number());
  const std::size_t count = TRY(in.count(limits::kArchiveMembersMax, "packed streams"));
  while (true) {
    const std::uint8_t id = TRY(in.id());
    if (id == kEnd) break;
    if (id == kDigest) {
      TRY(in.digests(count));
    } else if (id == kSize) {
      for (std::size_t i = 0; i < count; ++i) out.packed.push_back(TRY(in.number()));
    } else {
      return invalid("7z: field " + std::to_string(id) + " among packed streams");
    }
  }
  return out.packed.size() == count ? Result<void>() : invalid("7z: packed streams without sizes");
}

// A folder as it is written: coders with their streams, and how they are bound to one another.
struct Wiring {
  std::vector<Coder> coders = {};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> pairs = {};  // input, output
  std::uint64_t inputs = 0;
  std::uint64_t outputs = 0;
  std::uint64_t packed = 0;
  std::uint64_t first_packed = 0;  // the input that reads the packed stream, when there is one
  bool simple = true;              // each coder has one input and one output
};

Result<Coder> read_coder(HeaderReader& in, Wiring& wiring) {
  constexpr std::uint8_t kIdBytes = 0x0F;
  constexpr std::uint8_t kComplex = 0x10;
  constexpr std::uint8_t kProperties = 0x20;
  Coder out;
  const std::uint8_t flags = TRY(in.id());
  if ((flags & 0xC0) != 0 || (flags & kIdBytes) > 8) return invalid("7z: a coder of no known form");
  for (const std::uint8_t byte : TRY(in.take(flags & kIdBytes))) out.id = out.id << 8 | byte;
  std::uint64_t inputs = 1, outputs = 1;
  if ((flags & kComplex) != 0) {
    inputs = TRY(in.count(limits::k7zCodersMax, "inputs of a coder"));
    outputs = TRY(in.count(limits::k7zCodersMax, "outputs of a coder"));
  }
  wiring.simple = wiring.simple && inputs == 1 && outputs == 1;
  wiring.inputs += inputs;
  wiring.outputs += outputs;
  if ((flags & kProperties) != 0) {
    const BytesView properties = TRY(in.take(TRY(in.number())));
    out.properties.assign(properties.begin(), properties.end());
  }
  return out;
}

Result<Wiring> read_wiring(HeaderReader& in) {
  Wiring out;
  const std::size_t coders = TRY(in.count(limits::k7zCodersMax, "coders"));
  if (coders == 0) return invalid("7z: a folder without a coder");
  for (std::size_t i = 0; i < coders; ++i) {
    Coder coder = TRY(read_coder(in, out));
    out.coders.push_back(std::move(coder));
  }
  if (out.outputs == 0 || out.inputs + 1 < out.outputs) return invalid("7z: a folder that makes nothing");
  for (std::uint64_t i = 0; i + 1 < out.outputs; ++i) {
    const std::uint64_t input = TRY(in.number());
    const std::uint64_t output = TRY(in.number());
    out.pairs.emplace_back(input, output);
  }
  out.packed = out.inputs - out.pairs.size();
  if (out.packed == 1) {
    const auto is_bound = [&](std::uint64_t input) {
      return std::ranges::any_of(out.pairs, [&](const auto& pair) { return pair.first == input; });
    };
    while (out.first_packed < out.inputs && is_bound(out.first_packed)) ++out.first_packed;
  } else {
    for (std::uint64_t i = 0; i < out.packed; ++i) TRY(in.number());
  }
  return out;
}

// Why a coder is not opened; empty when it is.
std::string why_shut(const Coder& coder) {
  if (kind_of(coder.id) != Kind::kShut) return {};
  const KnownCoder* const known = coder_of(coder.id);
  if (known == nullptr) return "is packed by coder " + std::to_string(coder.id) + ", which is not opened";
  return known->name == "encryption" ? "is encrypted"
                                     : "is packed by " + std::string(known->name) + ", which is not opened";
}

// The coders in the order of unpacking, from the one that reads the file on.
Folder chain_of(const Wiring& wiring, const std::vector<std::uint64_t>& sizes) {
  Folder out;
  for (const Coder& coder : wiring.coders) {
    if (out.shut.empty()) out.shut = why_shut(coder);
  }
  if (!out.shut.empty()) return out;
  if (!wiring.simple || wiring.packed != 1) {
    out.shut = "is packed by coders that are no chain";
    return out;
  }
  std::uint64_t at = wiring.first_packed;
  while (at < wiring.coders.size() && out.chain.size() < wiring.coders.size()) {
    Coder coder = wiring.coders[static_cast<std::size_t>(at)];
    coder.size = sizes[static_cast<std::size_t>(at)];
    out.chain.push_back(std::move(coder));
    const auto next = std::ranges::find_if(wiring.pairs, [&](const auto& pair) { return pair.second == at; });
    if (next == wiring.pairs.end()) break;
    at = next->first;
  }
  if (out.chain.size() != wiring.coders.size()) out.shut = "is packed by coders that are no chain";
  return out;
}

Result<void> read_folders(HeaderReader& in, Streams& out) {
  TRY(in.expect(kFolder));
  const std::size_t count = TRY(in.count(limits::k7zFoldersMax, "folders"));
  if (TRY(in.id()) != 0) return invalid("7z: folders that stand in another stream");
  std::vector<Wiring> wirings;
  for (std::size_t i = 0; i < count; ++i) {
    Wiring wiring = TRY(read_wiring(in));
    wirings.push_back(std::move(wiring));
  }
  TRY(in.expect(kCodersSize));
  for (const Wiring& wiring : wirings) {
    std::vector<std::uint64_t> sizes;
    for (std::uint64_t i = 0; i < wiring.outputs; ++i) sizes.push_back(TRY(in.number()));
    out.folders.push_back(chain_of(wiring, sizes));
    out.inputs.push_back(wiring.packed);
  }
  out.checked.assign(count, false);
  std::uint8_t id = TRY(in.id());
  if (id == kDigest) {
    out.checked = TRY(in.digests(count));
    id = TRY(in.id());
  }
  return id == kEnd ? Result<void>() : invalid("7z: field " + std::to_string(id) + " among folders");
}

// How many members each folder holds, and how large they are; the last one takes what is left.
Result<void> read_parts(HeaderReader& in, Streams& out) {
  std::vector<std::size_t> counts(out.folders.size(), 1);
  std::uint8_t id = TRY(in.id());
  std::size_t members = out.folders.size();
  if (id == kStreamCount) {
    members = 0;
    for (std::size_t& count : counts) {
      count = TRY(in.count(limits::kArchiveMembersMax - members, "members"));
      members += count;
    }
    id = TRY(in.id());
  }
  for (std::size_t f = 0; f < counts.size(); ++f) {
    std::uint64_t at = 0;
    const std::uint64_t size = out.folders[f].size();
    for (std::size_t i = 0; i < counts[f]; ++i) {
      std::uint64_t part = size - at;
      if (i + 1 < counts[f]) {
        if (id != kSize) return invalid("7z: members without sizes");
        part = TRY(in.number());
      }
      // The sizes of a folder that stays shut are not known.
      if (out.folders[f].shut.empty() && part > size - at) return invalid("7z: members past their folder");
      out.parts.push_back({f, at, part});
      at += part;
    }
  }
  if (id == kSize) id = TRY(in.id());
  if (id == kDigest) {
    std::size_t unchecked = 0;
    for (std::size_t f = 0; f < counts.size(); ++f)
      unchecked += counts[f] == 1 && out.checked[f] ? 0 : counts[f];
    TRY(in.digests(unchecked));
    id = TRY(in.id());
  }
  return id == kEnd ? Result<void>() : invalid("7z: field " + std::to_string(id) + " among members");
}

Result<Streams> read_streams(HeaderReader& in) {
  Streams out;
  bool has_parts = false;
  while (true) {
    const std::uint8_t id = TRY(in.id());
    if (id == kEnd) break;
    if (id == kPackInfo && out.packed.empty()) {
      TRY(read_packed(in, out));
    } else if (id == kUnpackInfo && out.folders.empty()) {
      TRY(read_folders(in, out));
    } else if (id == kSubStreams && !has_parts) {
      has_parts = true;
      TRY(read_parts(in, out));
    } else {
      return invalid("7z: field " + std::to_string(id) + " among streams");
    }
  }
  for (std::size_t f = 0; !has_parts && f < out.folders.size(); ++f) {
    out.parts.push_back({f, 0, out.folders[f].size()});
  }
  return out;
}

// Lays the folders over the packed streams, and holds those to the file.
Result<void> place(Streams& streams, std::uint64_t file_size, std::vector<Stretch>& used) {
  if (streams.packed_at > file_size - kSignatureBytes) return invalid("7z: packed streams past the end");
  std::uint64_t at = kSignatureBytes + streams.packed_at;
  std::size_t next = 0;
  for (std::size_t f = 0; f < streams.folders.size(); ++f) {
    Folder& folder = streams.folders[f];
    folder.offset = at;
    for (std::uint64_t i = 0; i < streams.inputs[f]; ++i, ++next) {
      if (next >= streams.packed.size() || streams.packed[next] > file_size - at) {
        return invalid("7z: folder " + std::to_string(f) + " is packed past the end of the file");
      }
      at += streams.packed[next];
    }
    folder.length = at - folder.offset;
    used.push_back({folder.offset, folder.length});
  }
  return {};
}

Result<std::vector<std::string>> read_names(BytesView data, std::size_t count) {
  if (data.empty() || data[0] != 0) return invalid("7z: names that stand in another stream");
  std::vector<std::string> out;
  std::string name;
  for (std::size_t at = 1; at + 1 < data.size() && out.size() < count; at += 2) {
    const auto unit = [&](std::size_t i) -> std::uint32_t { return data[i] | data[i + 1] << 8; };
    std::uint32_t code = unit(at);
    if (code == 0) {
      out.push_back(std::exchange(name, {}));
      continue;
    }
    if (code >= 0xD800 && code < 0xDC00 && at + 3 < data.size() && (unit(at + 2) & 0xFC00) == 0xDC00) {
      code = 0x10000 + ((code & 0x3FF) << 10 | (unit(at + 2) & 0x3FF));
      at += 2;
    }
    append_utf8(name, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
  }
  return out.size() == count ? Result<std::vector<std::string>>(std::move(out))
                             : invalid("7z: names are missing");
}

// Which files are symbolic links, by the permissions of Unix in the upper half of their attributes.
Result<std::vector<bool>> read_links(BytesView data, std::size_t count) {
  constexpr std::uint32_t kHasMode = 0x8000;
  HeaderReader in(data);
  const std::vector<bool> defined = TRY(in.defined(count));
  if (TRY(in.id()) != 0) return invalid("7z: attributes that stand in another stream");
  std::vector<bool> out(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    if (!defined[i]) continue;
    const BytesView value = TRY(in.take(4));
    const std::uint32_t mode = value[2] | value[3] << 8;
    out[i] = (value[1] & kHasMode >> 8) != 0 && (mode & 0xF000) == 0xA000;
  }
  return out;
}

Result<void> read_files(HeaderReader& in, const Streams& streams, Archive& out) {
  const std::size_t count = TRY(in.count(limits::kArchiveMembersMax, "members"));
  std::vector<std::string> names;
  std::vector<bool> empty(count, false), links(count, false);
  for (std::uint8_t id = TRY(in.id()); id != kEnd; id = TRY(in.id())) {
    HeaderReader field(TRY(in.take(TRY(in.number()))));
    if (id == kEmptyStream) {
      empty = TRY(field.bits(count));
    } else if (id == kNames) {
      names = TRY(read_names(TRY(field.take(field.remaining())), count));
    } else if (id == kAttributes) {
      links = TRY(read_links(TRY(field.take(field.remaining())), count));
    }
  }
  names.resize(count);
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (empty[i]) {
      out.empty.push_back(std::move(names[i]));
      continue;
    }
    if (next >= streams.parts.size()) return invalid("7z: more members than streams");
    const Part& part = streams.parts[next++];
    out.members.push_back({.name = std::move(names[i]),
                           .folder = part.folder,
                           .offset = part.offset,
                           .size = part.size,
                           .symbolic = links[i]});
  }
  return next == streams.parts.size() ? Result<void>() : invalid("7z: streams that belong to no member");
}

Result<Archive> read_header(HeaderReader& in, std::uint64_t file_size) {
  Archive out;
  Streams streams;
  for (std::uint8_t id = TRY(in.id()); id != kEnd; id = TRY(in.id())) {
    if (id == kArchiveProperties) {
      for (std::uint8_t type = TRY(in.id()); type != kEnd; type = TRY(in.id())) {
        TRY(in.take(TRY(in.number())));
      }
    } else if (id == kMainStreams && streams.folders.empty()) {
      streams = TRY(read_streams(in));
      TRY(place(streams, file_size, out.used));
    } else if (id == kFiles && out.members.empty()) {
      TRY(read_files(in, streams, out));
    } else {
      return invalid("7z: field " + std::to_string(id) + " in the header");
    }
  }
  if (in.remaining() > 0) return invalid("7z: bytes behind the end of the header");
  out.folders = std::move(streams.folders);
  return out;
}

// The header that is packed in another one.
Result<Bytes> unpack_header(HeaderReader& in, BytesView file, std::vector<Stretch>& used) {
  Streams streams = TRY(read_streams(in));
  TRY(place(streams, file.size(), used));
  if (streams.folders.size() != 1) return invalid("7z: a packed header of several folders");
  const Folder& folder = streams.folders.front();
  if (!folder.shut.empty()) return fail(ErrorKind::kUnsupported, "7z: the header " + folder.shut);
  Inflated unpacked = unpack(file, folder, limits::k7zHeaderBytesMax);
  if (unpacked.error) return within("7z: the header", *unpacked.error);
  return std::move(unpacked.bytes);
}

}  // namespace

bool is_7z(BytesView bytes) { return as_text(bytes).starts_with(kMagic); }

Result<Archive> parse(BytesView bytes) {
  if (!is_7z(bytes) || bytes.size() < kSignatureBytes) return invalid("7z: no signature header");
  Reader start(bytes, 12);
  const std::uint64_t offset = TRY(start.u64_le());
  const std::uint64_t size = TRY(start.u64_le());
  std::vector<Stretch> used{{0, kSignatureBytes}};
  if (size == 0 && offset == 0) return Archive{.used = std::move(used)};
  const std::uint64_t left = bytes.size() - kSignatureBytes;
  if (offset > left || size > left - offset) return invalid("7z: the header lies past the end of the file");
  used.push_back({kSignatureBytes + offset, size});
  const BytesView plain =
      bytes.subspan(static_cast<std::size_t>(kSignatureBytes + offset), static_cast<std::size_t>(size));
  Bytes header(plain.begin(), plain.end());
  for (int depth = 0; depth < limits::k7zHeaderDepthMax; ++depth) {
    HeaderReader in(header);
    const std::uint8_t id = TRY(in.id());
    if (id == kHeader) {
      Archive out = TRY(read_header(in, bytes.size()));
      out.used.insert(out.used.end(), used.begin(), used.end());
      return out;
    }
    if (id != kEncodedHeader) return invalid("7z: no header at its place");
    header = TRY(unpack_header(in, bytes, used));
  }
  return fail(ErrorKind::kLimit, "7z: headers are packed in one another too often");
}

}  // namespace sallyport::formats::sevenzip
