#include "formats/git.h"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>

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

Result<Bytes> inflate_exactly(Reader& reader, BytesView all, std::uint64_t size, std::size_t room) {
  if (size > room) return too_large();
  Inflated inflated = inflate(all.subspan(reader.offset()), Wrapper::kZlib, static_cast<std::size_t>(size));
  if (inflated.error) return std::unexpected(*inflated.error);
  if (inflated.bytes.size() != size) return invalid("git: object of another size than announced");
  TRY(reader.take(inflated.consumed));
  return std::move(inflated.bytes);
}

}  // namespace

ObjectId object_id(ObjectType type, BytesView bytes) {
  // SHA-1 is git's name for the object, not our evidence of anything.
  const std::string header =
      std::string(kTypeNames[static_cast<std::size_t>(type)]) + " " + std::to_string(bytes.size());
  ObjectId id{};
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha1(), nullptr);
  EVP_DigestUpdate(context, header.c_str(), header.size() + 1);
  EVP_DigestUpdate(context, bytes.data(), bytes.size());
  EVP_DigestFinal_ex(context, id.data(), nullptr);
  EVP_MD_CTX_free(context);
  return id;
}

Result<ObjectId> Objects::add(ObjectType type, Bytes bytes) {
  if (bytes.size() > limits::kRepositoryBytesMax - bytes_ ||
      objects_.size() >= limits::kRepositoryObjectsMax) {
    return too_large();
  }
  const ObjectId id = object_id(type, bytes);
  const std::size_t size = bytes.size();
  if (objects_.try_emplace(id, Object{.type = type, .bytes = std::move(bytes)}).second) bytes_ += size;
  return id;
}

const Object* Objects::find(const ObjectId& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
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
  TRY(add(static_cast<ObjectType>(type - kTypeNames.begin()),
          Bytes(inflated.bytes.begin() + static_cast<std::ptrdiff_t>(end) + 1, inflated.bytes.end())));
  return {};
}

Result<void> Objects::add_pack(BytesView pack) {
  Reader reader(pack);
  const BytesView magic = TRY(reader.take(4));
  const std::uint32_t version = TRY(reader.u32_be());
  const std::uint32_t count = TRY(reader.u32_be());
  if (as_text(magic) != "PACK" || (version != 2 && version != 3)) return invalid("git: no pack");
  std::map<std::uint64_t, ObjectId> by_offset;
  std::vector<std::pair<std::uint64_t, Delta>> orphans;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = reader.offset();
    const EntryHeader header = TRY(entry_header(reader));
    Delta delta;
    bool base_known = true;
    if (header.type == kOffsetDelta) {
      const std::uint64_t back = TRY(back_offset(reader));
      const auto base = by_offset.find(at - back);
      base_known = back <= at && base != by_offset.end();
      if (base_known) delta.base = base->second;
    } else if (header.type == kReferenceDelta) {
      delta.base = TRY(read_id(reader));
    } else if (header.type < 1 || header.type > 4) {
      return invalid("git: pack entry of an unknown type");
    }
    Bytes bytes = TRY(inflate_exactly(reader, pack, header.size, limits::kRepositoryBytesMax - bytes_));
    if (header.type < kOffsetDelta) {
      by_offset[at] = TRY(add(static_cast<ObjectType>(header.type), std::move(bytes)));
      continue;
    }
    const Object* base = base_known ? find(delta.base) : nullptr;
    if (base != nullptr) {
      Bytes made = TRY(apply_delta(base->bytes, bytes, limits::kRepositoryBytesMax - bytes_));
      by_offset[at] = TRY(add(base->type, std::move(made)));
      continue;
    }
    if (header.type == kOffsetDelta) return invalid("git: delta without its base in the pack");
    delta.bytes = std::move(bytes);
    waiting_.push_back(std::move(delta));
  }
  return {};
}

Result<std::size_t> Objects::resolve() {
  bool progress = true;
  while (progress && !waiting_.empty()) {
    progress = false;
    std::vector<Delta> left;
    for (Delta& delta : waiting_) {
      const Object* base = find(delta.base);
      if (base == nullptr) {
        left.push_back(std::move(delta));
        continue;
      }
      Bytes made = TRY(apply_delta(base->bytes, delta.bytes, limits::kRepositoryBytesMax - bytes_));
      TRY(add(base->type, std::move(made)));
      progress = true;
    }
    waiting_ = std::move(left);
  }
  return waiting_.size();
}

Result<Bytes> apply_delta(BytesView base, BytesView delta, std::size_t bytes_max) {
  Reader reader(delta);
  const std::uint64_t base_size = TRY(varint(reader));
  const std::uint64_t size = TRY(varint(reader));
  if (base_size != base.size()) return invalid("git: delta for another base");
  if (size > bytes_max) return too_large();
  Bytes out;
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

Result<std::vector<TreeEntry>> read_tree(BytesView bytes) {
  std::vector<TreeEntry> out;
  Reader reader(bytes);
  while (!reader.done()) {
    const std::string_view mode = TRY(reader.until(' '));
    TreeEntry entry;
    const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), entry.mode, 8);
    if (error != std::errc() || end != mode.data() + mode.size())
      return invalid("git: tree entry without a mode");
    entry.name = TRY(reader.until('\0'));
    entry.id = TRY(read_id(reader));
    out.push_back(std::move(entry));
  }
  return out;
}

Result<Commit> read_commit(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  Commit out;
  const std::size_t head_end = std::min(text.find("\n\n"), text.size());
  std::string_view head = text.substr(0, head_end);
  out.message = text.substr(std::min(head_end + 2, text.size()));
  if (!head.starts_with("tree ")) return invalid("git: commit without a tree");
  const Bytes id = TRY(from_hex(head.substr(5, 2 * out.tree.size())));
  if (id.size() != out.tree.size()) return invalid("git: commit without a tree");
  std::copy(id.begin(), id.end(), out.tree.begin());
  if (const std::size_t at = head.find("\ncommitter "); at != std::string_view::npos) {
    const std::string_view line = head.substr(at + 1, head.find('\n', at + 1) - at - 1);
    const std::size_t time = line.find("> ");
    if (time != std::string_view::npos) {
      std::from_chars(line.data() + time + 2, line.data() + line.size(), out.committed_unix_s);
    }
  }
  return out;
}

}  // namespace sallyport::formats::git
