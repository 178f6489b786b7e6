// The tracking server beside MLflow's own, under the same load in the same run: durable metrics of sixteen
// clients, batches, artifacts both ways, memory, and how long a start takes.
//
// MLflow is installed from PyPI by this benchmark alone, started once with its own defaults over SQLite, and
// given load until it no longer gets faster; then rounds of the one and the other alternate. Where it cannot
// be installed, its figures are left out, and that is said.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <optional>
#include <thread>

#include "bench/bench.h"
#include "bench/http_client.h"
#include "bench/served.h"
#include "bench/slow_clients.h"
#include "core/env.h"
#include "core/json.h"

namespace sallyport::bench {
namespace {

constexpr int kClients = 16;
constexpr int kRounds = 3;
constexpr double kRoundS = 3;
constexpr int kBatch = 100;
constexpr std::size_t kArtifactBytes = std::size_t{256} << 20;
constexpr int kStarts = 9;
constexpr std::string_view kApi = "/api/2.0/mlflow/";

Result<std::string> new_run(HttpClient& client) {
  const Reply reply = TRY(client.ask("POST", std::string(kApi) + "runs/create",
                                     as_bytes(R"({"experiment_id":"0","start_time":1})")));
  const auto said = parse_json(reply.body);
  if (reply.status != 200 || !said || !said->contains("run"))
    return invalid("no run was made: " + reply.body);
  return (*said)["run"]["info"]["run_id"].get<std::string>();
}

std::string one_metric(const std::string& run, int step) {
  return R"({"run_id":")" + run + R"(","key":"loss","value":0.25,"timestamp":1700000000000,"step":)" +
         std::to_string(step) + "}";
}
std::string batch_of_metrics(const std::string& run, int step) {
  std::string out = R"({"run_id":")" + run + R"(","metrics":[)";
  for (int i = 0; i < kBatch; ++i) {
    out += std::string(i == 0 ? "" : ",") + R"({"key":"m)" + std::to_string(i % 10) +
           R"(","value":0.5,"timestamp":1700000000000,"step":)" + std::to_string(step * kBatch + i) + "}";
  }
  return out + "]}";
}

// What a request that is not answered with 200 is: with ours a failure of the benchmark, with a peer, whose
// database may be locked, one that is not counted.
enum class Refused : std::uint8_t { kFails, kNotCounted };

// Acknowledged requests a second of all clients together; each has a run and a connection of its own.
Result<double> load(std::uint16_t port, const std::string& route,
                    std::string (*body)(const std::string&, int), double seconds, Refused refused) {
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<bool> failed{false};
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::atomic<bool> stop{false};
  const auto work = [&] {
    std::optional<HttpClient> client;
    if (auto connected = HttpClient::connect(port)) client.emplace(std::move(*connected));
    const auto run = client ? new_run(*client) : Result<std::string>(invalid("no connection"));
    ++ready;
    if (!run) failed = true;
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (int step = 0; !stop && !failed; ++step) {
      const auto reply = client->ask("POST", std::string(kApi) + route, as_bytes(body(*run, step)));
      const bool taken = reply && reply->status == 200;
      if (!taken && refused == Refused::kFails) failed = true;
      // A peer may have closed a connection that waited for the others.
      if (!reply && refused == Refused::kNotCounted) {
        auto again = HttpClient::connect(port);
        if (!again) failed = true;
        if (again) client.emplace(std::move(*again));
      }
      if (!stop && taken) ++acknowledged;
    }
  };
  std::vector<std::jthread> clients;
  for (int i = 0; i < kClients; ++i) clients.emplace_back(work);
  while (ready < kClients) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double start = now_s();
  go = true;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  const double done = static_cast<double>(acknowledged) / (now_s() - start);
  stop = true;
  clients.clear();
  if (failed) return invalid("a request under load was not answered with 200");
  return done;
}

// Until three windows in a row are no faster than what came before.
Result<void> settle(std::uint16_t port) {
  double best = 0;
  int steady = 0;
  for (int window = 0; window < 20 && steady < 3; ++window) {
    const double rate = TRY(load(port, "runs/log-metric", one_metric, 2, Refused::kNotCounted));
    steady = rate > best * 1.1 ? 0 : steady + 1;
    best = std::max(best, rate);
  }
  return {};
}

struct Rates {
  std::vector<double> metrics = {}, points = {}, put = {}, get = {};
};

Result<void> measure_metrics(std::uint16_t port, Refused refused, Rates& rates) {
  rates.metrics.push_back(TRY(load(port, "runs/log-metric", one_metric, kRoundS, refused)));
  rates.points.push_back(kBatch * TRY(load(port, "runs/log-batch", batch_of_metrics, kRoundS, refused)));
  return {};
}

// Up and down again; what comes back is held against what was sent.
Result<void> measure_artifact(std::uint16_t port, BytesView content, Rates& rates) {
  HttpClient client = TRY(HttpClient::connect(port));
  const std::string run = TRY(new_run(client));
  const std::string target = "/api/2.0/mlflow-artifacts/artifacts/0/" + run + "/artifacts/model.bin";
  const double mebibytes = static_cast<double>(content.size()) / (1 << 20);
  double start = now_s();
  const Reply sent = TRY(client.ask("PUT", target, content, "application/octet-stream"));
  rates.put.push_back(mebibytes / (now_s() - start));
  if (sent.status != 200) return invalid("PUT was answered with " + std::to_string(sent.status));
  bool same = true;
  std::size_t at = 0;
  const auto compare = [&](BytesView piece) {
    same = same && piece.size() <= content.size() - at &&
           std::memcmp(piece.data(), content.data() + at, piece.size()) == 0;
    at += piece.size();
  };
  start = now_s();
  const Reply got = TRY(client.ask("GET", target, {}, "", compare));
  rates.get.push_back(mebibytes / (now_s() - start));
  if (got.status != 200 || !same || at != content.size()) return invalid("GET gave other bytes back");
  TRY(client.ask("DELETE", target));
  return {};
}

Result<double> cold_start_ms(const fs::path& scratch) {
  std::vector<double> starts;
  for (int i = 0; i < kStarts; ++i) {
    const Served server =
        TRY(Served::start(our_server_words(scratch / ("start-" + std::to_string(i))), kReadyWithinS));
    starts.push_back(server.start_s() * 1e3);
  }
  return median(starts);
}

void add_beside(std::vector<Figure>& out, const Figure& ours, double theirs, double factor) {
  out.push_back(ours);
  if (!std::isfinite(theirs) || theirs <= 0) return;  // it did not answer
  const std::string same = "MLflow 3.17.2 in the same run";
  out.push_back({.name = ours.name + ", MLflow", .value = theirs, .unit = ours.unit, .how = same});
  out.push_back({.name = ours.name + ", against MLflow",
                 .value = ours.value / theirs,
                 .unit = "x",
                 .target = factor,
                 .how = same});
}

// How long a healthy client waits beside thousands that never end what they began to ask.
Result<Figure> beside_slow_clients(std::uint16_t port) {
  constexpr std::size_t kSlow = 10'000;
  constexpr int kAsked = 101;
  const SlowClients slow = TRY(SlowClients::connect(port, kSlow));
  std::vector<double> waits;
  for (int i = 0; i < kAsked; ++i) {
    const double start = now_s();
    HttpClient client = TRY(HttpClient::connect(port));
    const Reply reply = TRY(client.ask("GET", "/health"));
    if (reply.status != 200) return invalid("a healthy client got " + std::to_string(reply.status));
    waits.push_back((now_s() - start) * 1e3);
  }
  return Figure{
      "tracking: a healthy client beside 10,000 slow ones",        median(waits), "ms", 50, Better::kLower,
      "connected, asked and answered, median of 101, none refused"};
}

double middle(const std::vector<double>& rates) { return rates.empty() ? NAN : median(rates); }

}  // namespace

Result<std::vector<Figure>> bench_tracking() {
  const Scratch scratch;
  Env& env = system_env();
  Bytes content(kArtifactBytes);
  env.random(std::span(content).first(kArtifactBytes / 64));
  for (std::size_t i = kArtifactBytes / 64; i < content.size(); ++i) {
    content[i] = static_cast<std::uint8_t>(content[i - kArtifactBytes / 64] + 1);
  }
  const double start_ms = TRY(cold_start_ms(scratch.path()));
  const Served ours = TRY(Served::start(our_server_words(scratch.path() / "ours"), kReadyWithinS));
  std::optional<Served> theirs;
  if (const fs::path peer = mlflow_peer(); !peer.empty()) {
    fs::create_directories(scratch.path() / "theirs");
    theirs.emplace(TRY(Served::start(mlflow_server_words(peer, scratch.path() / "theirs"), kReadyWithinS)));
    TRY(settle(theirs->port()));
  } else {
    std::fprintf(stderr, "sallyport-bench: tracking: MLflow could not be installed; it is left out\n");
  }
  Rates us;
  Rates them;
  for (int round = 0; round < kRounds; ++round) {
    TRY(measure_metrics(ours.port(), Refused::kFails, us));
    if (theirs) TRY(measure_metrics(theirs->port(), Refused::kNotCounted, them));
  }
  for (int round = 0; round < kRounds; ++round) {
    TRY(measure_artifact(ours.port(), content, us));
    if (theirs) TRY(measure_artifact(theirs->port(), content, them));
  }
  const double resident = static_cast<double>(ours.resident_bytes()) / 1e6;
  const std::string load = "16 clients with a run each, durable when acknowledged, median of 3 times 3 s";
  const std::string file = "256 MiB, 1 client, digest checked, on the disk when acknowledged, median of 3";
  std::vector<Figure> out;
  add_beside(out, {"tracking: log-metric", middle(us.metrics), "1/s", 1'000, Better::kHigher, load},
             middle(them.metrics), 10);
  add_beside(out,
             {"tracking: log-batch of 100", middle(us.points), "points/s", 20'000, Better::kHigher, load},
             middle(them.points), 10);
  add_beside(out, {"tracking: artifact PUT", middle(us.put), "MiB/s", 500, Better::kHigher, file},
             middle(them.put), 3);
  add_beside(out, {"tracking: artifact GET", middle(us.get), "MiB/s", 500, Better::kHigher, file},
             middle(them.get), 3);
  out.push_back({"tracking: resident memory", resident, "MB", 60, Better::kLower, "after all of the above"});
  if (theirs) {
    out.push_back({.name = "tracking: resident memory, MLflow",
                   .value = static_cast<double>(theirs->resident_bytes()) / 1e6,
                   .unit = "MB",
                   .how = "all of its processes"});
  }
  out.push_back(TRY(beside_slow_clients(ours.port())));
  out.push_back({"tracking: cold start", start_ms, "ms", 300, Better::kLower,
                 "from fork to the first 200, an empty folder, median of 9"});
  if (theirs) {
    out.push_back({.name = "tracking: cold start, MLflow", .value = theirs->start_s() * 1e3, .unit = "ms"});
  }
  return out;
}

}  // namespace sallyport::bench
