#include "bench/served.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "bench/bench.h"
#include "bench/http_client.h"
#include "tests/paths.h"
#include "tests/peer.h"

namespace sallyport::bench {
namespace {

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

bool healthy(std::uint16_t port) {
  auto client = HttpClient::connect(port);
  if (!client) return false;
  const auto reply = client->ask("GET", "/health");
  return reply && reply->status == 200;
}

pid_t launch(std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setsid();
  const int quiet = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) ::dup2(quiet, fd);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

// The fifth field of /proc/PID/stat, behind the name, which may hold anything.
pid_t group_of(const std::string& stat) {
  std::istringstream rest(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
  std::string state;
  pid_t parent = 0;
  pid_t group = 0;
  rest >> state >> parent >> group;
  return group;
}

}  // namespace

std::vector<std::string> our_server_words(const std::filesystem::path& root) {
  return {tests::sallyport(), "server", "--root", root.string(), "--port", "{port}", "--allow-anonymous"};
}
std::vector<std::string> mlflow_server_words(const std::filesystem::path& peer,
                                             const std::filesystem::path& root) {
  return {(peer / "bin" / "mlflow").string(),
          "server",
          "--host",
          "127.0.0.1",
          "--port",
          "{port}",
          "--backend-store-uri",
          "sqlite:///" + (root / "mlflow.db").string(),
          "--artifacts-destination",
          (root / "mlartifacts").string()};
}

std::filesystem::path mlflow_peer() { return tests::peer("mlflow", "mlflow==3.17.2"); }

Result<Served> Served::start(std::vector<std::string> words, double limit_s) {
  const std::uint16_t port = free_port();
  for (std::string& word : words) {
    if (const std::size_t at = word.find("{port}"); at != std::string::npos) {
      word.replace(at, 6, std::to_string(port));
    }
  }
  const double start = now_s();
  const pid_t child = launch(words);
  if (child < 0) return fail(ErrorKind::kIo, "bench: cannot fork");
  Served out(child, port);
  while (now_s() - start < limit_s) {
    if (healthy(port)) {
      out.start_s_ = now_s() - start;
      return out;
    }
    if (::waitpid(child, nullptr, WNOHANG) == child) return invalid(words.front() + ": the server has ended");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return fail(ErrorKind::kLimit, words.front() + ": the server did not get ready");
}

Served::~Served() {
  if (group_ <= 0) return;
  ::kill(-group_, SIGTERM);
  // 0 while it lives; an end that was seen before is an error.
  for (int wait = 0; wait < 200 && ::waitpid(group_, nullptr, WNOHANG) == 0; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ::kill(-group_, SIGKILL);
  ::waitpid(group_, nullptr, 0);
}
Served::Served(Served&& other) noexcept
    : group_(std::exchange(other.group_, -1)), port_(other.port_), start_s_(other.start_s_) {}

std::uint64_t Served::resident_bytes() const {
  std::uint64_t pages = 0;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", code)) {
    std::ifstream stat(entry.path() / "stat");
    std::string line;
    if (!std::getline(stat, line) || group_of(line) != group_) continue;
    std::ifstream statm(entry.path() / "statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    statm >> size >> resident;
    pages += resident;
  }
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace sallyport::bench
