#include "services/notebook/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <thread>

#include "core/env.h"
#include "core/limits/notebook.h"
#include "services/http/fetch.h"
#include "services/sandbox/fd.h"

namespace sallyport::services::notebook {
namespace {

using sandbox::detail::Fd;

// Takes what was released to its place.
class Carrier {
 public:
  static Result<Carrier> open(const std::vector<Destination>& destinations) {
    Carrier out;
    for (const Destination& one : destinations) {
      if (!out.places_.emplace(one.name, one).second)
        return invalid("destination " + one.name + " is given twice");
      if (!is_address(one)) TRY(make_directories_durably(system_env(), one.place));
    }
    return out;
  }

  Result<void> take(const std::string& name, BytesView body) {
    const auto found = places_.find(name);
    if (found == places_.end()) return fail(ErrorKind::kNotFound, "no place for " + name);
    if (is_address(found->second)) return post(found->second, body);
    char file[32];
    std::snprintf(file, sizeof file, "%06zu", ++written_[name]);
    return write_durably(system_env(), std::filesystem::path(found->second.place) / file, body);
  }

 private:
  static Result<void> post(const Destination& to, BytesView body) {
    const http::Answered answer = TRY(
        http::post(to.place, {.body = std::string(as_text(body)), .content_type = "application/octet-stream"},
                   {.bytes_max = limits::kEgressAnswerBytesMax}));
    if (answer.status / 100 == 2) return {};
    return fail(ErrorKind::kIo, to.name + " answered with status " + std::to_string(answer.status));
  }

  std::map<std::string, Destination> places_;
  std::map<std::string, std::size_t> written_;
};

struct Ends {
  Fd ours;
  Fd theirs;
};
Result<Ends> stream() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(ErrorKind::kIo, std::string("notebook: no stream: ") + std::strerror(errno));
  return Ends{.ours = Fd(ends[0]), .theirs = Fd(ends[1])};
}

}  // namespace

Result<Destination> destination_of(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == text.size())
    return invalid("destination '" + std::string(text) + "': NAME=FOLDER or NAME=URL is needed");
  Destination out{.name = std::string(text.substr(0, equals)), .place = std::string(text.substr(equals + 1))};
  // The head of a body could not name it.
  if (out.name.find_first_of(" \t\r\n") != std::string::npos)
    return invalid("destination '" + out.name + "': a name has no blanks");
  if (out.place.find("://") != std::string::npos && !is_address(out))
    return invalid("destination " + out.name + ": only https and http addresses are posted to");
  return out;
}

bool is_address(const Destination& destination) {
  return destination.place.starts_with("https://") || destination.place.starts_with("http://");
}

Result<Session> run_session(SessionOptions options, Protected guarded, const sandbox::Watch& watch) {
  Carrier carrier = TRY(Carrier::open(options.destinations));
  BrokerOptions rules;
  rules.budget_bytes = options.budget_bytes;
  for (const Destination& one : options.destinations) rules.allowed.push_back(one.name);
  Broker broker(std::move(rules), std::move(guarded));
  Ends ends = TRY(stream());
  options.box.inherited.push_back({.host = ends.theirs.get(), .inside = kChannelFd});
  options.box.environment.emplace_back("SALLYPORT_EGRESS_FD", std::to_string(kChannelFd));
  Session out;
  Result<void> served;
  std::thread service([&] {
    served = serve(
        ends.ours.get(), options.name, broker,
        [&](const std::string& to, BytesView body) { return carrier.take(to, body); },
        [&](const std::string& to, std::size_t bytes, const std::string& refused) {
          if (out.sent.size() < limits::kEgressListedMax) out.sent.push_back({to, bytes, refused});
        });
    // Who spoke otherwise is not to wait for an answer.
    ::shutdown(ends.ours.get(), SHUT_RDWR);
  });
  Result<sandbox::Outcome> outcome = sandbox::run(options.box, watch);
  ends.theirs.reset();
  service.join();
  if (!outcome) return std::unexpected(outcome.error());
  out.outcome = *std::move(outcome);
  out.released_bytes = broker.bytes_of(options.name);
  if (!served) out.broken = served.error().message;
  return out;
}

}  // namespace sallyport::services::notebook
