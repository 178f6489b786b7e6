#include "services/sandbox/testdata/table.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <optional>
#include <thread>

#include "services/egress/broker.h"
#include "services/sandbox/testdata/setting.h"

namespace sallyport::services::sandbox::testing {
namespace {

using formats::Authority;

enum class Through : std::uint8_t { kNothing, kUndeclared, kBudget, kRebound };

struct Row {
  std::string_view probe;
  std::string_view tries;
  std::string_view attested;
  Through through = Through::kNothing;
};

constexpr std::string_view kByConfinement = "confinement";

constexpr std::array kRows{
    Row{"tcp", "a TCP connection to the host", "denied socket(AF_INET)"},
    Row{"udp", "a datagram to the host", "denied socket(AF_INET)"},
    Row{"tcp6", "IPv6 to the host", "denied socket(AF_INET6)"},
    Row{"dns", "a question to a name server", "denied socket(AF_INET)"},
    Row{"raw_packet", "frames of its own making", "denied socket(AF_PACKET)"},
    Row{"raw_ip", "ICMP of its own making", "denied socket(AF_INET)"},
    Row{"netlink", "the kernel's routing interface", "denied socket(AF_NETLINK)"},
    Row{"vsock", "the hypervisor's sockets", "denied socket(AF_VSOCK)"},
    Row{"crypto_socket", "the kernel's ciphers", "denied socket(AF_ALG)"},
    Row{"abstract_socket", "an abstract socket of the host", "denied socket(AF_UNIX)"},
    Row{"socket_file", "a socket file in an input", "denied socket(AF_UNIX)"},
    Row{"exfiltrate", "data through the broker, elsewhere", "broker", Through::kUndeclared},
    Row{"exfiltrate", "more data than the broker may pass", "broker", Through::kBudget},
    Row{"exfiltrate", "a declared name pointed inside", "broker", Through::kRebound},
    Row{"io_uring", "system calls by a ring", "denied io_uring_setup"},
    Row{"bpf", "a map of BPF", "denied bpf"},
    Row{"perf", "performance counters", "denied perf_event_open"},
    Row{"userfaultfd", "page faults in its hand", "denied userfaultfd"},
    Row{"keyctl", "a keyring of the user", "denied keyctl"},
    Row{"add_key", "a key of its own", "denied add_key"},
    Row{"kernel_log", "the kernel's log", "denied syslog"},
    Row{"file_handle", "files by handle", "denied name_to_handle_at"},
    Row{"trace_child", "ptrace", "denied ptrace"},
    Row{"read_memory", "another process's memory", "denied process_vm_readv"},
    Row{"signal_host", "a signal to a process of the host", kByConfinement},
    Row{"environment_of_init", "the environment of process 1", kByConfinement},
    Row{"memory_of_init", "the memory of process 1", kByConfinement},
    Row{"root_of_init", "the root of process 1", kByConfinement},
    Row{"descriptors_of_init", "the descriptors of process 1", kByConfinement},
    Row{"user_namespace", "a user namespace", "denied unshare"},
    Row{"mount_namespace", "a mount namespace", "denied unshare"},
    Row{"clone_namespace", "a child in a namespace", "denied clone(new namespace)"},
    Row{"join_namespace", "another's namespace", "denied setns"},
    Row{"mount", "a mount", "denied mount"},
    Row{"unmount", "an unmount", "denied umount2"},
    Row{"open_mounts", "a copy of the mounts", "denied open_tree"},
    Row{"chroot", "another root", "denied chroot"},
    Row{"become_root", "to be root", kByConfinement},
    Row{"setuid_program", "to be root by a setuid program", kByConfinement},
    Row{"host_name", "another host name", "denied sethostname"},
    Row{"raise_limit", "a higher limit", kByConfinement},
    Row{"make_device", "a device node", kByConfinement},
    Row{"open_disk", "the disk", kByConfinement},
    Row{"open_kernel_memory", "the kernel's memory", kByConfinement},
    Row{"read_secret", "a file of the host", kByConfinement},
    Row{"read_secret_through_proc", "a file through /proc", kByConfinement},
    Row{"read_secret_through_link", "a file through a link", kByConfinement},
    Row{"read_hidden", "a key in an input", kByConfinement},
    Row{"read_shadow", "the host's passwords", "denied open /etc/shadow"},
    Row{"write_input", "a new file in an input", kByConfinement},
    Row{"change_input", "another input", kByConfinement},
    Row{"link_input", "a second name for an input", kByConfinement},
    Row{"write_through_link", "an input through a link", kByConfinement},
    Row{"inherited_descriptors", "a descriptor of the runner", kByConfinement},
    Row{"host_environment", "a variable of the runner", kByConfinement},
    Row{"writable_code", "memory that is written and executed", kByConfinement},
    Row{"code_made_from_data", "memory that was written, executed", kByConfinement},
    Row{"execute_scratch", "a program that it wrote", "denied execute /tmp/probe-script"},
    Row{"execute_output", "a program among its results", "denied execute /out/script"},
    Row{"memory_file", "a program in memory alone", "denied memfd_create"},
    Row{"nameless_program", "a program by descriptor", "denied execveat"},
    Row{"other_program", "a program that it does not declare", "denied execute"},
    Row{"loader_by_hand", "the same, by the loader", "denied execute"},
    Row{"library_by_hand", "a library as a program, by the loader", "denied execute"},
    Row{"library_as_program", "a library as a program", "denied execute"},
    Row{"core_dump", "a core dump", kByConfinement},
    Row{"many_processes", "more processes than it may have", "limit processes"},
    Row{"much_memory", "more memory than it may have", "limit memory"},
    Row{"much_disk", "more disk than it may have", "limit disk"},
    Row{"mine", "more processor time than it may have", "limit cpu"},
    Row{"overstay", "more time than it may have", "limit wall"},
};

// A host of the network that takes all, and answers how much.
class Drain {
 public:
  Drain() : listening_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(at);
    ::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&at), size);
    ::listen(listening_.get(), 16);
    ::getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    std::memcpy(&address_.storage, &at, sizeof(at));
    address_.size = sizeof(at);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Drain() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }
  const egress::Address& address() const { return address_; }

 private:
  void serve() {
    while (true) {
      const detail::Fd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      std::size_t total = 0;
      std::array<char, 4096> block{};
      for (ssize_t size = 0; (size = ::recv(client.get(), block.data(), block.size(), 0)) > 0;) {
        total += static_cast<std::size_t>(size);
      }
      const std::string answer = std::to_string(total);
      (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
  }

  detail::Fd listening_;
  egress::Address address_ = {};
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// What earlier trials outside left in the host's scratch folder.
void tidy() {
  for (const char* path : {"/tmp/disk", "/tmp/probe-script"}) ::unlink(path);
}

class Table {
 public:
  Result<std::vector<Trial>> run() {
    std::vector<Trial> out;
    // What the runner has, and its command must not get.
    ::setenv("PROBE_HOST_ONLY", "1", 1);
    for (const Row& row : kRows) {
      Trial trial{.name = row.probe, .tries = row.tries, .attested_as = std::string(row.attested)};
      tidy();
      outside(row, trial);
      tidy();
      TRY(inside(row, trial));
      out.push_back(std::move(trial));
    }
    ::unsetenv("PROBE_HOST_ONLY");
    return out;
  }

 private:
  // What the probe said last, and whether it said that it had worked.
  static bool escaped(const fs::path& said, std::string& what) {
    const std::string text = read_text(said);
    what = text.substr(0, text.find('\n'));
    if (what.starts_with("blocked: ")) what = what.substr(9);
    return what == "escaped";
  }

  Confinement box_for(const Folder& folder, const Listeners& listeners, std::string_view probe) const {
    Confinement box = with_listeners(probe_confinement(folder, std::string(probe)), listeners);
    box.environment.emplace_back("PROBE_DRAIN", std::to_string(drain_.port()));
    box.environment.emplace_back("PROBE_TO", "store.example.org:" + std::to_string(drain_.port()));
    return box;
  }

  void outside(const Row& row, Trial& trial) const {
    const Folder folder;
    const Listeners listeners(folder.in() / "socket");
    const Confinement box = box_for(folder, listeners, row.probe);
    const fs::path said = folder.root() / "stdout";
    const detail::Fd leaked(::open((folder.root() / "secret").c_str(), O_RDONLY));
    const pid_t child = ::fork();
    if (child == 0) attempt(folder, box, row.probe, said);
    int status = 0;
    ::waitpid(child, &status, 0);
    trial.works_outside = escaped(said, trial.outside) && WIFEXITED(status);
    trial.possible = trial.works_outside;
  }

  [[noreturn]] static void attempt(const Folder& folder, const Confinement& box, std::string_view probe,
                                   const fs::path& said) {
    // So that a mount or a name of the probe's is gone with it.
    if (::geteuid() == 0 && ::unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) == 0) {
      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    }
    const rlimit seconds{60, 60};
    ::setrlimit(RLIMIT_CPU, &seconds);
    const int out = ::open(said.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(out, 1);
    ::dup2(null, 2);
    for (auto [name, value] : box.environment) {
      if (name == "PROBE_IN") value = folder.in();
      if (name == "PROBE_OUT") value = folder.out();
      if (name == "PROBE_HIDDEN") value = folder.in() / ".sallyport/keys/lead.key";
      if (name == "PROBE_SOCKET") value = folder.in() / "socket";
      if (name == "PROBE_SETUID") value = folder.root() / "setuid";
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    const std::string text(probe);
    if (::chdir("/") == 0) ::execl(kProbe.c_str(), "sandbox_probe", text.c_str(), nullptr);
    ::_exit(127);
  }

  Result<void> inside(const Row& row, Trial& trial) {
    const Folder folder;
    const Listeners listeners(folder.in() / "socket");
    Confinement box = box_for(folder, listeners, row.probe);
    if (row.probe == "mine") box.limits.cpu_s = 0.3;
    if (row.probe == "overstay") box.limits.wall_s = 0.3;
    std::optional<egress::Broker> broker;
    Watch watch;
    if (row.through != Through::kNothing) {
      box.network = Network::kBroker;
      egress::Destination one{.to = {.host = "store.example.org", .port = drain_.port()}};
      if (row.through == Through::kUndeclared) one.to.host = "other.example.org";
      if (row.through == Through::kBudget) one.send_bytes_max = 1024;
      one.is_private = row.through != Through::kRebound;
      broker.emplace(std::vector{one}, [this](const Authority&) { return std::vector{drain_.address()}; });
      watch.on_listening = [&](int listening) { return broker->serve(listening); };
    }
    const Outcome outcome = TRY(sandbox::run(box, watch));
    const bool worked = escaped(folder.root() / "stdout", trial.inside);
    trial.blocked = !worked && outcome.confinement == digest_of(box);
    trial.attested = attests(row, trial, outcome, box, broker);
    if (trial.inside.empty()) trial.inside = "it was ended";
    return {};
  }

  static bool attests(const Row& row, Trial& trial, const Outcome& outcome, const Confinement& box,
                      std::optional<egress::Broker>& broker) {
    if (row.attested == "broker") {
      const std::vector<egress::Connection> connections = broker->stop();
      if (connections.size() != 1) return false;
      trial.attested_as = "broker: " + connections.front().refused;
      return !connections.front().refused.empty();
    }
    if (row.attested == kByConfinement) return outcome.confinement == digest_of(box);
    if (row.attested.starts_with("limit ")) return name_of(outcome.limit) == row.attested.substr(6);
    const std::string_view what = row.attested.substr(std::string_view("denied ").size());
    for (const Denial& denial : outcome.denials) {
      const bool same = what == "execute" ? denial.what.starts_with("execute ") : denial.what == what;
      if (!same) continue;
      trial.attested_as = "denied " + denial.what;
      return denial.count > 0;
    }
    return false;
  }

  Drain drain_;
};

}  // namespace

Result<std::vector<Trial>> try_all() { return Table().run(); }

}  // namespace sallyport::services::sandbox::testing
