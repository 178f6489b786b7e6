#include "services/sandbox/programs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <tuple>

#include "core/limits/sandbox.h"
#include "services/sandbox/fd.h"

namespace sallyport::services::sandbox::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kSystem{"/usr",   "/bin",   "/sbin",  "/lib",
                                                  "/lib32", "/lib64", "/libx32"};

bool in_system(std::string_view path) {
  return std::any_of(kSystem.begin(), kSystem.end(), [&](auto folder) { return below(path, folder); });
}

std::string rest_of(const std::string& path, const std::string& folder) { return path.substr(folder.size()); }

Result<Digest> read_digest(int file) {
  Hasher hasher;
  Bytes block(limits::kMiB);
  while (true) {
    const ssize_t got = ::read(file, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(ErrorKind::kIo, std::strerror(errno));
    if (got == 0) return hasher.finish();
    hasher.add(BytesView(block).first(static_cast<std::size_t>(got)));
  }
}

// A hundred megabytes of a runtime are not read again for each step of a run.
Result<Digest> digest_of_file(const fs::path& host) {
  const Fd file(::open(host.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return fail(ErrorKind::kIo, std::strerror(errno));
  using Key = std::tuple<dev_t, ino_t, off_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  const Key key{status.st_dev,          status.st_ino,         status.st_size,        status.st_mtim.tv_sec,
                status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
  static std::mutex mutex;
  static std::map<Key, Digest> known;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  const Digest digest = TRY(read_digest(file.get()));
  const std::lock_guard lock(mutex);
  return known.emplace(key, digest).first->second;
}

// "#!/usr/bin/env -S python3 -u" to {"/usr/bin/env", "python3"}; nothing for what is no script.
std::vector<std::string> interpreters_in(const fs::path& host) {
  const Fd file(::open(host.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(limits::kSandboxFirstLineBytesMax, '\0');
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (got < 2 || !text.starts_with("#!")) return {};
  text.resize(static_cast<std::size_t>(got));
  text = text.substr(2, text.find('\n') == std::string::npos ? std::string::npos : text.find('\n') - 2);
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find_first_not_of(" \t", at);
    if (begin == std::string::npos) break;
    at = std::min(text.find_first_of(" \t", begin), text.size());
    words.push_back(text.substr(begin, at - begin));
  }
  if (words.empty()) return {};
  std::vector<std::string> out{words.front()};
  if (fs::path(words.front()).filename() != "env") return out;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].starts_with('-') || words[i].find('=') != std::string::npos) continue;
    out.push_back(words[i]);
    break;
  }
  return out;
}

class Finder {
 public:
  explicit Finder(const Confinement& confinement) : confinement_(confinement) {
    for (const auto& [name, value] : confinement.environment) {
      if (name == "PATH") path_ = value;
    }
  }

  Result<std::vector<Program>> find() {
    const std::vector<std::string>& wanted = *confinement_.executes;
    if (wanted.size() > limits::kSandboxProgramsMax) {
      return invalid("sandbox: more than " + std::to_string(limits::kSandboxProgramsMax) + " programs");
    }
    if (!TRY(add(confinement_.command.front(), 0))) return std::vector<Program>{};
    for (const std::string& name : wanted) {
      if (TRY(add(name, 0))) continue;
      return fail(ErrorKind::kNotFound, "sandbox: program " + name + ": not found inside",
                  "take it out of `executes`, or give its path as the command sees it");
    }
    std::vector<Program> out;
    for (auto& [inside, program] : found_) out.push_back(program);
    return out;
  }

 private:
  // False when there is no such program.
  Result<bool> add(const std::string& name, std::size_t depth) {
    if (name.empty() || name.find('\0') != std::string::npos)
      return invalid("sandbox: a program has no name");
    const std::optional<fs::path> host = look_up(name);
    if (!host) return false;
    Program program = TRY(program_at(name, *host));
    const Result<Digest> digest = digest_of_file(*host);
    if (!digest) return within("sandbox: program " + name, digest.error());
    program.digest = *digest;
    if (!found_.emplace(program.inside, program).second || depth == limits::kSandboxScriptsDeep) return true;
    if (found_.size() > 2 * limits::kSandboxProgramsMax) return invalid("sandbox: too many programs");
    for (const std::string& interpreter : interpreters_in(*host)) TRY(add(interpreter, depth + 1));
    return true;
  }

  std::optional<fs::path> look_up(const std::string& name) const {
    if (name.find('/') != std::string::npos) {
      return real_file(name.front() == '/' ? name : confinement_.cwd + "/" + name);
    }
    for (std::size_t begin = 0; begin <= path_.size();) {
      const std::size_t end = std::min(path_.find(':', begin), path_.size());
      if (end > begin) {
        if (const auto file = real_file(path_.substr(begin, end - begin) + "/" + name)) return file;
      }
      begin = end + 1;
    }
    return {};
  }

  // The host's regular file that an inside path leads to, links followed.
  std::optional<fs::path> real_file(const std::string& inside) const {
    const std::string plain = fs::path(inside).lexically_normal();
    const Bind* best = nullptr;
    for (const Bind& bind : confinement_.binds) {
      if (below(plain, bind.inside) && (best == nullptr || bind.inside.size() > best->inside.size()))
        best = &bind;
    }
    if (best == nullptr && !in_system(plain)) return {};
    std::error_code code;
    const fs::path host =
        fs::canonical(best == nullptr ? plain : best->host.string() + rest_of(plain, best->inside), code);
    if (code || !fs::is_regular_file(host, code)) return {};
    return host;
  }

  Result<Program> program_at(const std::string& name, const fs::path& host) const {
    const Bind* best = nullptr;
    std::string best_host;
    for (const Bind& bind : confinement_.binds) {
      std::error_code code;
      const std::string folder = fs::canonical(bind.host, code);
      if (code || !below(host.native(), folder) || (best != nullptr && folder.size() < best_host.size()))
        continue;
      best = &bind;
      best_host = folder;
    }
    if (best == nullptr) {
      if (in_system(host.native())) return Program{.inside = host, .of_the_system = true};
      return invalid("sandbox: program " + name + ": leads to a file that is not inside");
    }
    if (best->access == Access::kWrite) {
      return invalid("sandbox: program " + name + ": lies where the command may write");
    }
    return Program{.inside = best->inside + rest_of(host, best_host)};
  }

  const Confinement& confinement_;
  std::string path_ = "/usr/bin:/bin";
  std::map<std::string, Program> found_;
};

}  // namespace

bool below(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

Result<std::vector<Program>> programs_of(const Confinement& confinement) {
  if (!confinement.executes) return std::vector<Program>{};
  return Finder(confinement).find();
}

}  // namespace sallyport::services::sandbox::detail
