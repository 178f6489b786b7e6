#include "trust/data_store.h"

#include <algorithm>
#include <atomic>

#include "core/limits/data_versions.h"
#include "core/parallel.h"
#include "trust/chunker.h"

namespace sallyport::trust {
namespace {

constexpr std::size_t kMappedMax = 64;  // of the 256 mappings that a process may have
// A pack is written anew when less than this share of it is still needed.
constexpr double kLiveShareMin = 0.8;

std::string text_of(const EntryName& name) {
  return (name.kind == EntryKind::kBlock ? "block sha256:" : "layout ") + name.digest.hex();
}

std::unexpected<Error> missing(const EntryName& name) {
  return fail(ErrorKind::kNotFound, "data: " + text_of(name) + " is missing",
              "add the data again, or restore the pack from a copy");
}

}  // namespace

Result<void> check_entry(const EntryName& name, BytesView bytes) {
  const bool good = name.kind == EntryKind::kBlock ? sha256(bytes) == name.digest
                                                   : root_of(TRY(parse_layout(bytes))) == name.digest;
  if (good) return {};
  return fail(ErrorKind::kDenied, "data: " + text_of(name) + " is not what its name says",
              "the stored bytes were changed; add the data again, or restore the pack from a copy");
}

DataStore::DataStore(DataStore&& other) noexcept
    : env_(other.env_),
      directory_(std::move(other.directory_)),
      packs_(std::move(other.packs_)),
      places_(std::move(other.places_)),
      mapped_(std::move(other.mapped_)),
      writer_(std::move(other.writer_)),
      written_(std::move(other.written_)),
      finished_(std::move(other.finished_)),
      stored_bytes_(other.stored_bytes_) {}

Result<void> DataStore::create(Env& env, const fs::path& directory) {
  return make_directories_durably(env, directory / "packs");
}

Result<DataStore> DataStore::open(Env& env, const fs::path& directory) {
  DataStore out(env, directory);
  TRY(out.load());
  return out;
}

Result<void> DataStore::load() {
  for (const std::string& name : TRY(env_->list(directory_ / "packs"))) {
    // What a killed writer left is not part of the store.
    if (name.ends_with(".tmp")) continue;
    const fs::path path = directory_ / "packs" / name;
    const bool fresh = name.ends_with(kFreshPack);
    if (!fresh && !name.ends_with(kSettledPack)) return invalid(path.string() + ": not a pack");
    if (packs_.size() == limits::kPacksMax) return fail(ErrorKind::kLimit, "data: over 100,000 packs");
    Result<Pack> pack = Pack::open(path);
    // Nor is what a power cut tore before it was settled.
    if (!pack && fresh) continue;
    packs_.push_back(TRY(std::move(pack)));
    const auto number = static_cast<std::uint32_t>(packs_.size() - 1);
    for (const PackEntry& entry : packs_.back().entries()) {
      places_.push_back({entry.name, number, entry.length, entry.offset});
    }
  }
  std::stable_sort(places_.begin(), places_.end(),
                   [](const Place& a, const Place& b) { return a.name < b.name; });
  return {};
}

std::uint64_t DataStore::size() const {
  std::uint64_t out = 0;
  for (const Pack& pack : packs_) out += pack.size();
  return out;
}

std::span<const DataStore::Place> DataStore::find(const EntryName& name) const {
  const auto before = [](const Place& place, const EntryName& wanted) { return place.name < wanted; };
  const auto begin = std::lower_bound(places_.begin(), places_.end(), name, before);
  auto end = begin;
  while (end != places_.end() && end->name == name) ++end;
  return {begin, end};
}

bool DataStore::has(const EntryName& name) const { return !find(name).empty(); }

Result<std::shared_ptr<const Mapping>> DataStore::mapped(std::uint32_t pack) const {
  const std::lock_guard hold(mutex_);
  if (const auto found = mapped_.find(pack); found != mapped_.end()) return found->second;
  if (mapped_.size() >= kMappedMax) mapped_.erase(mapped_.begin());
  auto made = std::make_shared<const Mapping>(TRY(Mapping::open(packs_[pack].path())));
  mapped_.emplace(pack, made);
  return made;
}

Result<Bytes> DataStore::read(const Place& place) const {
  const std::shared_ptr<const Mapping> mapping = TRY(mapped(place.pack));
  const BytesView all = mapping->bytes();
  if (place.offset > all.size() || place.length > all.size() - place.offset) {
    return fail(ErrorKind::kDenied, packs_[place.pack].path().string() + ": has been cut short");
  }
  // A copy first, then the check: whoever writes to the file meanwhile changes nothing that was checked.
  const BytesView view = all.subspan(place.offset, place.length);
  Bytes out(view.begin(), view.end());
  TRY(check_entry(place.name, out));
  return out;
}

Result<Bytes> DataStore::get(const EntryName& name) const {
  Result<Bytes> out = missing(name);
  for (const Place& place : find(name)) {
    out = read(place);
    if (out) break;
  }
  return out;
}

Result<void> DataStore::put(const EntryName& name, BytesView bytes) {
  // Only what still reads back is there.
  if (has(name) && get(name)) return {};
  const std::lock_guard hold(mutex_);
  if (written_.contains(name) || (writer_ && writer_->has(name))) return {};
  if (!writer_) writer_.emplace(TRY(PackWriter::begin(*env_, directory_ / "packs")));
  TRY(writer_->add(name, bytes));
  stored_bytes_ += bytes.size();
  const bool full = writer_->size() >= limits::kPackBytes || writer_->entries() >= limits::kPackEntriesMax;
  return full ? finish_pack() : Result<void>();
}

// With the mutex held.
Result<void> DataStore::finish_pack() {
  const std::vector<EntryName> names = writer_->names();
  finished_.push_back(TRY(writer_->finish()));
  written_.insert(names.begin(), names.end());
  writer_.reset();
  return {};
}

Result<void> DataStore::flush() {
  const std::lock_guard hold(mutex_);
  return writer_ ? finish_pack() : Result<void>();
}

Result<void> DataStore::settle(Env& env, const fs::path& directory) {
  const DataStore store = TRY(open(env, directory));
  std::vector<Place> places;
  for (const Place& place : store.places_) {
    if (store.packs_[place.pack].is_fresh()) places.push_back(place);
  }
  const std::vector<std::string> found = store.flaws(places);
  std::set<std::uint32_t> torn;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!found[i].empty()) torn.insert(places[i].pack);
  }
  std::vector<std::string> sound;
  for (std::uint32_t number = 0; number < store.packs_.size(); ++number) {
    const Pack& pack = store.packs_[number];
    if (pack.is_fresh() && !torn.contains(number)) sound.push_back(pack.name());
  }
  if (!sound.empty()) TRY(settle_packs(env, directory / "packs", sound));
  for (const std::string& name : TRY(env.list(directory / "packs"))) {
    if (name.ends_with(kFreshPack)) TRY(env.remove(directory / "packs" / name));
  }
  return {};
}

// By place: why it does not read back, or nothing.
std::vector<std::string> DataStore::flaws(std::span<const Place> places) const {
  std::vector<std::string> out(places.size());
  // By place on disk, so that a pack is read from its start to its end.
  std::vector<std::size_t> order(places.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(places[a].pack, places[a].offset) < std::pair(places[b].pack, places[b].offset);
  });
  parallel_for(order.size(), [&](std::size_t i) {
    const Place& place = places[order[i]];
    const Result<Bytes> bytes = read(place);
    if (!bytes) out[order[i]] = packs_[place.pack].path().filename().string() + ": " + bytes.error().message;
  });
  return out;
}

std::vector<std::string> DataStore::check() const {
  std::vector<std::string> problems = flaws(places_);
  std::erase(problems, "");
  return problems;
}

// The packs that hold something that does not read back. Error when of something live no copy does.
Result<std::set<std::uint32_t>> DataStore::rotten_packs(const std::set<EntryName>& live) const {
  const std::vector<std::string> found = flaws(places_);
  std::set<std::uint32_t> out;
  std::set<EntryName> sound;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].empty()) {
      sound.insert(places_[i].name);
    } else {
      out.insert(places_[i].pack);
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!live.contains(places_[i].name) || sound.contains(places_[i].name)) continue;
    return fail(ErrorKind::kDenied, found[i],
                "no other copy is here, so nothing was removed; data add of the same files stores it again");
  }
  return out;
}

Result<std::uint64_t> DataStore::collect(const std::set<EntryName>& live) {
  const std::uint64_t before = size();
  const std::set<std::uint32_t> rotten = TRY(rotten_packs(live));
  std::set<EntryName> kept;
  std::vector<const Pack*> dropped;
  for (std::uint32_t number = 0; number < packs_.size(); ++number) {
    const Pack& pack = packs_[number];
    std::uint64_t all = 0;
    std::uint64_t needed = 0;
    for (const PackEntry& entry : pack.entries()) {
      const std::uint64_t bytes = entry.length + kIndexEntryBytes;
      all += bytes;
      if (live.contains(entry.name) && !kept.contains(entry.name)) needed += bytes;
    }
    if (rotten.contains(number) || static_cast<double>(needed) < kLiveShareMin * static_cast<double>(all)) {
      dropped.push_back(&pack);
    } else {
      for (const PackEntry& entry : pack.entries()) kept.insert(entry.name);
    }
  }
  // What the dropped packs hold of it moves first; a power cut in between leaves it twice, never not at all.
  DataStore moved(*env_, directory_);
  for (const Pack* pack : dropped) {
    for (const PackEntry& entry : pack->entries()) {
      if (!live.contains(entry.name) || kept.contains(entry.name)) continue;
      TRY(moved.put(entry.name, TRY(get(entry.name))));
    }
  }
  TRY(moved.flush());
  TRY(settle_packs(*env_, directory_ / "packs", moved.finished_));
  for (const Pack* pack : dropped) {
    // The same entries, once all are sound again, make a pack of the same name.
    const bool replaced = std::ranges::find(moved.finished_, pack->name()) != moved.finished_.end();
    if (!replaced) TRY(env_->remove(pack->path()));
  }
  for (const std::string& name : TRY(env_->list(directory_ / "packs"))) {
    if (name.ends_with(".tmp")) TRY(env_->remove(directory_ / "packs" / name));
  }
  TRY(env_->sync_directory(directory_ / "packs"));
  const std::uint64_t after = TRY(open(*env_, directory_)).size();
  return before > after ? before - after : 0;
}

}  // namespace sallyport::trust
