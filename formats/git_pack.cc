// Packs: entries first, each inflated where it stands, then the objects that they make, level by level of
// deltas. Both on all cores.
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <unordered_set>

#include "core/limits.h"
#include "core/parallel.h"
#include "formats/git.h"

namespace sallyport::formats::git {

struct PackEntry {
  std::uint64_t offset = 0;  // of its header in the pack
  std::uint32_t pack = 0;
  int type = 0;
  std::uint64_t size = 0;         // of `bytes`, as announced
  std::uint64_t data = 0;         // offset of the stream
  std::uint64_t base_offset = 0;  // of a delta on an entry of this pack
  ObjectId base_id = {};          // of a delta on an object
  Bytes bytes = {};               // the object, or the delta; taken away once it is made
  const PackEntry* base = nullptr;
  const Objects::Map::value_type* made = nullptr;
  std::uint32_t level = 0;  // deltas between it and an object that stands for itself
  bool tried = false;       // its base was there
};

namespace {

constexpr int kOffsetDelta = 6;
constexpr int kReferenceDelta = 7;
constexpr std::size_t kPackHeaderBytes = 12;
constexpr std::uint64_t kAtOnceBytesMax = 256 * limits::kMiB;  // that the deltas of a level make at once
constexpr std::size_t kAtOnceMin = 64;                         // fewer entries are not worth threads

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

// The header of the entry that begins at the reader's place.
Result<PackEntry> read_head(Reader& reader) {
  PackEntry out{.offset = reader.offset()};
  const EntryHeader header = TRY(entry_header(reader));
  out.type = header.type;
  out.size = header.size;
  if (out.type == kOffsetDelta) {
    const std::uint64_t back = TRY(back_offset(reader));
    if (back == 0 || back > out.offset) return invalid("git: delta whose base is outside of the pack");
    out.base_offset = out.offset - back;
  } else if (out.type == kReferenceDelta) {
    out.base_id = TRY(read_id(reader));
  } else if (out.type < 1 || out.type > 4) {
    return invalid("git: pack entry of an unknown type");
  }
  out.data = reader.offset();
  return out;
}

// How many bytes the entry's stream takes.
Result<std::uint64_t> read_body(BytesView pack, PackEntry& entry) {
  thread_local Decoder decoder;
  std::uint64_t consumed = 0;
  entry.bytes = TRY(decoder.run(pack.subspan(static_cast<std::size_t>(entry.data)),
                                static_cast<std::size_t>(entry.size), consumed));
  return consumed;
}

struct Entries {
  std::vector<PackEntry> read = {};
  Result<void> all = {};  // why there are no more
};

// One after the other: where the next one begins, only the end of the one before tells.
Entries read_in_order(BytesView pack, std::uint32_t count, std::size_t bytes_max) {
  Entries out;
  Reader reader(pack, kPackHeaderBytes);
  std::size_t bytes = 0;
  const auto next = [&]() -> Result<void> {
    PackEntry entry = TRY(read_head(reader));
    if (entry.size > bytes_max - bytes) return Objects::too_large();
    TRY(reader.take(TRY(read_body(pack, entry))));
    bytes += entry.bytes.size();
    out.read.push_back(std::move(entry));
    return {};
  };
  for (std::uint32_t i = 0; i < count && out.all; ++i) out.all = next();
  return out;
}

// All at once, each where the index has it. Nothing when the entries do not stand there one behind the other.
std::optional<Entries> read_at(BytesView pack, std::uint32_t count, std::span<const std::uint64_t> offsets,
                               std::size_t bytes_max, unsigned threads) {
  if (offsets.size() != count || count == 0 || offsets.front() != kPackHeaderBytes) return std::nullopt;
  Entries out;
  out.read.reserve(count);
  std::size_t bytes = 0;
  for (const std::uint64_t offset : offsets) {
    if (offset >= pack.size()) return std::nullopt;
    Reader reader(pack, static_cast<std::size_t>(offset));
    Result<PackEntry> entry = read_head(reader);
    if (!entry || entry->size > bytes_max - bytes) return std::nullopt;
    bytes += static_cast<std::size_t>(entry->size);
    out.read.push_back(std::move(*entry));
  }
  std::atomic<bool> true_so_far{true};
  parallel_for(
      count,
      [&](std::size_t i) {
        if (!true_so_far) return;
        PackEntry& entry = out.read[i];
        const Result<std::uint64_t> consumed = read_body(pack, entry);
        const bool last = i + 1 == count;
        if (!consumed || (!last && entry.data + *consumed != offsets[i + 1])) true_so_far = false;
      },
      threads);
  if (!true_so_far) return std::nullopt;
  return out;
}

// Deltas find their base among the entries, which are in the order of their offsets.
void link_bases(std::vector<PackEntry>& entries) {
  for (PackEntry& entry : entries) {
    if (entry.type != kOffsetDelta) continue;
    const auto at = std::ranges::lower_bound(entries, entry.base_offset, {}, &PackEntry::offset);
    if (at->offset != entry.base_offset) continue;
    entry.base = &*at;
    entry.level = at->level + 1;
  }
}

// What the delta says that it makes; 0 when it says nothing.
std::uint64_t announced(BytesView delta) {
  Reader reader(delta);
  const Result<std::uint64_t> base = varint(reader);
  const Result<std::uint64_t> size = base ? varint(reader) : Result<std::uint64_t>(0);
  return size ? *size : 0;
}

}  // namespace

Result<void> Objects::add_pack(BytesView pack, std::span<const std::uint64_t> offsets, unsigned threads) {
  packed_.clear();
  Reader reader(pack);
  const BytesView magic = TRY(reader.take(4));
  const std::uint32_t version = TRY(reader.u32_be());
  const std::uint32_t count = TRY(reader.u32_be());
  if (as_text(magic) != "PACK" || (version != 2 && version != 3)) return invalid("git: no pack");
  made_.clear();
  ++packs_;
  const std::size_t room = limits::kRepositoryBytesMax - bytes_;
  std::optional<Entries> entries = read_at(pack, count, offsets, room, threads);
  if (!entries) entries = read_in_order(pack, count, room);
  for (PackEntry& entry : entries->read) {
    entry.pack = packs_;
    bytes_ += entry.bytes.size();
  }
  Result<void> added = add_entries(entries->read, threads);
  if (!added) return added;
  if (entries->all) list_packed(entries->read);
  return std::move(entries->all);
}

void Objects::list_packed(const std::vector<PackEntry>& entries) {
  std::unordered_set<ObjectId, IdHash> bases, own;
  packed_.reserve(entries.size());
  for (const PackEntry& entry : entries) {
    const auto late = entry.made == nullptr ? made_.find({entry.pack, entry.offset}) : made_.end();
    if (entry.made == nullptr && late == made_.end()) return packed_.clear();
    packed_.push_back({entry.offset, entry.made != nullptr ? entry.made->first : late->second->first});
    if (entry.type == kReferenceDelta) bases.insert(entry.base_id);
  }
  for (std::size_t i = 0; i < packed_.size() && !bases.empty(); ++i) own.insert(packed_[i].id);
  const auto foreign = [&](const ObjectId& id) { return !own.contains(id); };
  if (std::ranges::any_of(bases, foreign)) packed_.clear();
}

// Objects that stand for themselves, then the deltas on them, the deltas on those, and at last what has its
// base elsewhere. The first error, and all that is there in spite of it.
Result<void> Objects::add_entries(std::vector<PackEntry>& entries, unsigned threads) {
  link_bases(entries);
  std::vector<PackEntry*> order;
  for (PackEntry& entry : entries) {
    if (entry.type < kOffsetDelta || entry.base != nullptr) order.push_back(&entry);
  }
  std::ranges::stable_sort(order, {}, &PackEntry::level);
  Result<void> out;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    std::uint64_t bytes = 0;
    while (end < order.size() && order[end]->level == order[begin]->level &&
           (end == begin || bytes < kAtOnceBytesMax)) {
      bytes += order[end]->base == nullptr ? 0 : announced(order[end]->bytes);
      ++end;
    }
    const Result<void> added = add_level(std::span(order).subspan(begin, end - begin), threads);
    if (out && !added) out = added;
    begin = end;
  }
  const auto is_late = [](const PackEntry& entry) { return !entry.tried; };
  if (std::ranges::none_of(entries, is_late)) return out;
  for (const PackEntry& entry : entries) {
    if (entry.made != nullptr) made_[{entry.pack, entry.offset}] = entry.made;
  }
  for (PackEntry& entry : entries) {
    if (!is_late(entry)) continue;
    const Result<void> added = add_late(entry);
    if (out && !added) out = added;
  }
  return out;
}

// Entries none of which is the base of another. One whose base failed stays as it is.
Result<void> Objects::add_level(std::span<PackEntry* const> level, unsigned threads) {
  struct Product {
    ObjectId id = {};
    ObjectType type = ObjectType::kBlob;
    Result<Bytes> bytes = Bytes();
  };
  std::vector<Product> products(level.size());
  const std::size_t room = limits::kRepositoryBytesMax - bytes_;
  const auto make = [&](std::size_t i) {
    PackEntry& entry = *level[i];
    Product& product = products[i];
    if (entry.base == nullptr) {
      product.type = static_cast<ObjectType>(entry.type);
      product.bytes = std::move(entry.bytes);
    } else if (entry.base->made != nullptr) {
      const Object& base = entry.base->made->second;
      product.type = base.type;
      product.bytes = apply_delta(base.bytes, entry.bytes, room);
    } else {
      return;
    }
    if (product.bytes) product.id = object_id(product.type, *product.bytes);
  };
  parallel_for(level.size(), make, level.size() < kAtOnceMin ? 1 : threads);
  Result<void> out;
  for (std::size_t i = 0; i < level.size(); ++i) {
    PackEntry& entry = *level[i];
    if (entry.base != nullptr && entry.base->made == nullptr) continue;
    bytes_ -= static_cast<std::size_t>(entry.size);
    entry.bytes = {};
    entry.tried = true;
    const auto added = products[i].bytes
                           ? add(products[i].type, products[i].id, std::move(*products[i].bytes))
                           : Result<const Map::value_type*>(std::unexpected(products[i].bytes.error()));
    if (!added) {
      if (out) out = std::unexpected(added.error());
      continue;
    }
    entry.made = *added;
    if (waiting_ == 0) continue;
    const Result<void> settled = settle({*added, {entry.pack, entry.offset}});
    if (out && !settled) out = settled;
  }
  return out;
}

// A delta whose base is an object of another pack, or of this one behind such a delta.
Result<void> Objects::add_late(PackEntry& entry) {
  bytes_ -= entry.bytes.size();
  const Place place{entry.pack, entry.offset};
  const Place base_place{entry.pack, entry.base_offset};
  const Map::value_type* base = nullptr;
  if (entry.type == kOffsetDelta) {
    const auto known = made_.find(base_place);
    if (known != made_.end()) base = known->second;
  } else if (const auto known = objects_.find(entry.base_id); known != objects_.end()) {
    base = &*known;
  }
  Delta delta{place, std::move(entry.bytes)};
  if (base == nullptr) {
    return wait(entry.type == kOffsetDelta ? by_place_[base_place] : by_base_[entry.base_id],
                std::move(delta));
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
  if (size > bytes_max) return Objects::too_large();
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

Result<Bytes> read_packed(BytesView pack, std::uint64_t offset, std::size_t bytes_max,
                          const std::function<std::optional<std::uint64_t>(const ObjectId&)>& place_of) {
  std::vector<Bytes> deltas;
  Bytes out;
  std::size_t bytes = 0;
  for (std::optional<std::uint64_t> at = offset; at;) {
    if (*at >= pack.size()) return invalid("git: entry outside of the pack");
    Reader reader(pack, static_cast<std::size_t>(*at));
    PackEntry entry = TRY(read_head(reader));
    if (entry.size > bytes_max - bytes) return Objects::too_large();
    TRY(read_body(pack, entry));
    bytes += entry.bytes.size();
    if (entry.type < kOffsetDelta) {
      out = std::move(entry.bytes);
      break;
    }
    at = entry.type == kOffsetDelta ? std::optional(entry.base_offset) : place_of(entry.base_id);
    if (!at || deltas.size() >= kDeltasMax) return invalid("git: delta without a base within reach");
    deltas.push_back(std::move(entry.bytes));
  }
  for (; !deltas.empty(); deltas.pop_back()) {
    out = TRY(apply_delta(out, deltas.back(), bytes_max - bytes));
    bytes += out.size();
  }
  return out;
}

std::vector<std::uint64_t> read_offsets(BytesView index) {
  constexpr std::uint32_t kMagic = 0xFF744F63;
  constexpr std::size_t kFirst = 8, kFanout = 256 * 4;
  constexpr std::size_t kOfEntry = 20 + 4 + 4;  // id, checksum, offset
  Reader reader(index);
  const Result<std::uint32_t> magic = reader.u32_be();
  const Result<std::uint32_t> version = magic ? reader.u32_be() : magic;
  if (!version || *magic != kMagic || *version != 2 || index.size() < kFirst + kFanout) return {};
  Reader last(index, kFirst + kFanout - 4);
  const std::size_t count = *last.u32_be();
  if (count > limits::kRepositoryObjectsMax || index.size() < kFirst + kFanout + count * kOfEntry) return {};
  Reader offsets(index, kFirst + kFanout + count * (kOfEntry - 4));
  Reader large(index, kFirst + kFanout + count * kOfEntry);
  std::vector<std::uint64_t> out(count);
  for (std::uint64_t& offset : out) {
    offset = *offsets.u32_be();
    // The highest bit: a number of 64 bits stands behind, in the order of these.
    if ((offset >> 31) == 0) continue;
    const Result<std::uint64_t> wide = large.u64_be();
    if (!wide) return {};
    offset = *wide;
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace sallyport::formats::git
