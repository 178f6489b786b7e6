#include "services/scan/private_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/env.h"
#include "core/limits/repository.h"

namespace sallyport::services::scan {
namespace {

constexpr std::size_t kSumBytes = sizeof(Digest::bytes);

std::string_view text_of(const Digest& digest) { return as_text(digest.bytes); }

// Nobody else may write there, or have put it there.
bool is_private(const fs::path& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 && !S_ISLNK(status.st_mode) && status.st_uid == ::geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

std::optional<Bytes> read_private(const fs::path& file, std::string_view magic, const Digest& rules) {
  if (!is_private(file.parent_path()) || !is_private(file)) return std::nullopt;
  auto bytes = system_env().read_file(file, limits::kScanCacheBytesMax);
  if (!bytes) return std::nullopt;
  const std::string_view text = as_text(*bytes);
  const std::size_t head = magic.size() + kSumBytes;
  if (text.size() < head + kSumBytes || !text.starts_with(magic)) return std::nullopt;
  if (text.substr(magic.size(), kSumBytes) != text_of(rules)) return std::nullopt;
  const std::string_view body = text.substr(0, text.size() - kSumBytes);
  if (text_of(sha256(body)) != text.substr(body.size())) return std::nullopt;
  bytes->resize(body.size());
  bytes->erase(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(head));
  return std::move(*bytes);
}

Result<void> write_private(const fs::path& file, std::string_view magic, const Digest& rules,
                           std::string_view body) {
  std::string text;
  text.reserve(magic.size() + body.size() + 2 * kSumBytes);
  text.append(magic).append(text_of(rules)).append(body);
  text += text_of(sha256(text));
  if (text.size() > limits::kScanCacheBytesMax)
    return fail(ErrorKind::kLimit, "scan: what there is to remember is larger than a cache may be");
  const fs::path folder = file.parent_path();
  std::error_code failure;
  if (fs::create_directories(folder, failure)) fs::permissions(folder, fs::perms::owner_all, failure);
  if (!is_private(folder))
    return fail(ErrorKind::kDenied, folder.string() + ": others can write here, so it is no cache");
  // Nothing is lost when the power goes: what is torn is not read.
  const fs::path fresh = file.string() + "." + std::to_string(::getpid());
  fs::remove(fresh, failure);
  TRY(system_env().write_new(fresh, as_bytes(text), 0600));
  return system_env().rename(fresh, file);
}

}  // namespace sallyport::services::scan
