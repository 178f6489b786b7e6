#include "core/digest_files.h"

#include <algorithm>
#include <array>
#include <atomic>

#include "core/limits.h"
#include "core/mapping.h"
#include "core/parallel.h"
#include "core/sha256_lanes.h"

namespace sallyport {
namespace {

// Smaller files are read: a system call less each, and no page table to fill.
constexpr std::size_t kMappedBytesMin = 256 * limits::kKiB;

// One thread's share: it takes the next path whenever a lane is free.
class Worker {
 public:
  Worker(Env& env, std::span<const std::filesystem::path> paths, std::vector<Env::FileDigest>& out,
         std::atomic<std::size_t>& next)
      : env_(env), paths_(paths), out_(out), next_(next) {}

  Result<void> run() {
    sha256_each([&](std::size_t lane) { return take(lane); },
                [&](std::size_t lane, const Digest& digest) { finish(lane, digest); });
    return error_;
  }

 private:
  struct Open {
    std::size_t index = 0;
    std::optional<Mapping> mapping = {};
    Bytes bytes = {};
    BytesView view() const { return mapping ? mapping->bytes() : BytesView(bytes); }
  };

  std::optional<BytesView> take(std::size_t lane) {
    const std::size_t index = next_++;
    if (index >= paths_.size()) return {};
    Result<void> opened = open(open_[lane], index);
    if (opened) return open_[lane].view();
    next_ = paths_.size();  // the others stop too
    error_ = std::move(opened);
    return {};
  }

  Result<void> open(Open& lane, std::size_t index) {
    lane.index = index;
    lane.mapping.reset();
    const FileStatus status = TRY(env_.status(paths_[index]));
    if (status.kind == FileStatus::Kind::kFile && status.size >= kMappedBytesMin) {
      lane.mapping.emplace(TRY(Mapping::open(paths_[index])));
    } else {
      lane.bytes = TRY(env_.read_file(paths_[index], kMappedBytesMin));
    }
    return {};
  }

  // A file that moved meanwhile is read again, so that the digest is of bytes that a reader gets.
  void finish(std::size_t lane, const Digest& digest) {
    Open& open = open_[lane];
    out_[open.index] = {.digest = digest, .size = open.view().size()};
    if (!open.mapping || open.mapping->unchanged()) return;
    Result<Env::FileDigest> again = env_.digest_file(paths_[open.index]);
    if (again) {
      out_[open.index] = *again;
    } else {
      error_ = std::unexpected(again.error());
    }
  }

  Env& env_;
  std::span<const std::filesystem::path> paths_;
  std::vector<Env::FileDigest>& out_;
  std::atomic<std::size_t>& next_;
  std::array<Open, kSha256Lanes> open_ = {};
  Result<void> error_ = {};
};

}  // namespace

Result<std::vector<Env::FileDigest>> digest_files(Env& env, std::span<const std::filesystem::path> paths,
                                                  unsigned threads) {
  std::vector<Env::FileDigest> out(paths.size());
  std::atomic<std::size_t> next{0};
  const std::size_t workers = std::min<std::size_t>(threads == 0 ? core_count() : threads, paths.size());
  std::vector<Result<void>> done(workers);
  parallel_for(
      workers, [&](std::size_t w) { done[w] = Worker(env, paths, out, next).run(); },
      static_cast<unsigned>(workers));
  for (Result<void>& one : done) TRY(std::move(one));
  return out;
}

}  // namespace sallyport
