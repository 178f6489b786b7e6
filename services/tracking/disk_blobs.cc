#include "services/tracking/disk_blobs.h"

#include <algorithm>
#include <array>

#include "core/hasher_beside.h"
#include "trust/store.h"

namespace sallyport::services::tracking {
namespace {

constexpr unsigned kObjectMode = 0444;
constexpr std::uint64_t kVerifiedFirstBytesMax = 4 * limits::kMiB;
constexpr std::string_view kManifestStart = R"({"entries":[)";

class MemorySource : public http::Source {
 public:
  explicit MemorySource(Bytes bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size() - at_);
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

// The last piece is held back until the whole has hashed to its name.
class VerifiedSource : public http::Source {
 public:
  VerifiedSource(trust::VerifiedReader reader, std::uint64_t size)
      : reader_(std::move(reader)), left_(size) {}
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    const std::size_t got = TRY(reader_.read(out.first(std::min<std::uint64_t>(out.size(), left_))));
    left_ -= got;
    if (left_ > 0) return got;
    std::array<std::uint8_t, 1> beyond{};
    if (TRY(reader_.read(beyond)) != 0) return invalid("store: an object is longer than it was");
    return got;
  }

 private:
  trust::VerifiedReader reader_;
  std::uint64_t left_;
};

class DiskUpload final : public Upload {
 public:
  DiskUpload(Env& env, const trust::Store& store, fs::path temporary, std::unique_ptr<OutputFile> file)
      : env_(env), store_(store), temporary_(std::move(temporary)), file_(std::move(file)) {}
  ~DiskUpload() override {
    if (!temporary_.empty()) std::ignore = env_.remove(temporary_);
  }

  Result<void> write(BytesView bytes) override {
    if (start_.size() < kManifestStart.size()) {
      const std::size_t count = std::min(bytes.size(), kManifestStart.size() - start_.size());
      start_.insert(start_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    }
    hasher_.add(bytes);
    size_ += bytes.size();
    return file_->write(bytes);
  }

  Result<Blob> commit() override {
    TRY(file_->sync());
    const Blob blob{.digest = hasher_.finish(), .size = size_};
    if (as_text(start_) == kManifestStart && size_ <= limits::kJsonBytesMax &&
        trust::parse_manifest(TRY(env_.read_file(temporary_)))) {
      return invalid("a file that reads as the manifest of a directory cannot be stored");
    }
    const fs::path object = store_.path_of(blob.digest);
    TRY(make_directories_durably(env_, object.parent_path()));
    // Over an object of the same name too: what was changed on the disk is whole again.
    TRY(env_.rename(temporary_, object));
    temporary_.clear();
    TRY(env_.sync_directory(object.parent_path()));
    return blob;
  }

 private:
  Env& env_;
  const trust::Store& store_;
  fs::path temporary_;
  std::unique_ptr<OutputFile> file_;
  HasherBeside hasher_;
  std::uint64_t size_ = 0;
  Bytes start_;  // to tell a file that would pass for a directory's manifest
};

class DiskBlobs final : public Blobs {
 public:
  DiskBlobs(Env& env, const fs::path& directory) : env_(env), directory_(directory), store_(env, directory) {}

  Result<void> open() {
    TRY(store_.create());
    // Nobody else writes here: what is left under temporary names is of a server that was killed.
    return store_.sweep();
  }

  Result<std::unique_ptr<Upload>> begin() override {
    std::array<std::uint8_t, 16> salt{};
    env_.random(salt);
    fs::path temporary = directory_ / "tmp" / to_hex(salt);
    std::unique_ptr<OutputFile> file = TRY(env_.create_output(temporary, kObjectMode));
    file->expect_sync();
    return std::make_unique<DiskUpload>(env_, store_, std::move(temporary), std::move(file));
  }

  Result<std::shared_ptr<http::Source>> read(const Blob& blob) const override {
    if (blob.size <= kVerifiedFirstBytesMax) {
      return std::make_shared<MemorySource>(TRY(store_.get(blob.digest, kVerifiedFirstBytesMax)));
    }
    return std::make_shared<VerifiedSource>(TRY(store_.open(blob.digest)), blob.size);
  }

  Result<Mapping> map(const Digest& digest) const override { return Mapping::open(store_.path_of(digest)); }

  Result<Digest> put_manifest(const trust::Manifest& manifest) override {
    const std::string text = trust::serialize(manifest);
    if (text.size() > limits::kJsonBytesMax)
      return fail(ErrorKind::kLimit, "the manifest is larger than 64 MiB");
    const fs::path object = store_.path_of(sha256(text));
    TRY(make_directories_durably(env_, object.parent_path()));
    TRY(write_durably(env_, object, as_bytes(text), kObjectMode));
    return sha256(text);
  }

  Result<trust::Manifest> manifest(const Digest& digest) const override { return store_.manifest(digest); }

 private:
  Env& env_;
  fs::path directory_;
  trust::Store store_;
};

}  // namespace

Result<std::unique_ptr<Blobs>> open_disk_blobs(Env& env, const fs::path& directory) {
  auto blobs = std::make_unique<DiskBlobs>(env, directory);
  TRY(blobs->open());
  return blobs;
}

}  // namespace sallyport::services::tracking
