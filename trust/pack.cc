#include "trust/pack.h"

#include <array>

#include "core/limits/data_versions.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kMagic = "sallyport pack v1\n";
constexpr std::size_t kTrailerBytes = 8 + 32;
constexpr std::size_t kBufferBytes = limits::kMiB;
// An entry as long as this is written as it lies, without a copy.
constexpr std::size_t kDirectBytes = 64 * limits::kKiB;

Digest digest_from(BytesView bytes) {
  Digest out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

Result<PackEntry> read_entry(Reader& reader, std::uint64_t end) {
  PackEntry out;
  const std::uint8_t kind = TRY(reader.u8());
  if (kind != static_cast<std::uint8_t>(EntryKind::kBlock) &&
      kind != static_cast<std::uint8_t>(EntryKind::kLayout)) {
    return invalid("an entry of unknown kind " + std::to_string(kind));
  }
  out.name = {static_cast<EntryKind>(kind), digest_from(TRY(reader.take(32)))};
  out.offset = TRY(reader.u64_be());
  out.length = TRY(reader.u32_be());
  if (out.length > limits::kPackEntryBytesMax || out.offset < kMagic.size() || out.offset > end ||
      out.length > end - out.offset) {
    return invalid("an entry lies outside");
  }
  return out;
}

Result<std::vector<PackEntry>> read_index(BytesView whole, std::string_view name) {
  if (whole.size() < kMagic.size() + kTrailerBytes || !as_text(whole).starts_with(kMagic)) {
    return invalid("not a pack");
  }
  Reader trailer(whole, whole.size() - kTrailerBytes);
  const std::uint64_t count = TRY(trailer.u64_be());
  if (count > limits::kPackEntriesMax) return fail(ErrorKind::kLimit, "over 1,000,000 entries");
  const std::uint64_t room = whole.size() - kMagic.size() - kTrailerBytes;
  if (count * kIndexEntryBytes > room) return invalid("its index is cut short");
  const std::size_t start = whole.size() - kTrailerBytes - count * kIndexEntryBytes;
  const BytesView index = whole.subspan(start, count * kIndexEntryBytes);
  const Digest digest = sha256(index);
  if (digest != digest_from(TRY(trailer.take(32))) || digest.hex() != name) {
    return fail(ErrorKind::kDenied, "its index does not hash to its name");
  }
  std::vector<PackEntry> out;
  out.reserve(count);
  Reader reader(index);
  while (!reader.done()) {
    const PackEntry entry = TRY(read_entry(reader, start));
    if (!out.empty() && out.back().name >= entry.name) return invalid("its index is not sorted");
    out.push_back(entry);
  }
  return out;
}

}  // namespace

Result<PackWriter> PackWriter::begin(Env& env, const fs::path& directory) {
  PackWriter out;
  std::array<std::uint8_t, 16> salt{};
  env.random(salt);
  out.env_ = &env;
  out.directory_ = directory;
  out.temporary_ = directory / (to_hex(salt) + ".tmp");
  out.file_ = TRY(env.create_output(out.temporary_, 0444));
  out.buffer_ = to_bytes(kMagic);
  out.offset_ = kMagic.size();
  return out;
}

PackWriter::~PackWriter() {
  // Moved from, or finished: nothing is left to remove.
  if (file_) std::ignore = env_->remove(temporary_);
}

Result<void> PackWriter::add(const EntryName& name, BytesView bytes) {
  if (bytes.size() > limits::kPackEntryBytesMax) {
    return fail(ErrorKind::kLimit, "pack: an entry is larger than 64 MiB");
  }
  const PackEntry entry{name, offset_, static_cast<std::uint32_t>(bytes.size())};
  if (!entries_.emplace(name, entry).second) return {};
  offset_ += bytes.size();
  if (bytes.size() >= kDirectBytes) {
    TRY(flush());
    return file_->write(bytes);
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return buffer_.size() < kBufferBytes ? Result<void>() : flush();
}

std::vector<EntryName> PackWriter::names() const {
  std::vector<EntryName> out;
  out.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

Result<void> PackWriter::flush() {
  TRY(file_->write(buffer_));
  buffer_.clear();
  return {};
}

Result<std::string> PackWriter::finish() {
  Bytes index;
  index.reserve(entries_.size() * kIndexEntryBytes);
  for (const auto& [name, entry] : entries_) {
    index.push_back(static_cast<std::uint8_t>(name.kind));
    index.insert(index.end(), name.digest.bytes.begin(), name.digest.bytes.end());
    append_be(index, entry.offset, 8);
    append_be(index, entry.length, 4);
  }
  const Digest digest = sha256(index);
  buffer_.insert(buffer_.end(), index.begin(), index.end());
  append_be(buffer_, entries_.size(), 8);
  buffer_.insert(buffer_.end(), digest.bytes.begin(), digest.bytes.end());
  TRY(flush());
  const std::string name = digest.hex();
  TRY(env_->rename(temporary_, directory_ / (name + std::string(kFreshPack))));
  file_.reset();
  return name;
}

Result<void> settle_packs(Env& env, const fs::path& directory, std::span<const std::string> names) {
  std::vector<fs::path> fresh;
  for (const std::string& name : names) fresh.push_back(directory / (name + std::string(kFreshPack)));
  TRY(env.sync_files(fresh));
  for (const fs::path& from : fresh) {
    fs::path to = from;
    TRY(env.rename(from, to.replace_extension(kSettledPack)));
  }
  return env.sync_directory(directory);
}

Result<Pack> Pack::open(const fs::path& path) {
  const Mapping mapping = TRY(Mapping::open(path));
  Result<std::vector<PackEntry>> entries = read_index(mapping.bytes(), path.stem().string());
  if (!entries) return within(path.string(), entries.error());
  Pack out;
  out.path_ = path;
  out.size_ = mapping.bytes().size();
  out.entries_ = std::move(*entries);
  return out;
}

}  // namespace sallyport::trust
