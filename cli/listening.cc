#include "cli/listening.h"

#include <sys/resource.h>

#include <algorithm>

#include "services/http/hosts.h"

namespace sallyport::cli {
namespace {

// Ten thousand connections that say nothing must leave room for one that does.
constexpr int kConnectionsMax = 20'000;
constexpr rlim_t kOtherFilesMax = 1'000;

}  // namespace

int connections_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return services::http::Options{}.connections_max;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, kConnectionsMax + kOtherFilesMax);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return services::http::Options{}.connections_max;
  return static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur / 2, kOtherFilesMax));
}

Result<std::shared_ptr<const services::http::Tls>> tls_of(const Arguments& arguments, const fs::path& root,
                                                          const std::string& host) {
  const bool named = arguments.has("tls-cert");
  if (!named && !arguments.has("client-ca") && services::http::is_loopback(host)) return nullptr;
  Env& env = system_env();
  services::http::TlsFiles files;
  if (named) {
    files = {.certificate = arguments.text("tls-cert"), .key = arguments.text("tls-key")};
  } else {
    files = TRY(services::http::self_signed(env, root / "tls", host));
  }
  if (arguments.has("client-ca")) files.client_ca = arguments.text("client-ca");
  return services::http::Tls::load(env, files);
}

std::string url_of(const services::http::Server& server, const services::http::Tls* tls,
                   const std::string& host) {
  return (tls == nullptr ? "http://" : "https://") +
         (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
         std::to_string(server.port());
}

}  // namespace sallyport::cli
