#include "drills/victims/preprocessing.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "drills/victims/process.h"

namespace sallyport::drills::victims {
namespace {

constexpr std::string_view kWorker = R"python(
import importlib, json, pickle, re, sys

def construct(tag, arguments):
    module, _, name = tag.rpartition(".")
    return getattr(importlib.import_module(module), name)(*arguments)

def load_yaml(text):
    prefix = "tag:yaml.org,2002:python/object/apply:"
    for handle, meant in re.findall(r"^%TAG (\S+) (\S+)$", text, re.M):
        text = text.replace(" " + handle, " !<" + meant)
        text = re.sub(r"(!<" + re.escape(meant) + r"[\w.]+)", r"\1>", text)
    text = text.replace("!!python/object/apply:", "!<" + prefix)
    for tag, arguments in re.findall(r"!<" + prefix + r"([\w.]+)>? (\[.*\])", text):
        construct(tag, json.loads(arguments))

def run_notebook(text):
    names = {}
    for cell in json.loads(text)["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)

path = sys.argv[1]
if path.endswith(".pkl"):
    with open(path, "rb") as file:
        pickle.load(file)
else:
    with open(path, encoding="utf-8") as file:
        (load_yaml if path.endswith(".yaml") else run_notebook)(file.read())
)python";

}  // namespace

Listener::~Listener() {
  if (fd_ >= 0) ::close(fd_);
}
Listener::Listener(Listener&& other) noexcept : fd_(std::exchange(other.fd_, -1)), port_(other.port_) {}
Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(fd_, other.fd_);
  port_ = other.port_;
  return *this;
}

Result<Listener> Listener::open() {
  Listener out;
  out.fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (out.fd_ < 0 || ::bind(out.fd_, raw, length) != 0 || ::listen(out.fd_, 4) != 0 ||
      ::getsockname(out.fd_, raw, &length) != 0) {
    return fail(ErrorKind::kIo, "drill: cannot listen on loopback");
  }
  out.port_ = ntohs(address.sin_port);
  return out;
}

bool Listener::was_called() const {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  return fd_ >= 0 && ::poll(&waiting, 1, 0) == 1;
}

Result<void> preprocess(World& world, const std::string& file) {
  TRY(world.write("worker.py", kWorker));
  TRY(run_process(world, {"python3", "-I", "-S", "-B", "worker.py", file}, ""));
  return {};
}

}  // namespace sallyport::drills::victims
