#include "core/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <utility>

namespace sallyport {

struct Mapping::State {
  int fd = -1;
  void* address = nullptr;
  std::size_t size = 0;
  struct stat status = {};
  int slot = -1;
};

namespace {

// What the signal handler may look at: a fixed table, since it can neither lock nor allocate.
struct Slot {
  std::atomic<std::uintptr_t> begin = 0;
  std::atomic<std::uintptr_t> end = 0;
  std::atomic<bool> disturbed = false;
};
constexpr int kSlots = 256;
Slot slots[kSlots];
std::mutex slots_mutex;
struct sigaction previous_action;

// Puts a page of zeros where the file ended too early. A fault elsewhere is not ours, and ends the process as
// it would have.
void on_bus_error(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (Slot& slot : slots) {
    if (address < slot.begin.load() || address >= slot.end.load()) continue;
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    void* at = reinterpret_cast<void*>(address & ~(page - 1));
    if (::mmap(at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) break;
    slot.disturbed.store(true);
    return;
  }
  if (previous_action.sa_flags & SA_SIGINFO && previous_action.sa_sigaction != nullptr) {
    previous_action.sa_sigaction(signal, info, context);
    return;
  }
  std::signal(SIGBUS, SIG_DFL);
  std::raise(SIGBUS);
}

void install_handler() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    ::sigaction(SIGBUS, &action, &previous_action);
    return true;
  }();
  static_cast<void>(installed);
}

int take_slot(void* address, std::size_t size) {
  const std::lock_guard lock(slots_mutex);
  install_handler();
  for (int i = 0; i < kSlots; ++i) {
    if (slots[i].end.load() != 0) continue;
    slots[i].disturbed.store(false);
    slots[i].begin.store(reinterpret_cast<std::uintptr_t>(address));
    slots[i].end.store(reinterpret_cast<std::uintptr_t>(address) + size);
    return i;
  }
  return -1;
}

void give_slot(int slot) {
  const std::lock_guard lock(slots_mutex);
  slots[slot].end.store(0);
  slots[slot].begin.store(0);
}

std::string_view what_is(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no regular file";
}

bool same(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

}  // namespace

Mapping::Mapping(std::unique_ptr<State> state) : state_(std::move(state)) {}
Mapping::Mapping(Mapping&&) noexcept = default;

Mapping::~Mapping() {
  if (!state_) return;
  if (state_->slot >= 0) give_slot(state_->slot);
  if (state_->address != nullptr) ::munmap(state_->address, state_->size);
  if (state_->fd >= 0) ::close(state_->fd);
}

Result<Mapping> Mapping::open(const std::filesystem::path& path) {
  auto state = std::make_unique<State>();
  // O_NONBLOCK keeps a FIFO from hanging us before fstat can refuse it.
  state->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  Mapping out(std::move(state));
  State& s = *out.state_;
  if (s.fd < 0 && errno == ELOOP) return invalid(path.string() + ": is a symbolic link");
  if (s.fd < 0) {
    const ErrorKind kind = errno == ENOENT ? ErrorKind::kNotFound : ErrorKind::kIo;
    return fail(kind, path.string() + ": cannot open: " + std::strerror(errno));
  }
  TRY(out.map(path));
  return out;
}

Result<Mapping> Mapping::of(int fd, const std::filesystem::path& path) {
  auto state = std::make_unique<State>();
  state->fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  Mapping out(std::move(state));
  if (out.state_->fd < 0) {
    return fail(ErrorKind::kIo, path.string() + ": cannot read: " + std::strerror(errno));
  }
  TRY(out.map(path));
  return out;
}

Result<void> Mapping::map(const std::filesystem::path& path) {
  State& s = *state_;
  if (::fstat(s.fd, &s.status) != 0) {
    return fail(ErrorKind::kIo, path.string() + ": cannot read: " + std::strerror(errno));
  }
  if (!S_ISREG(s.status.st_mode)) {
    return invalid(path.string() + ": is " + std::string(what_is(s.status.st_mode)) + ", not a file");
  }
  s.size = static_cast<std::size_t>(s.status.st_size);
  if (s.size == 0) return {};
  void* address = ::mmap(nullptr, s.size, PROT_READ, MAP_PRIVATE, s.fd, 0);
  if (address == MAP_FAILED) {
    return fail(ErrorKind::kIo, path.string() + ": cannot read: " + std::strerror(errno));
  }
  s.address = address;
  s.slot = take_slot(address, s.size);
  if (s.slot < 0) return fail(ErrorKind::kLimit, path.string() + ": too many files are mapped at once");
  return {};
}

BytesView Mapping::bytes() const { return {static_cast<const std::uint8_t*>(state_->address), state_->size}; }

bool Mapping::unchanged() const {
  struct stat now = {};
  if (::fstat(state_->fd, &now) != 0 || !same(now, state_->status)) return false;
  return state_->slot < 0 || !slots[state_->slot].disturbed.load();
}

}  // namespace sallyport
