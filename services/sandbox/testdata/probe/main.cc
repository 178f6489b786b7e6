// A hostile program for the sandbox's tests.
//
//   sandbox_probe NAME    prints "escaped" and exits 1 when the attempt worked, else "blocked: why" and exits
//   0 sandbox_probe all     the same for every probe that ends by itself, one a line
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {

std::string why;

bool worked(long result) {
  if (result >= 0) return true;
  why = std::strerror(errno);
  return false;
}

std::string text_of(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

std::string read_all(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (!worked(file)) return "";
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(file, buffer.data(), buffer.size());
  ::close(file);
  return worked(size) ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
}

bool writes(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (!worked(file)) return false;
  const bool done = worked(::write(file, "x", 1));
  ::close(file);
  return done;
}

bool tells_secret(const std::string& path) {
  return read_all(path).find("the secret of the host") != std::string::npos;
}

}  // namespace probe

namespace {

// In a child, so that a probe that changes its process leaves the next one an ordinary one.
bool escaped(const probe::Probe& entry) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool escape = entry.attempt();
    std::printf("%.*s %s%s\n", static_cast<int>(entry.name.size()), entry.name.data(),
                escape ? "escaped" : "blocked: ", escape ? "" : probe::why.c_str());
    std::fflush(stdout);
    ::_exit(escape ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status != 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view name = count == 2 ? arguments[1] : "";
  bool any = false;
  bool known = false;
  for (const auto& group : {probe::network(), probe::kernel(), probe::processes(), probe::privileges(),
                            probe::files(), probe::new_code(), probe::loads()}) {
    for (const probe::Probe& entry : group) {
      if (name == "all" ? !entry.ends : name != entry.name) continue;
      known = true;
      if (name == "all") {
        any = escaped(entry) || any;
        continue;
      }
      any = entry.attempt();
      std::printf("%s%s\n", any ? "escaped" : "blocked: ", any ? "" : probe::why.c_str());
    }
  }
  if (known) return any ? 1 : 0;
  std::fprintf(stderr, "usage: sandbox_probe NAME|all\n");
  return 64;
}
