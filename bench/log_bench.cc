// Durable appends to the log by many clients at once, each waiting for its own entry, beside Tessera's POSIX
// log under the same load on the same disk: rounds of the one and the other in turn.
//
// Tessera is built from the module proxy (tests/peers/tlog); where that fails it is left out, and that is
// said.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "bench/bench.h"
#include "tests/tlog_peer.h"
#include "trust/batcher.h"
#include "trust/tlog.h"

namespace sallyport::bench {
namespace {

constexpr std::size_t kClients = 256;
constexpr int kRounds = 3;
constexpr double kSeconds = 4;

Bytes entry(std::uint64_t number) {
  return to_bytes("{\"envelope\":\"" + sha256(std::to_string(number)).hex() +
                  "\",\"predicateType\":\"https://sallyport.dev/gate/v1\"}");
}

Result<double> ours(const fs::path& folder) {
  Env& env = system_env();
  const trust::PrivateKey key = TRY(trust::PrivateKey::generate(env));
  trust::Log log = TRY(trust::Log::create(env, folder, {"bench.example/log", {key.public_key()}}, key));
  trust::Batcher<Bytes, std::uint64_t> batcher(
      [&](std::span<const Bytes> entries) -> Result<std::vector<std::uint64_t>> {
        const std::uint64_t first = TRY(log.append(entries, key));
        std::vector<std::uint64_t> out(entries.size());
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = first + i;
        return out;
      },
      kClients, trust::kTileWidth);
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> done = 0;
  std::atomic<bool> failed = false;
  const double start = now_s();
  {
    std::vector<std::jthread> clients;
    for (std::size_t c = 0; c < kClients; ++c) {
      clients.emplace_back([&] {
        while (now_s() - start < kSeconds && !failed) {
          failed = failed || !batcher.submit(entry(++next));
          ++done;
        }
      });
    }
  }
  const double seconds = now_s() - start;
  if (failed) return fail(ErrorKind::kIo, "an entry was not appended");
  if (log.size() != done) return invalid("the log does not hold what was acknowledged");
  TRY(log.fsck());
  return static_cast<double>(done) / seconds;
}

Result<double> theirs(const fs::path& peer, const fs::path& folder) {
  const std::string command = "'" + peer.string() + "' append '" + folder.string() + "' " +
                              std::to_string(kClients) + " " + std::to_string(kSeconds) + " 2>/dev/null";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return fail(ErrorKind::kIo, "tlog-peer could not be started");
  char line[64] = "";
  const bool said = std::fgets(line, sizeof line, pipe) != nullptr;
  if (::pclose(pipe) != 0 || !said) return fail(ErrorKind::kIo, "tlog-peer did not answer");
  return std::strtod(line, nullptr);
}

}  // namespace

Result<std::vector<Figure>> bench_log_appends() {
  const fs::path peer = tests::tlog_peer();
  if (peer.empty())
    std::fprintf(stderr, "sallyport-bench: trust: Tessera is left out: it could not be built\n");
  std::vector<double> rates;
  std::vector<double> peer_rates;
  std::vector<double> ratios;
  // ext4 looks at each file that was removed in the last five seconds before it makes a new one, so nothing
  // is removed while it is measured.
  std::this_thread::sleep_for(std::chrono::seconds(6));
  const Scratch scratch;
  for (int round = 0; round < kRounds; ++round) {
    rates.push_back(TRY(ours(scratch.path() / ("ours" + std::to_string(round)))));
    if (peer.empty()) continue;
    peer_rates.push_back(TRY(theirs(peer, scratch.path() / ("theirs" + std::to_string(round)))));
    ratios.push_back(rates.back() / peer_rates.back());
  }
  const std::string how = "256 clients, each waiting for its own entry, median of 3 rounds of 4 s";
  std::vector<Figure> out{{.name = "log, durable appends, 256 clients",
                           .value = median(rates),
                           .unit = "entries/s",
                           .target = 10'000,
                           .how = how}};
  if (peer.empty()) return out;
  out.push_back({.name = "log, durable appends, 256 clients, Tessera",
                 .value = median(peer_rates),
                 .unit = "entries/s",
                 .how = "Tessera 1.0.4 POSIX in turn with ours, batches of 256 or 5 ms"});
  out.push_back({.name = "log, durable appends, against Tessera",
                 .value = median(ratios),
                 .unit = "ratio",
                 .target = 1.5,
                 .how = "of each round's two, the median"});
  return out;
}

}  // namespace sallyport::bench
