// The scanner as a program: large files against hashing alone, small ones in a cold process and in a warm
// one, and today's peers on the same files in the same run.
//
// Peers are installed from PyPI into build/release/peers by this benchmark alone; where that fails they
// are left out, and that is said. Files are made here, in a temporary folder.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "bench/bench.h"
#include "core/env.h"
#include "core/limits.h"
#include "formats/safetensors.h"
#include "services/scan/scan.h"
#include "tests/paths.h"
#include "tests/peer.h"

namespace sallyport::bench {
namespace {

constexpr int kRounds = 5;

struct Files {
  fs::path folder = {};
  fs::path pickle = {};       // 51 MB of dicts and lists
  fs::path safetensors = {};  // 200 MB
  fs::path small = {};
  fs::path many = {};  // a folder of small files
  std::size_t count = 0;
};

Result<Files> make_files(const fs::path& folder) {
  constexpr std::size_t kTensorBytes = 200 * 1000 * 1000;
  constexpr std::size_t kMany = 4000;
  Files out{.folder = folder,
            .pickle = folder / "containers.pkl",
            .safetensors = folder / "model.safetensors",
            .small = folder / "small.pkl",
            .many = folder / "many",
            .count = kMany};
  Env& env = system_env();
  TRY(env.make_directories(out.many));
  TRY(env.write_new(out.pickle, as_bytes(plain_containers(4, 51'000'000)), 0644));
  Bytes tensor(kTensorBytes);
  for (std::size_t i = 0; i < tensor.size(); ++i) tensor[i] = static_cast<std::uint8_t>(i * 31 >> 5);
  const formats::Tensor one{.name = "w", .shape = {kTensorBytes / 4}, .bytes = tensor};
  TRY(env.write_new(out.safetensors, TRY(formats::write_safetensors(std::span(&one, 1))), 0644));
  const std::string small = plain_containers(4, 20'000);
  TRY(env.write_new(out.small, as_bytes(small), 0644));
  for (std::size_t i = 0; i < kMany; ++i) {
    TRY(env.write_new(out.many / (std::to_string(i) + ".pkl"), as_bytes(small), 0644));
  }
  return out;
}

Result<double> scan_s(const fs::path& path) {
  const services::scan::ScanReport report = TRY(services::scan::scan({path}, {.threads = 1}));
  if (report.exit_code() != 0) return invalid(path.string() + ": an honest file was not taken");
  return report.seconds;
}

Result<std::vector<Figure>> measure(const Files& files, const std::string& program) {
  std::vector<double> ratio, cold, many, version, whole;
  const std::string sallyport = tests::sallyport();
  Env& env = system_env();
  for (int round = 0; round < kRounds; ++round) {
    const double start = now_s();
    TRY(env.digest_file(files.safetensors));
    const double hashing = now_s() - start;
    ratio.push_back(TRY(scan_s(files.safetensors)) / hashing);
    cold.push_back(TRY(run_program({.words = {program, files.small.string()}})).seconds);
    for (int start_up = 0; start_up < kRounds; ++start_up) {
      version.push_back(TRY(run_program({.words = {sallyport, "--version"}})).seconds);
      whole.push_back(TRY(run_program({.words = {sallyport, "scan", files.small.string()}})).seconds);
    }
    many.push_back(static_cast<double>(files.count) / TRY(scan_s(files.many)));
  }
  const auto size = static_cast<double>(TRY(env.status(program)).size) / 1e6;
  return std::vector<Figure>{
      {"scan: 200 MB safetensors against SHA-256", median(ratio), "x", 1.1, Better::kLower,
       "one pass, hash included; 1 is hashing alone"},
      {"scan: a file of 20 kB, cold process", median(cold) * 1000, "ms", 5, Better::kLower,
       "sallyport-scan, start to exit"},
      {"start: sallyport --version", median(version) * 1000, "ms", 5, Better::kLower, "start to exit"},
      {"start: sallyport scan of 20 kB", median(whole) * 1000, "ms", 5, Better::kLower, "start to exit"},
      {"scan: many files, one process, one core", median(many), "files/s", 2000, Better::kHigher,
       "4,000 pickles of 20 kB"},
      {"scan: sallyport-scan, one static file", size, "MB", 15, Better::kLower, "stripped"}};
}

struct Peer {
  std::string_view name;
  std::string_view program;
  std::vector<std::string> before;
};

std::vector<Peer> peers() {
  return {{"picklescan 1.0.5", "picklescan", {"-p"}},
          {"modelscan 0.8.8", "modelscan", {"-p"}},
          {"fickling 0.1.12", "fickling", {"-s"}},
          {"modelaudit 0.2.54", "modelaudit", {"scan"}}};
}

// Some of the peers leave files where they run.
void add_program(const std::string& what, const std::vector<std::string>& words, const fs::path& folder,
                 std::vector<Figure>& out) {
  constexpr unsigned kLimitS = 240;
  const Result<Run> run = run_program({.words = words, .folder = folder.string(), .limit_s = kLimitS});
  out.push_back({.name = "scan: " + what,
                 .value = run ? run->seconds : 0,
                 .unit = "s",
                 .better = Better::kLower,
                 .how = run ? "whole process, exit " + std::to_string(run->exit_code) : run.error().message});
}

void measure_peers(const Files& files, const std::string& program, std::vector<Figure>& out) {
  const fs::path folder = tests::peer(
      "scanners", "picklescan==1.0.5 modelscan==0.8.8 fickling==0.1.12 typing_extensions modelaudit==0.2.54");
  if (folder.empty()) {
    std::fprintf(stderr, "bench: the peers could not be installed and are left out\n");
    return;
  }
  for (const auto& [what, file] : {std::pair<std::string, fs::path>{"51 MB of containers", files.pickle},
                                   {"200 MB safetensors", files.safetensors},
                                   {"20 kB", files.small}}) {
    add_program(what + ", sallyport-scan", {program, file.string()}, files.folder, out);
    for (const Peer& peer : peers()) {
      std::vector<std::string> words{(folder / "bin" / peer.program).string()};
      words.insert(words.end(), peer.before.begin(), peer.before.end());
      words.push_back(file.string());
      add_program(what + ", " + std::string(peer.name), words, files.folder, out);
    }
  }
}

}  // namespace

Result<std::vector<Figure>> bench_scan() {
  std::string pattern = (fs::temp_directory_path() / "sallyport-scan-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return fail(ErrorKind::kIo, "bench: no temporary folder");
  const fs::path folder = pattern;
  const std::string program = (fs::path(tests::build_dir()) / "sallyport-scan").string();
  auto measured = [&]() -> Result<std::vector<Figure>> {
    const Files files = TRY(make_files(folder));
    std::vector<Figure> out = TRY(measure(files, program));
    measure_peers(files, program, out);
    return out;
  }();
  TRY(remove_tree(system_env(), folder));
  return measured;
}

}  // namespace sallyport::bench
