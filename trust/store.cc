#include "trust/store.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <set>

namespace sallyport::trust {
namespace {

constexpr std::size_t kChunkBytes = 128 * limits::kKiB;
constexpr unsigned kObjectMode = 0444;
constexpr std::string_view kManifestStart = R"({"entries":[)";

// A copy under way: what `to` holds has hashed to `digest`.
struct Copied {
  Digest digest;
  std::uint64_t size = 0;
  bool manifest_like = false;
};

Result<Copied> copy_hashing(InputFile& from, OutputFile& to) {
  Bytes buffer(kChunkBytes);
  Hasher hasher;
  Copied out;
  while (true) {
    const std::size_t got = TRY(from.read(buffer));
    if (got == 0) break;
    const BytesView piece = BytesView(buffer).first(got);
    if (out.size == 0) out.manifest_like = as_text(piece).starts_with(kManifestStart);
    hasher.add(piece);
    TRY(to.write(piece));
    out.size += got;
  }
  out.digest = hasher.finish();
  return out;
}

std::unexpected<Error> changed(const Digest& digest) {
  return fail(
      ErrorKind::kDenied, "store: object sha256:" + digest.hex() + " does not hash to its name",
      "the stored bytes were changed; restore the object from a copy, or run the stage that made it again");
}

std::unexpected<Error> looks_like_manifest(const std::string& what) {
  return invalid("store: " + what + " reads as a directory manifest and cannot be stored as a file",
                 "store the directory itself");
}

Result<void> refuse_manifest_bytes(BytesView bytes, const std::string& what) {
  if (as_text(bytes).starts_with(kManifestStart) && parse_manifest(bytes)) return looks_like_manifest(what);
  return {};
}

}  // namespace

Result<std::size_t> VerifiedReader::read(std::span<std::uint8_t> out) {
  const std::size_t got = TRY(file_->read(out));
  hasher_.add(BytesView(out).first(got));
  if (got == 0 && !out.empty() && hasher_.finish() != digest_) return changed(digest_);
  return got;
}

// Puts copies under temporary names, then makes all of them objects with few waits for the disk.
class Store::Batch {
 public:
  explicit Batch(const Store& store) : store_(store) {}
  ~Batch() {
    // Best effort: what is left is only in the way.
    for (const auto& [digest, temporary] : pending_) std::ignore = store_.env_->remove(temporary);
    for (const fs::path& temporary : loose_) std::ignore = store_.env_->remove(temporary);
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // From any thread.
  Result<Copied> add_file(const fs::path& from) {
    const fs::path temporary = store_.temporary();
    const std::unique_ptr<InputFile> input = TRY(store_.env_->open_input(from));
    Result<Copied> copied = write(temporary, *input);
    if (!copied) {
      std::ignore = store_.env_->remove(temporary);
      return copied;
    }
    keep(copied->digest, temporary);
    if (copied->manifest_like && copied->size <= limits::kJsonBytesMax) {
      TRY(refuse_manifest_bytes(TRY(store_.env_->read_file(temporary)), from.string()));
    }
    return copied;
  }
  Result<Digest> add_bytes(BytesView bytes) {
    const Digest digest = sha256(bytes);
    const fs::path temporary = store_.temporary();
    Result<void> written = store_.env_->write_new(temporary, bytes, kObjectMode);
    if (!written) {
      std::ignore = store_.env_->remove(temporary);
      return std::unexpected(written.error());
    }
    keep(digest, temporary);
    return digest;
  }

  Result<void> commit() {
    std::vector<fs::path> files;
    // The parent too: it holds the names of folders that were made here, or by a writer that has not synced
    // them yet.
    std::set<fs::path> folders{store_.directory_ / "objects" / "sha256"};
    // An object that is there already is kept only if its bytes are still the right ones.
    for (auto at = pending_.begin(); at != pending_.end();) {
      const fs::path object = store_.path_of(at->first);
      folders.insert(object.parent_path());
      if (store_.has(at->first) && store_.verify_object(at->first)) {
        loose_.push_back(at->second);
        at = pending_.erase(at);
        continue;
      }
      TRY(store_.env_->make_directories(object.parent_path()));
      files.push_back(at->second);
      ++at;
    }
    TRY(store_.env_->sync_files(files));
    while (!pending_.empty()) {
      TRY(store_.env_->rename(pending_.begin()->second, store_.path_of(pending_.begin()->first)));
      pending_.erase(pending_.begin());
    }
    const std::vector<fs::path> directories(folders.begin(), folders.end());
    return store_.env_->sync_directories(directories);
  }

 private:
  Result<Copied> write(const fs::path& temporary, InputFile& input) {
    const std::unique_ptr<OutputFile> output = TRY(store_.env_->create_output(temporary, kObjectMode));
    output->expect_sync();
    return copy_hashing(input, *output);
  }
  void keep(const Digest& digest, const fs::path& temporary) {
    const std::lock_guard hold(mutex_);
    if (!pending_.emplace(digest, temporary).second) loose_.push_back(temporary);
  }

  const Store& store_;
  std::mutex mutex_;
  std::map<Digest, fs::path> pending_;
  std::vector<fs::path> loose_;
};

Result<void> Store::create() {
  TRY(make_directories_durably(*env_, directory_ / "objects" / "sha256"));
  return make_directories_durably(*env_, directory_ / "tmp");
}

fs::path Store::temporary() const {
  std::array<std::uint8_t, 16> salt{};
  env_->random(salt);
  return directory_ / "tmp" / to_hex(salt);
}

fs::path Store::path_of(const Digest& digest) const {
  const std::string hex = digest.hex();
  return directory_ / "objects" / "sha256" / hex.substr(0, 2) / hex.substr(2);
}

bool Store::has(const Digest& digest) const { return env_->exists(path_of(digest)); }

Result<Digest> Store::put(BytesView bytes) {
  TRY(refuse_manifest_bytes(bytes, "a value"));
  Batch batch(*this);
  const Digest digest = TRY(batch.add_bytes(bytes));
  TRY(batch.commit());
  return digest;
}

Result<Digest> Store::put_file(const fs::path& path) {
  Batch batch(*this);
  const Copied copied = TRY(batch.add_file(path));
  TRY(batch.commit());
  return copied.digest;
}

Result<Digest> Store::put_directory(const fs::path& path) {
  Manifest manifest{TRY(walk_directory(*env_, path))};
  Batch files(*this);
  TRY(for_each_file(manifest.entries, [&](ManifestEntry& entry) -> Result<void> {
    const Copied copied = TRY(files.add_file(path / entry.path));
    entry.size = copied.size;
    entry.sha256 = copied.digest;
    return {};
  }));
  const std::string text = serialize(manifest);
  if (text.size() > limits::kJsonBytesMax) {
    return fail(ErrorKind::kLimit, path.string() + ": its manifest is larger than 64 MiB");
  }
  TRY(files.commit());
  // Last, so that a manifest never names an object that a power cut has taken.
  Batch last(*this);
  const Digest digest = TRY(last.add_bytes(as_bytes(text)));
  TRY(last.commit());
  return digest;
}

Result<Digest> Store::put_path(const fs::path& path) {
  const FileStatus status = TRY(env_->status(path));
  if (status.kind == FileStatus::Kind::kDirectory) return put_directory(path);
  if (status.kind == FileStatus::Kind::kFile) return put_file(path);
  return invalid(path.string() + ": neither a file nor a directory");
}

Result<Bytes> Store::get(const Digest& digest, std::size_t bytes_max) const {
  Result<Bytes> bytes = env_->read_file(path_of(digest), bytes_max);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return missing(digest);
  if (bytes && sha256(*bytes) != digest) return changed(digest);
  return bytes;
}

Result<VerifiedReader> Store::open(const Digest& digest) const {
  Result<std::unique_ptr<InputFile>> file = env_->open_input(path_of(digest));
  if (!file && file.error().kind == ErrorKind::kNotFound) return missing(digest);
  return VerifiedReader(TRY(std::move(file)), digest);
}

Result<Manifest> Store::manifest(const Digest& digest) const {
  if (!TRY(is_directory(digest))) {
    return fail(ErrorKind::kUnsupported,
                "store: object sha256:" + digest.hex() + " is a file, not a directory");
  }
  return parse_manifest(TRY(get(digest, limits::kJsonBytesMax)));
}

Result<bool> Store::is_directory(const Digest& digest) const {
  const Result<std::unique_ptr<InputFile>> file = env_->open_input(path_of(digest));
  if (!file && file.error().kind == ErrorKind::kNotFound) return missing(digest);
  if (!file) return std::unexpected(file.error());
  std::array<std::uint8_t, kManifestStart.size()> start{};
  const std::size_t got = TRY((*file)->read(start));
  if (as_text(BytesView(start).first(got)) != kManifestStart) return false;
  const FileStatus status = TRY(env_->status(path_of(digest)));
  if (status.size > limits::kJsonBytesMax) return false;
  // Changed bytes may read as a manifest or no longer do so; only verified ones decide.
  return parse_manifest(TRY(get(digest, limits::kJsonBytesMax))).has_value();
}

Result<void> Store::verify_object(const Digest& digest) const {
  const Result<Env::FileDigest> got = env_->digest_file(path_of(digest));
  if (!got && got.error().kind == ErrorKind::kNotFound) return missing(digest);
  if (!got) return std::unexpected(got.error());
  if (got->digest != digest) return changed(digest);
  return {};
}

Result<void> Store::verify(const Digest& digest) const {
  TRY(verify_object(digest));
  if (!TRY(is_directory(digest))) return {};
  Manifest manifest_of = TRY(manifest(digest));
  return for_each_file(manifest_of.entries, [&](ManifestEntry& entry) -> Result<void> {
    const Result<void> good = verify_object(entry.sha256);
    if (!good) return within(entry.path, good.error());
    return {};
  });
}

Result<void> Store::copy_out(const Digest& digest, const fs::path& to, unsigned mode) const {
  Result<std::unique_ptr<InputFile>> input = env_->open_input(path_of(digest));
  if (!input && input.error().kind == ErrorKind::kNotFound) return missing(digest);
  if (!input) return std::unexpected(input.error());
  const std::unique_ptr<OutputFile> output = TRY(env_->create_output(to, mode));
  const Result<Copied> copied = copy_hashing(**input, *output);
  if (copied && copied->digest == digest) return {};
  std::ignore = env_->remove(to);
  if (!copied) return std::unexpected(copied.error());
  return changed(digest);
}

Result<void> Store::copy_directory_out(const Manifest& manifest_of, const fs::path& to) const {
  TRY(env_->make_directories(to));
  for (const ManifestEntry& entry : manifest_of.entries) {
    const fs::path path = to / entry.path;
    TRY(env_->make_directories(entry.mode == EntryMode::kEmptyDirectory ? path : path.parent_path()));
  }
  Manifest work = manifest_of;
  return for_each_file(work.entries, [&](ManifestEntry& entry) -> Result<void> {
    return copy_out(entry.sha256, to / entry.path, entry.mode == EntryMode::kExecutable ? 0755 : 0644);
  });
}

Result<void> Store::materialise(const Digest& digest, const fs::path& to) const {
  if (env_->exists(to)) return invalid(to.string() + ": exists");
  if (!TRY(is_directory(digest))) return copy_out(digest, to, 0644);
  Result<void> done = copy_directory_out(TRY(manifest(digest)), to);
  // Half a directory must not be taken for the whole.
  if (!done) std::ignore = remove_tree(*env_, to);
  return done;
}

Result<std::vector<Digest>> Store::list() const {
  std::vector<Digest> out;
  const fs::path base = directory_ / "objects" / "sha256";
  for (const std::string& head : TRY(env_->list(base))) {
    for (const std::string& rest : TRY(env_->list(base / head))) {
      const Result<Digest> digest = Digest::parse(head + rest);
      if (!digest)
        return invalid((base / head / rest).string() + ": not an object's name", "remove the file");
      out.push_back(*digest);
    }
  }
  return out;
}

Result<void> Store::sweep() {
  for (const std::string& name : TRY(env_->list(directory_ / "tmp")))
    TRY(env_->remove(directory_ / "tmp" / name));
  return {};
}

std::unexpected<Error> Store::missing(const Digest& digest) const {
  return fail(ErrorKind::kNotFound, "store: object sha256:" + digest.hex() + " is missing",
              "restore the object from a copy, or run the stage that made it again");
}

}  // namespace sallyport::trust
