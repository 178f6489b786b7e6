#include "services/data_check/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/limits/tables.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;

// An open file that nobody can name.
class Unnamed {
 public:
  Unnamed() {
    std::string path = (fs::temp_directory_path() / "sallyport-table-XXXXXX").string();
    fd_ = ::mkostemp(path.data(), O_CLOEXEC);
    if (fd_ >= 0) ::unlink(path.c_str());
  }
  ~Unnamed() {
    if (fd_ >= 0) ::close(fd_);
  }
  Unnamed(const Unnamed&) = delete;
  Unnamed& operator=(const Unnamed&) = delete;

  Result<void> append(BytesView bytes) {
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0)
        return fail(ErrorKind::kIo, std::string("cannot write a temporary file: ") + std::strerror(errno),
                    "TMPDIR names the folder of temporary files");
      bytes = bytes.subspan(static_cast<std::size_t>(wrote));
    }
    return {};
  }
  Result<Mapping> map() const { return Mapping::of(fd_, "temporary file"); }

 private:
  int fd_ = -1;
};

}  // namespace

void let_go_of(const Mapping& mapping) {
  // Not where pages of zeros took the place of missing ones: those would come back as a new fault.
  const BytesView bytes = mapping.bytes();
  if (bytes.empty() || !mapping.unchanged()) return;
  ::madvise(const_cast<std::uint8_t*>(bytes.data()), bytes.size(), MADV_DONTNEED);
}

Result<BytesView> Spool::unpack(formats::Codec codec, BytesView packed) {
  Bytes held;
  bool fits = true;
  formats::Sink count{.take = [&](BytesView chunk) -> Result<void> {
    fits = fits && held.size() + chunk.size() <= held_bytes_max_;
    if (fits) held.insert(held.end(), chunk.begin(), chunk.end());
    if (!fits) Bytes().swap(held);
    return {};
  }};
  const formats::Inflated inner = formats::unpack_to(codec, packed, limits::kTableReadBytesMax, count);
  if (inner.over_budget) {
    return fail(ErrorKind::kLimit, std::string(name_of(codec)) + ": expands beyond kExpansionRatioMax or " +
                                       "kTableReadBytesMax, after " + std::to_string(count.made) + " bytes");
  }
  TRY(formats::whole_stream(codec, inner, packed));
  if (fits) return held_.emplace_back(std::move(held));
  Unnamed file;
  formats::Sink write{.take = [&](BytesView chunk) { return file.append(chunk); }};
  const formats::Inflated again = formats::unpack_to(codec, packed, limits::kTableReadBytesMax, write);
  if (again.error) return std::unexpected(*again.error);
  if (write.made != count.made) return invalid("changed while it was read");
  return files_.emplace_back(TRY(file.map())).bytes();
}

void Spool::let_go() const {
  for (const Mapping& file : files_) let_go_of(file);
}

}  // namespace sallyport::services::data_check
