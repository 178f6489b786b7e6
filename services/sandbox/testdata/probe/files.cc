#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool read_secret() { return tells_secret(text_of("PROBE_SECRET")); }
bool read_secret_through_proc() {
  return tells_secret("/proc/1/root" + text_of("PROBE_SECRET")) ||
         tells_secret("/proc/self/root" + text_of("PROBE_SECRET")) ||
         tells_secret("/proc/self/cwd/../../../../../.." + text_of("PROBE_SECRET"));
}
bool read_secret_through_link() {
  const std::string link = text_of("PROBE_OUT") + "/link";
  ::unlink(link.c_str());
  return worked(::symlink(text_of("PROBE_SECRET").c_str(), link.c_str())) && tells_secret(link);
}
bool read_hidden() { return tells_secret(text_of("PROBE_HIDDEN")); }
bool read_shadow() { return !read_all("/etc/shadow").empty(); }
bool read_home() { return !read_all("/root/.bashrc").empty() || !read_all("/root/.profile").empty(); }
bool write_system() { return writes("/usr/probe"); }
bool write_root() { return writes("/probe"); }
bool write_passwd() { return writes("/etc/passwd"); }
bool write_input() { return writes(text_of("PROBE_IN") + "/probe"); }
bool change_input() { return writes(text_of("PROBE_IN") + "/input.txt"); }
bool link_input() {
  const std::string to = text_of("PROBE_OUT") + "/hard";
  return worked(::link((text_of("PROBE_IN") + "/input.txt").c_str(), to.c_str()));
}
bool write_through_link() {
  const std::string link = text_of("PROBE_OUT") + "/towards-input";
  ::unlink(link.c_str());
  return worked(::symlink((text_of("PROBE_IN") + "/input.txt").c_str(), link.c_str())) && writes(link);
}
bool write_proc() { return writes("/proc/sys/kernel/core_pattern"); }
bool write_own_maps() { return writes("/proc/self/uid_map"); }
bool write_cgroup() {
  return writes("/sys/fs/cgroup/memory/cgroup.procs") || writes("/sys/fs/cgroup/cgroup.procs");
}
bool make_socket_in_output() {
  return worked(::mknod((text_of("PROBE_OUT") + "/fifo").c_str(), S_IFIFO | 0600, 0));
}
bool open_disk() { return worked(::open("/dev/vda", O_RDONLY)) || worked(::open("/dev/sda", O_RDONLY)); }
bool open_kernel_memory() {
  return worked(::open("/dev/mem", O_RDONLY)) || worked(::open("/proc/kcore", O_RDONLY));
}
bool inherited_descriptors() {
  for (int fd = 3; fd < 4096; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) return true;
  }
  why = "none above 2";
  return false;
}
bool host_environment() {
  why = "not there";
  return std::getenv("PROBE_HOST_ONLY") != nullptr;
}

constexpr std::array kProbes{
    Probe{"read_secret", read_secret},
    Probe{"read_secret_through_proc", read_secret_through_proc},
    Probe{"read_secret_through_link", read_secret_through_link},
    Probe{"read_hidden", read_hidden},
    Probe{"read_shadow", read_shadow},
    Probe{"read_home", read_home},
    Probe{"write_system", write_system},
    Probe{"write_root", write_root},
    Probe{"write_passwd", write_passwd},
    Probe{"write_input", write_input},
    Probe{"change_input", change_input},
    Probe{"link_input", link_input},
    Probe{"write_through_link", write_through_link},
    Probe{"write_proc", write_proc},
    Probe{"write_own_maps", write_own_maps},
    Probe{"write_cgroup", write_cgroup},
    Probe{"fifo_in_output", make_socket_in_output},
    Probe{"open_disk", open_disk},
    Probe{"open_kernel_memory", open_kernel_memory},
    Probe{"inherited_descriptors", inherited_descriptors},
    Probe{"host_environment", host_environment},
};

}  // namespace

std::span<const Probe> files() { return kProbes; }

}  // namespace probe
