// Where a hostile program is let loose: a folder with inputs, outputs and secrets, listeners on the host, and
// the confinement of a step. Shared by the sandbox's tests and its benchmark. For one thread at a time.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "services/sandbox/fd.h"
#include "services/sandbox/launch.h"
#include "services/sandbox/sandbox.h"
#include "tests/paths.h"

namespace sallyport::services::sandbox::testing {

namespace fs = std::filesystem;

inline const fs::path kProbe = fs::path(tests::build_dir()) / "sandbox_probe";

inline std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}
inline void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A private folder: in/, out/, a secret beside them, and one inside in/ that a confinement is to hide.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "sallyport-sandbox-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
    fs::permissions(root_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
    write_text(root_ / "in/input.txt", "input\n");
    write_text(root_ / "in/.sallyport/keys/lead.key", "the secret of the host\n");
    write_text(root_ / "secret", "the secret of the host\n");
    fs::create_directories(root_ / "out");
    fs::copy_file(kProbe, root_ / "probe");
    fs::copy_file(kProbe, root_ / "setuid");
    fs::permissions(root_ / "setuid", fs::perms::set_uid | fs::perms::owner_all | fs::perms::group_exec |
                                          fs::perms::others_exec | fs::perms::others_read);
  }
  ~Folder() {
    std::error_code error;
    fs::remove_all(root_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const fs::path& root() const { return root_; }
  fs::path in() const { return root_ / "in"; }
  fs::path out() const { return root_ / "out"; }

 private:
  fs::path root_;
};

// Everything on the host that a way out could reach: connections to it succeed without the sandbox.
class Listeners {
 public:
  explicit Listeners(const fs::path& socket_file)
      : abstract_("sallyport-test-" + std::to_string(::getpid())) {
    tcp_ = detail::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::listen(tcp_.get(), 64);
    socklen_t size = sizeof(address);
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    named_ = listen_at(std::string(1, '\0') + abstract_);
    file_ = listen_at(socket_file.string());
    ::chmod(socket_file.c_str(), 0777);
  }

  int port() const { return port_; }
  const std::string& abstract() const { return abstract_; }

 private:
  static detail::Fd listen_at(const std::string& name) {
    detail::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), std::min(name.size(), sizeof(address.sun_path)));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(fd.get(), 64);
    return fd;
  }

  std::string abstract_;
  detail::Fd tcp_;
  detail::Fd named_;
  detail::Fd file_;
  int port_ = 0;
};

inline Confinement probe_confinement(const Folder& folder, const std::string& probe) {
  Confinement confinement;
  confinement.command = {"/probe/probe", probe};
  confinement.environment = {{"PATH", "/usr/bin:/bin"},
                             {"HOME", "/tmp"},
                             {"PROBE_IN", "/in"},
                             {"PROBE_OUT", "/out"},
                             {"PROBE_SECRET", (folder.root() / "secret").string()},
                             {"PROBE_HIDDEN", "/in/.sallyport/keys/lead.key"},
                             {"PROBE_SOCKET", "/in/socket"},
                             {"PROBE_SETUID", "/probe/setuid"},
                             {"PROBE_HOST_PID", std::to_string(::getpid())}};
  confinement.binds = {{folder.in(), "/in", Access::kRead},
                       {folder.out(), "/out", Access::kWrite},
                       {folder.root() / "probe", "/probe/probe", Access::kRead},
                       {folder.root() / "setuid", "/probe/setuid", Access::kRead}};
  confinement.hidden = {"/in/.sallyport"};
  // A hostile program may start another of its own, as a step may that declares it.
  if (!probe.empty()) confinement.executes = std::vector<std::string>{"/probe/setuid"};
  confinement.cwd = "/out";
  confinement.limits = {.wall_s = 60,
                        .cpu_s = 60,
                        .memory_bytes = 256U << 20U,
                        .processes = 64,
                        .disk_bytes = 64U << 20U,
                        .scratch_bytes = 16U << 20U,
                        .output_bytes = 1U << 20U};
  confinement.stdout_file = folder.root() / "stdout";
  confinement.stderr_file = folder.root() / "stderr";
  return confinement;
}

inline Confinement with_listeners(Confinement confinement, const Listeners& listeners) {
  confinement.environment.emplace_back("PROBE_PORT", std::to_string(listeners.port()));
  confinement.environment.emplace_back("PROBE_ABSTRACT", listeners.abstract());
  return confinement;
}

inline std::uint64_t denied(const Outcome& outcome, std::string_view what) {
  for (const Denial& denial : outcome.denials) {
    if (denial.what == what) return denial.count;
  }
  return 0;
}

}  // namespace sallyport::services::sandbox::testing
