// A repository as the program scans it: 10,000 files and 5,000 commits, once with nothing known and once
// after one more change, and gitleaks on the same folder where it is at hand.
//
// git makes the repository here, from a stream that a fixed seed decides.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "bench/bench.h"
#include "core/env.h"
#include "tests/paths.h"

namespace sallyport::bench {
namespace {

constexpr std::size_t kFiles = 10'000;
constexpr std::size_t kCommits = 5'000;
constexpr int kRounds = 3;

// Text like code, settings and notes, and the history of its changes, for `git fast-import`.
class Stream {
 public:
  explicit Stream(std::FILE* out) : out_(out) {}

  std::uint64_t write() {
    std::vector<std::string> texts, paths;
    start_commit("start");
    for (std::size_t i = 0; i < kFiles; ++i) {
      paths.push_back("pkg" + std::to_string(i % 40) + "/part" + std::to_string(i / 40 % 20) + "/f" +
                      std::to_string(i) +
                      (i % 10 < 7    ? ".py"
                       : i % 10 == 7 ? ".md"
                                     : ".yaml"));
      texts.push_back(text(i));
      put(paths[i], texts[i]);
    }
    for (std::size_t commit = 1; commit < kCommits; ++commit) {
      start_commit("change " + std::to_string(commit) + " of " + word());
      for (std::size_t k = 0; k <= random_() % 3; ++k) {
        const std::size_t i = random_() % kFiles;
        const std::size_t line = texts[i].find('\n', random_() % texts[i].size()) + 1;
        texts[i].insert(line,
                        "# " + word() + " " + word() + " " + std::to_string(random_() % 100'000) + "\n");
        put(paths[i], texts[i]);
      }
    }
    return bytes_;
  }

 private:
  std::string word() {
    constexpr std::string_view kWords[] = {"load",  "data",  "model", "train", "loss",   "batch", "step",
                                           "rate",  "score", "value", "table", "label",  "token", "layer",
                                           "state", "merge", "split", "index", "config", "sample"};
    return std::string(kWords[random_() % std::size(kWords)]);
  }

  std::string text(std::size_t i) {
    const std::size_t size = 500 + random_() % 7000;
    std::string out = i % 10 < 7 ? "import os\nimport numpy as np\n\n" : "";
    while (out.size() < size) {
      if (i % 10 < 7) {
        out += "def " + word() + "_" + word() + "(" + word() + ", size=" + std::to_string(random_() % 100) +
               "):\n    # " + word() + " " + word() + "\n    total = size * 0." +
               std::to_string(random_() % 1000) + "\n    return '" + word() + " ' + str(total)\n\n";
      } else if (i % 10 == 7) {
        out += word() + " " + word() + " " + word() + " " + word() + " " + word() + ".\n";
      } else {
        out += word() + "_" + std::to_string(out.size()) + ": " + std::to_string(random_() % 1000) + "\n";
      }
    }
    return out;
  }

  void data(const std::string& text) { std::fprintf(out_, "data %zu\n%s\n", text.size(), text.c_str()); }
  void start_commit(const std::string& message) {
    std::fprintf(out_, "commit refs/heads/main\ncommitter Ana <ana@plant.example> %ld +0000\n", time_ += 600);
    data(message);
  }
  void put(const std::string& path, const std::string& text) {
    std::fprintf(out_, "M 100644 inline %s\n", path.c_str());
    data(text);
    bytes_ += text.size();
  }

  std::FILE* out_;
  std::mt19937_64 random_{7};
  long time_ = 1'700'000'000;
  std::uint64_t bytes_ = 0;
};

Result<void> git(const fs::path& folder, std::vector<std::string> words) {
  words.insert(words.begin(), {"git", "-C", folder.string(), "-c", "user.name=bench", "-c",
                               "user.email=bench@plant.example"});
  const Run run = TRY(run_program({.words = words}));
  if (run.exit_code == 0) return {};
  return fail(ErrorKind::kIo, "bench: git " + words[7] + " ended with " + std::to_string(run.exit_code));
}

Result<std::uint64_t> make_repository(const fs::path& folder) {
  TRY(system_env().make_directories(folder));
  TRY(git(folder, {"init", "-q", "-b", "main"}));
  const std::string command = "git -C '" + folder.string() + "' fast-import --quiet";
  std::FILE* pipe = ::popen(command.c_str(), "w");
  if (pipe == nullptr) return fail(ErrorKind::kIo, "bench: cannot start git");
  const std::uint64_t bytes = Stream(pipe).write();
  if (::pclose(pipe) != 0) return fail(ErrorKind::kIo, "bench: git did not take the repository");
  TRY(git(folder, {"checkout", "-q", "-f", "main"}));
  return bytes;
}

// One more commit and one more change, as between two runs of a hook.
Result<void> change(const fs::path& folder, int round) {
  const std::string line = "# round " + std::to_string(round) + "\n";
  TRY(system_env().append(folder / "pkg0/part0/f0.py", as_bytes(line)));
  TRY(git(folder, {"commit", "-q", "-a", "-m", "round " + std::to_string(round)}));
  return system_env().append(folder / "pkg1/part0/f1.py", as_bytes(line));
}

Result<std::vector<Figure>> measure(const fs::path& folder) {
  const fs::path repository = folder / "repository", cache = folder / "cache";
  const auto bytes = static_cast<double>(TRY(make_repository(repository)));
  const std::string program = tests::sallyport();
  const std::vector<std::string> scan{program, "scan", "--format", "json", repository.string()};
  const auto with = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = scan;
    words.insert(words.end(), more.begin(), more.end());
    return run_program({.words = words});
  };
  std::vector<double> whole, again;
  for (int round = 0; round < kRounds; ++round) {
    const Run run = TRY(with({"--no-cache"}));
    if (run.exit_code != 0) return invalid("repository: an honest repository was not taken");
    whole.push_back(run.seconds);
  }
  TRY(with({"--cache", cache.string()}));
  for (int round = 0; round < kRounds; ++round) {
    TRY(change(repository, round));
    again.push_back(TRY(with({"--cache", cache.string()})).seconds);
  }
  const std::string how = "10,000 files, 5,000 commits, " + std::to_string(static_cast<int>(bytes / 1e6)) +
                          " MB of contents, every core; start to exit";
  std::vector<Figure> out{
      {"repository: whole scan", median(whole), "s", 3, Better::kLower, how},
      {"repository: scan after one change", median(again), "s", 1, Better::kLower, "cache beside it"}};
  const Result<Run> peer = run_program(
      {.words = {"gitleaks", "git", "--no-banner", "--exit-code", "0", repository.string()}, .limit_s = 300});
  if (peer) {
    out.push_back({"repository: gitleaks, history alone",
                   peer->seconds,
                   "s",
                   {},
                   Better::kLower,
                   "the gitleaks of this machine, for information"});
  }
  return out;
}

}  // namespace

Result<std::vector<Figure>> bench_repository() {
  const fs::path folder =
      fs::temp_directory_path() / ("sallyport-bench-repository-" + std::to_string(::getpid()));
  auto figures = measure(folder);
  TRY(remove_tree(system_env(), folder));
  return figures;
}

}  // namespace sallyport::bench
