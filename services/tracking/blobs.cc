#include "services/tracking/blobs.h"

#include <algorithm>
#include <array>
#include <optional>

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

}  // namespace

Upload::~Upload() {
  if (!temporary_.empty()) std::ignore = env_.remove(temporary_);
}

Result<void> Upload::write(BytesView bytes) {
  if (start_.size() < kManifestStart.size()) {
    const std::size_t count = std::min(bytes.size(), kManifestStart.size() - start_.size());
    start_.insert(start_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
  }
  hasher_.add(bytes);
  size_ += bytes.size();
  return file_->write(bytes);
}

Result<Blob> Upload::commit() {
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

Result<std::unique_ptr<Blobs>> Blobs::open(Env& env, const fs::path& directory) {
  std::unique_ptr<Blobs> blobs(new Blobs(env, directory));
  TRY(blobs->store_.create());
  // Nobody else writes here: what is left under temporary names is of a server that was killed.
  TRY(blobs->store_.sweep());
  return blobs;
}

Result<std::unique_ptr<Upload>> Blobs::begin() {
  std::array<std::uint8_t, 16> salt{};
  env_.random(salt);
  fs::path temporary = directory_ / "tmp" / to_hex(salt);
  std::unique_ptr<OutputFile> file = TRY(env_.create_output(temporary, kObjectMode));
  return std::unique_ptr<Upload>(new Upload(env_, store_, std::move(temporary), std::move(file)));
}

Result<std::shared_ptr<http::Source>> Blobs::read(const Blob& blob) const {
  if (blob.size <= kVerifiedFirstBytesMax) {
    Bytes bytes = TRY(store_.get(blob.digest, kVerifiedFirstBytesMax));
    return std::shared_ptr<http::Source>(std::make_shared<MemorySource>(std::move(bytes)));
  }
  return std::shared_ptr<http::Source>(
      std::make_shared<VerifiedSource>(TRY(store_.open(blob.digest)), blob.size));
}

Result<Digest> Blobs::put_manifest(const trust::Manifest& manifest) {
  const std::string text = trust::serialize(manifest);
  if (text.size() > limits::kJsonBytesMax)
    return fail(ErrorKind::kLimit, "the manifest is larger than 64 MiB");
  const fs::path object = store_.path_of(sha256(text));
  TRY(make_directories_durably(env_, object.parent_path()));
  TRY(write_durably(env_, object, as_bytes(text), kObjectMode));
  return sha256(text);
}

}  // namespace sallyport::services::tracking
