#include "services/scan/pack_memory.h"

#include <algorithm>

#include "core/env.h"
#include "core/limits.h"
#include "services/scan/cache.h"
#include "services/scan/private_file.h"

namespace sallyport::services::scan {
namespace {

namespace git = formats::git;

constexpr std::string_view kMagic = "sallyport-pack-memory 1\n";
constexpr std::string_view kEnd = ".pack";
constexpr std::size_t kOneBytesMax = 64 * limits::kMiB;  // that one blob alone may take to be made
constexpr std::size_t kAloneMax = 100;                   // blobs; more are read with all else of their packs

Digest digest_in(BytesView bytes) {
  Digest out;
  std::ranges::copy(bytes, out.bytes.begin());
  return out;
}

// One object after the other: 20 bytes of id, one of type, eight each of offset and size; then of a blob its
// digest, of anything else its bytes.
Result<std::vector<PackedObject>> parse(BytesView body) {
  std::vector<PackedObject> out;
  Reader reader(body);
  while (!reader.done()) {
    PackedObject one;
    one.id = TRY(git::read_id(reader));
    const std::uint8_t type = TRY(reader.u8());
    if (type < 1 || type > 4) return invalid("pack memory: an object of no type");
    one.type = static_cast<git::ObjectType>(type);
    one.offset = TRY(reader.u64_le());
    one.size = TRY(reader.u64_le());
    if (one.type == git::ObjectType::kBlob) {
      one.digest = digest_in(TRY(reader.take(one.digest.bytes.size())));
    } else {
      const BytesView bytes = TRY(reader.take(one.size));
      one.bytes.assign(bytes.begin(), bytes.end());
    }
    out.push_back(std::move(one));
  }
  return out;
}

Bytes text_of(const std::vector<PackedObject>& objects) {
  Bytes out;
  for (const PackedObject& one : objects) {
    out.insert(out.end(), one.id.begin(), one.id.end());
    out.push_back(static_cast<std::uint8_t>(one.type));
    append_le(out, one.offset, 8);
    append_le(out, one.size, 8);
    const BytesView rest =
        one.type == git::ObjectType::kBlob ? BytesView(one.digest.bytes) : BytesView(one.bytes);
    out.insert(out.end(), rest.begin(), rest.end());
  }
  return out;
}

std::unexpected<Error> changed() {
  return fail(ErrorKind::kIo, "a pack of the history changed while it was read", "scan it again at rest");
}

}  // namespace

void PackFiles::add(Mapping mapping, const std::vector<PackedObject>& objects) {
  const std::size_t pack = packs_.size();
  packs_.push_back(std::move(mapping));
  for (const PackedObject& one : objects) {
    places_.try_emplace(one.id, Place{.pack = pack,
                                      .offset = one.offset,
                                      .known = {.id = one.id, .digest = one.digest, .size = one.size}});
  }
}

const Remembered* PackFiles::find(const git::ObjectId& id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : &found->second.known;
}

Result<std::vector<Bytes>> PackFiles::read(const std::vector<git::ObjectId>& ids, unsigned threads) const {
  if (ids.size() > kAloneMax) return read_whole(ids, threads);
  std::vector<Bytes> out;
  for (const git::ObjectId& id : ids) {
    auto bytes = read_alone(id);
    if (!bytes) return read_whole(ids, threads);
    out.push_back(std::move(*bytes));
  }
  return out;
}

Result<Bytes> PackFiles::read_alone(const git::ObjectId& id) const {
  const auto found = places_.find(id);
  if (found == places_.end()) return fail(ErrorKind::kNotFound, "git: no pack has the object");
  const Place& place = found->second;
  const auto place_of = [&](const git::ObjectId& base) -> std::optional<std::uint64_t> {
    const auto at = places_.find(base);
    if (at == places_.end() || at->second.pack != place.pack) return std::nullopt;
    return at->second.offset;
  };
  Bytes bytes = TRY(git::read_packed(packs_[place.pack].bytes(), place.offset, kOneBytesMax, place_of));
  if (sha256(bytes) != place.known.digest) return changed();
  return bytes;
}

Result<std::vector<Bytes>> PackFiles::read_whole(const std::vector<git::ObjectId>& ids,
                                                 unsigned threads) const {
  git::Objects objects;
  for (const Mapping& pack : packs_) {
    if (!objects.add_pack(pack.bytes(), {}, threads)) return changed();
  }
  std::vector<Bytes> out;
  for (const git::ObjectId& id : ids) {
    const Remembered* known = find(id);
    if (known == nullptr) return fail(ErrorKind::kNotFound, "git: no pack has the object");
    const git::Object* object = objects.find(id);
    if (object == nullptr || sha256(object->bytes) != known->digest) return changed();
    out.push_back(object->bytes);
  }
  return out;
}

PackMemory::PackMemory(fs::path folder, const fs::path& repository)
    : folder_(std::move(folder)), name_(cache_name(repository)), rules_(sha256("packs " + build_id())) {}

fs::path PackMemory::file_of(const Digest& pack) const {
  return folder_ / (name_ + "-" + pack.hex() + std::string(kEnd));
}

std::optional<std::vector<PackedObject>> PackMemory::find(const Digest& pack) {
  const auto body = read_private(file_of(pack), kMagic, rules_);
  if (!body) return std::nullopt;
  auto objects = parse(*body);
  if (!objects) return std::nullopt;
  used_.push_back(file_of(pack));
  return std::move(*objects);
}

void PackMemory::keep(const Digest& pack, const std::vector<PackedObject>& objects) {
  if (write_private(file_of(pack), kMagic, rules_, as_text(text_of(objects)))) used_.push_back(file_of(pack));
}

void PackMemory::forget_others() const {
  const auto names = system_env().list(folder_);
  if (!names) return;
  for (const std::string& name : *names) {
    const bool ours = name.starts_with(name_ + "-") && name.ends_with(kEnd);
    if (!ours || std::ranges::find(used_, folder_ / name) != used_.end()) continue;
    (void)system_env().remove(folder_ / name).has_value();
  }
}

}  // namespace sallyport::services::scan
