#include "formats/git.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "core/limits.h"
#include "formats/inflate.h"

namespace sallyport::formats::git {
namespace {

constexpr std::array<std::string_view, 5> kTypeNames{"", "commit", "tree", "blob", "tag"};
constexpr int kOffsetDelta = 6;
constexpr int kReferenceDelta = 7;

// A number in groups of seven bits, least significant first.
Result<std::uint64_t> varint(Reader& reader) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    const std::uint64_t byte = TRY(reader.u8());
    value |= (byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return invalid("git: number too long");
}

struct EntryHeader {
  int type = 0;
  std::uint64_t size = 0;
};

Result<EntryHeader> entry_header(Reader& reader) {
  std::uint64_t byte = TRY(reader.u8());
  EntryHeader header{.type = static_cast<int>(byte >> 4 & 7), .size = byte & 0xF};
  for (int shift = 4; (byte & 0x80) != 0; shift += 7) {
    if (shift > 56) return invalid("git: object size too long");
    byte = TRY(reader.u8());
    header.size |= (byte & 0x7F) << shift;
  }
  return header;
}

// The distance back to the base of an offset delta.
Result<std::uint64_t> back_offset(Reader& reader) {
  std::uint64_t byte = TRY(reader.u8());
  std::uint64_t value = byte & 0x7F;
  while ((byte & 0x80) != 0) {
    if (value >> 55 != 0) return invalid("git: offset too long");
    byte = TRY(reader.u8());
    value = (value + 1) << 7 | (byte & 0x7F);
  }
  return value;
}

Result<ObjectId> read_id(Reader& reader) {
  ObjectId id;
  const BytesView bytes = TRY(reader.take(id.size()));
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return id;
}

std::unexpected<Error> too_large() {
  return fail(ErrorKind::kLimit,
              "git: more than " + std::to_string(limits::kRepositoryBytesMax) + " bytes of objects");
}

// One decoder for all entries of a pack: making one costs more than a small object.
class Decoder {
 public:
  Decoder() { ready_ = inflateInit(&z_) == Z_OK; }
  ~Decoder() {
    if (ready_) inflateEnd(&z_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Exactly `size` bytes from the front of `input`; what was consumed is added to `consumed`.
  Result<Bytes> run(BytesView input, std::size_t size, std::uint64_t& consumed) {
    if (!ready_ || inflateReset(&z_) != Z_OK) return fail(ErrorKind::kIo, "git: out of memory");
    Bytes out(size);
    std::uint8_t beyond = 0;
    std::size_t read = 0, made = 0;
    int status = Z_OK;
    while (status == Z_OK) {
      const std::size_t feed = std::min<std::size_t>(input.size() - read, 1U << 30);
      const std::size_t room = std::min<std::size_t>(size - made, 1U << 30);
      z_.next_in = const_cast<std::uint8_t*>(input.data() + read);
      z_.avail_in = static_cast<uInt>(feed);
      z_.next_out = room > 0 ? out.data() + made : &beyond;
      z_.avail_out = room > 0 ? static_cast<uInt>(room) : 1;
      status = ::inflate(&z_, Z_NO_FLUSH);
      read += feed - z_.avail_in;
      if (room == 0 && z_.avail_out == 0) return another_size();
      if (room > 0) made += room - z_.avail_out;
    }
    if (status != Z_STREAM_END) return invalid("git: damaged stream");
    if (made != size) return another_size();
    consumed += read;
    return out;
  }

 private:
  static std::unexpected<Error> another_size() {
    return invalid("git: object of another size than announced");
  }

  z_stream z_{};
  bool ready_ = false;
};

Result<Bytes> inflate_exactly(Reader& reader, BytesView all, std::uint64_t size, std::size_t room) {
  thread_local Decoder decoder;
  if (size > room) return too_large();
  std::uint64_t consumed = 0;
  Bytes bytes = TRY(decoder.run(all.subspan(reader.offset()), static_cast<std::size_t>(size), consumed));
  TRY(reader.take(consumed));
  return bytes;
}

}  // namespace

ObjectId object_id(ObjectType type, BytesView bytes) {
  // SHA-1 is git's name for the object, not our evidence of anything.
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  thread_local const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  const std::string header =
      std::string(kTypeNames[static_cast<std::size_t>(type)]) + " " + std::to_string(bytes.size());
  ObjectId id{};
  EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr);
  EVP_DigestUpdate(context.get(), header.c_str(), header.size() + 1);
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  EVP_DigestFinal_ex(context.get(), id.data(), nullptr);
  return id;
}

Result<const Objects::Map::value_type*> Objects::add(ObjectType type, Bytes bytes) {
  // A thousand deltas may make one object a thousand times, which costs no memory but time.
  constexpr std::uint64_t kWorkMax = 4 * limits::kRepositoryBytesMax;
  work_ += bytes.size();
  if (bytes.size() > limits::kRepositoryBytesMax - bytes_ || work_ > kWorkMax ||
      objects_.size() >= limits::kRepositoryObjectsMax) {
    return too_large();
  }
  const ObjectId id = object_id(type, bytes);
  const std::size_t size = bytes.size();
  const auto [at, fresh] = objects_.try_emplace(id, Object{.type = type, .bytes = std::move(bytes)});
  if (fresh) bytes_ += size;
  return &*at;
}

const Object* Objects::find(const ObjectId& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

std::vector<ObjectId> Objects::ids_of(ObjectType type) const {
  std::vector<ObjectId> out;
  for (const auto& [id, object] : objects_) {
    if (object.type == type) out.push_back(id);
  }
  std::ranges::sort(out);
  return out;
}

Bytes Objects::take(const ObjectId& id) {
  const auto found = objects_.find(id);
  return found == objects_.end() ? Bytes() : std::exchange(found->second.bytes, {});
}

Result<void> Objects::add_loose(BytesView file) {
  Inflated inflated = inflate(file, Wrapper::kZlib, limits::kRepositoryBytesMax - bytes_);
  if (inflated.over_budget) return too_large();
  if (inflated.error) return std::unexpected(*inflated.error);
  const std::string_view text = as_text(inflated.bytes);
  const std::size_t blank = text.find(' ');
  const std::size_t end = text.find('\0');
  if (blank == std::string_view::npos || end == std::string_view::npos || end < blank)
    return invalid("git: object without a header");
  const auto type = std::find(kTypeNames.begin() + 1, kTypeNames.end(), text.substr(0, blank));
  if (type == kTypeNames.end()) return invalid("git: object of an unknown type");
  const auto begin = inflated.bytes.begin() + static_cast<std::ptrdiff_t>(end) + 1;
  const auto* made =
      TRY(add(static_cast<ObjectType>(type - kTypeNames.begin()), Bytes(begin, inflated.bytes.end())));
  return settle({made});
}

Result<void> Objects::add_pack(BytesView pack) {
  Reader reader(pack);
  const BytesView magic = TRY(reader.take(4));
  const std::uint32_t version = TRY(reader.u32_be());
  const std::uint32_t count = TRY(reader.u32_be());
  if (as_text(magic) != "PACK" || (version != 2 && version != 3)) return invalid("git: no pack");
  made_.clear();
  ++packs_;
  for (std::uint32_t i = 0; i < count; ++i) TRY(add_entry(pack, reader, packs_));
  return {};
}

Result<void> Objects::add_entry(BytesView pack, Reader& reader, std::uint32_t number) {
  const Place place{number, reader.offset()};
  const EntryHeader header = TRY(entry_header(reader));
  Place base_place{number, 0};
  ObjectId base_id{};
  if (header.type == kOffsetDelta) {
    const std::uint64_t back = TRY(back_offset(reader));
    if (back == 0 || back > place.offset) return invalid("git: delta whose base is outside of the pack");
    base_place.offset = place.offset - back;
  } else if (header.type == kReferenceDelta) {
    base_id = TRY(read_id(reader));
  } else if (header.type < 1 || header.type > 4) {
    return invalid("git: pack entry of an unknown type");
  }
  Bytes bytes = TRY(inflate_exactly(reader, pack, header.size, limits::kRepositoryBytesMax - bytes_));
  if (header.type < kOffsetDelta) {
    return settle({TRY(add(static_cast<ObjectType>(header.type), std::move(bytes))), place});
  }
  const Map::value_type* base = nullptr;
  if (header.type == kOffsetDelta) {
    const auto known = made_.find(base_place);
    if (known != made_.end()) base = known->second;
  } else if (const auto known = objects_.find(base_id); known != objects_.end()) {
    base = &*known;
  }
  Delta delta{place, std::move(bytes)};
  if (base == nullptr) {
    return wait(header.type == kOffsetDelta ? by_place_[base_place] : by_base_[base_id], std::move(delta));
  }
  Bytes made = TRY(apply_delta(base->second.bytes, delta.bytes, limits::kRepositoryBytesMax - bytes_));
  return settle({TRY(add(base->second.type, std::move(made))), place});
}

Result<void> Objects::wait(std::vector<Delta>& queue, Delta delta) {
  bytes_ += delta.bytes.size();
  ++waiting_;
  queue.push_back(std::move(delta));
  return {};
}

// Applies the deltas that waited for an object, and those that waited for what they make.
Result<void> Objects::settle(Made first) {
  std::vector<Made> open{first};
  while (!open.empty()) {
    const Made made = open.back();
    open.pop_back();
    if (made.place.pack != 0) made_[made.place] = made.object;
    if (waiting_ == 0) continue;
    std::vector<Delta> ready;
    const auto take = [&](auto& queues, const auto& key) {
      const auto found = queues.find(key);
      if (found == queues.end()) return;
      for (Delta& delta : found->second) ready.push_back(std::move(delta));
      queues.erase(found);
    };
    take(by_base_, made.object->first);
    take(by_place_, made.place);
    for (const Delta& delta : ready) {
      bytes_ -= delta.bytes.size();
      --waiting_;
    }
    for (const Delta& delta : ready) {
      const Object& base = made.object->second;
      Bytes bytes = TRY(apply_delta(base.bytes, delta.bytes, limits::kRepositoryBytesMax - bytes_));
      open.push_back({TRY(add(base.type, std::move(bytes))), delta.place});
    }
  }
  return {};
}

Result<Bytes> apply_delta(BytesView base, BytesView delta, std::size_t bytes_max) {
  Reader reader(delta);
  const std::uint64_t base_size = TRY(varint(reader));
  const std::uint64_t size = TRY(varint(reader));
  if (base_size != base.size()) return invalid("git: delta for another base");
  if (size > bytes_max) return too_large();
  Bytes out;
  // What is announced is believed once the delta could make it: a copy is seven bytes for 16 MiB at most.
  out.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(size, 64 * limits::kMiB)));
  while (!reader.done()) {
    const std::uint8_t command = TRY(reader.u8());
    std::uint64_t offset = 0;
    std::uint64_t length = command;
    BytesView source;
    if ((command & 0x80) != 0) {
      length = 0;
      for (int i = 0; i < 4; ++i) {
        if ((command >> i & 1) != 0) offset |= static_cast<std::uint64_t>(TRY(reader.u8())) << (8 * i);
      }
      for (int i = 0; i < 3; ++i) {
        if ((command >> (4 + i) & 1) != 0) length |= static_cast<std::uint64_t>(TRY(reader.u8())) << (8 * i);
      }
      if (length == 0) length = 0x10000;
      if (offset > base.size() || length > base.size() - offset)
        return invalid("git: delta copies from outside of its base");
      source = base.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
    } else {
      if (command == 0) return invalid("git: delta with a reserved command");
      source = TRY(reader.take(length));
    }
    if (source.size() > size - out.size()) return invalid("git: delta makes more than it announces");
    out.insert(out.end(), source.begin(), source.end());
  }
  if (out.size() != size) return invalid("git: delta makes less than it announces");
  return out;
}

Result<void> each_tree_entry(
    BytesView bytes,
    const std::function<void(std::uint32_t mode, std::string_view name, const ObjectId& id)>& on_entry) {
  Reader reader(bytes);
  while (!reader.done()) {
    const std::string_view digits = TRY(reader.until(' '));
    std::uint32_t mode = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), mode, 8);
    if (error != std::errc() || end != digits.data() + digits.size())
      return invalid("git: tree entry without a mode");
    const std::string_view name = TRY(reader.until('\0'));
    on_entry(mode, name, TRY(read_id(reader)));
  }
  return {};
}

Result<std::vector<TreeEntry>> read_tree(BytesView bytes) {
  std::vector<TreeEntry> out;
  TRY(each_tree_entry(bytes, [&](std::uint32_t mode, std::string_view name, const ObjectId& id) {
    out.push_back({.mode = mode, .name = std::string(name), .id = id});
  }));
  return out;
}

std::optional<ObjectId> parse_id(std::string_view hex) {
  ObjectId id{};
  if (hex.size() != 2 * id.size()) return std::nullopt;
  const Result<Bytes> bytes = from_hex(hex);
  if (!bytes) return std::nullopt;
  std::ranges::copy(*bytes, id.begin());
  return id;
}

namespace {

// "Ana Example <ana@example.org> 1700000000 +0100".
Person read_person(std::string_view text) {
  Person out;
  const std::size_t open = text.find('<'), close = text.find("> ", std::min(open, text.size()));
  if (open == std::string_view::npos || close == std::string_view::npos) return out;
  out.name = text.substr(0, open == 0 ? 0 : open - 1);
  out.email = text.substr(open + 1, close - open - 1);
  std::from_chars(text.data() + close + 2, text.data() + text.size(), out.unix_s);
  return out;
}

// The headers one after the other; lines that begin with a blank go on with the one before.
void each_header(std::string_view head,
                 const std::function<void(std::string_view name, std::string_view value, std::size_t begin,
                                          std::size_t end)>& on_header) {
  for (std::size_t at = 0; at < head.size();) {
    std::size_t end = at;
    do {
      end = std::min(head.find('\n', end), head.size() - 1) + 1;
    } while (end < head.size() && head[end] == ' ');
    const std::string_view line = head.substr(at, end - at - (head[end - 1] == '\n' ? 1 : 0));
    const std::size_t blank = std::min(line.find(' '), line.size());
    on_header(line.substr(0, blank), line.substr(std::min(blank + 1, line.size())), at, end);
    at = end;
  }
}

std::string_view head_of(std::string_view commit) {
  const std::size_t end = commit.find("\n\n");
  return commit.substr(0, end == std::string_view::npos ? commit.size() : end + 1);
}

}  // namespace

Result<Commit> read_commit(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  const std::string_view head = head_of(text);
  Commit out;
  bool sound = head.starts_with("tree ");
  each_header(head, [&](std::string_view name, std::string_view value, std::size_t at, std::size_t) {
    if (name == "tree" && at == 0) {
      const auto id = parse_id(value);
      sound = sound && id.has_value();
      if (id) out.tree = *id;
    } else if (name == "parent") {
      const auto id = parse_id(value);
      if (id) out.parents.push_back(*id);
    } else if (name == "author") {
      out.author = read_person(value);
    } else if (name == "committer") {
      out.committer = read_person(value);
    } else if (name == "gpgsig") {
      for (const char c : value) {
        const bool continued = c == ' ' && out.signature.ends_with('\n');
        if (!continued) out.signature += c;
      }
    }
  });
  if (!sound) return invalid("git: commit without a tree");
  out.committed_unix_s = out.committer.unix_s;
  out.message = text.substr(std::min(head.size() + 1, text.size()));
  return out;
}

Bytes signed_payload(BytesView commit) {
  const std::string_view text = as_text(commit);
  const std::string_view head = head_of(text);
  std::string out;
  each_header(head, [&](std::string_view name, std::string_view, std::size_t begin, std::size_t end) {
    if (name != "gpgsig" && name != "gpgsig-sha256") out += head.substr(begin, end - begin);
  });
  out += text.substr(head.size());
  return to_bytes(out);
}

}  // namespace sallyport::formats::git
