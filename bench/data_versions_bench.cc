// Versioned data: a large file and many small ones into the store, beside DVC on copies of the same files,
// and what one inserted byte costs.
//
// DVC is installed from PyPI by this benchmark alone; where that fails it is left out, and that is said. It
// hashes with MD5 and never waits for the disk; ours hashes with SHA-256 and waits when it commits, which is
// measured by itself and has no counterpart there.
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "bench/bench.h"
#include "services/data/data.h"
#include "tests/paths.h"
#include "tests/peer.h"

namespace sallyport::bench {
namespace {

constexpr int kRounds = 3;
constexpr std::size_t kLarge = std::size_t{1} << 30;
constexpr std::size_t kFiles = 10'000;
constexpr std::size_t kSmall = 4096;

// Random, so that no two blocks are alike.
Result<void> write_large(const fs::path& path) {
  Bytes content(kLarge);
  system_env().random(content);
  return system_env().write_new(path, content, 0644);
}
Result<void> write_many(const fs::path& folder) {
  TRY(system_env().make_directories(folder));
  Bytes content(kSmall);
  for (std::size_t i = 0; i < kFiles; ++i) {
    system_env().random(content);
    TRY(system_env().write_new(folder / (std::to_string(i) + ".bin"), content, 0644));
  }
  return {};
}

Result<void> copy_in(const fs::path& from, const fs::path& to) {
  std::error_code code;
  fs::create_directories(to.parent_path(), code);
  fs::copy(from, to, fs::copy_options::recursive, code);
  if (code) return fail(ErrorKind::kIo, "bench: " + code.message());
  ::sync();  // what is measured does not wait for what was copied before
  return {};
}

Result<double> seconds(const Program& program) {
  const Run run = TRY(run_program(program));
  if (run.exit_code != 0) {
    return invalid(program.words[0] + " " + program.words[1] + " ended with " +
                   std::to_string(run.exit_code));
  }
  return run.seconds;
}

struct Times {
  double add = 0;
  double commit = 0;
};

// Both add a copy of their own, in a folder of their own, made just before.
Result<Times> add_ours(const fs::path& data, const fs::path& folder) {
  const std::string name = data.filename().string();
  TRY(copy_in(data, folder / name));
  const std::string program = tests::sallyport();
  Times out;
  out.add =
      TRY(seconds({.words = {program, "data", "add", name, "--name", "digits"}, .folder = folder.string()}));
  out.commit = TRY(seconds({.words = {program, "data", "commit", "digits"}, .folder = folder.string()}));
  return out;
}
Result<double> add_theirs(const fs::path& peer, const fs::path& data, const fs::path& folder) {
  const std::string name = data.filename().string();
  TRY(copy_in(data, folder / name));
  const std::string program = (peer / "bin" / "dvc").string();
  const std::vector<std::pair<std::string, std::string>> quiet{{"DVC_NO_ANALYTICS", "1"}};
  TRY(seconds({.words = {program, "init", "--no-scm"}, .environment = quiet, .folder = folder.string()}));
  return seconds({.words = {program, "add", name}, .environment = quiet, .folder = folder.string()});
}

Result<std::vector<Figure>> against_dvc(const fs::path& scratch, const fs::path& data,
                                        const std::string& title) {
  const fs::path peer = tests::peer("dvc", "dvc==3.67.1");
  if (peer.empty()) std::fprintf(stderr, "sallyport-bench: data-versions: DVC is left out: not installed\n");
  std::vector<double> ours;
  std::vector<double> commits;
  std::vector<double> theirs;
  for (int round = 0; round < kRounds; ++round) {
    std::error_code code;
    const Times times = TRY(add_ours(data, scratch / "ours"));
    ours.push_back(times.add);
    commits.push_back(times.commit);
    fs::remove_all(scratch / "ours", code);
    if (peer.empty()) continue;
    theirs.push_back(TRY(add_theirs(peer, data, scratch / "theirs")));
    fs::remove_all(scratch / "theirs", code);
  }
  std::vector<Figure> out{{.name = "data add: " + title,
                           .value = median(ours),
                           .unit = "s",
                           .better = Better::kLower,
                           .how = "the whole command, median of 3"},
                          {.name = "data commit: " + title,
                           .value = median(commits),
                           .unit = "s",
                           .better = Better::kLower,
                           .how = "read back, signed, logged, on the disk"}};
  if (peer.empty()) return out;
  out.push_back({.name = "data add: " + title + ", DVC",
                 .value = median(theirs),
                 .unit = "s",
                 .better = Better::kLower,
                 .how = "DVC 3.67.1 on a copy in the same run"});
  out.push_back({.name = "data add: " + title + ", against DVC",
                 .value = median(theirs) / median(ours),
                 .unit = "x",
                 .target = 5,
                 .how = "the same runs"});
  return out;
}

Result<Figure> inserted_byte(const fs::path& scratch, const fs::path& large) {
  Env& env = system_env();
  const trust::Workspace workspace = TRY(trust::create_workspace(env, scratch / "insert"));
  const auto before = TRY(services::data::add(workspace, large, "digits"));
  Bytes content = TRY(env.read_file(large));
  content.insert(content.begin() + kLarge / 2, 0x5a);
  const fs::path changed = scratch / "changed";
  TRY(env.make_directories(changed));
  TRY(env.write_new(changed / large.filename(), content, 0644));
  const auto after = TRY(services::data::add(workspace, changed / large.filename(), "digits"));
  return Figure{.name = "data add: a byte inserted in 1 GiB",
                .value = 100.0 * static_cast<double>(after.stored) / static_cast<double>(before.bytes),
                .unit = "% stored",
                .target = 1,
                .better = Better::kLower,
                .how = "in the middle; of the file's size"};
}

}  // namespace

Result<std::vector<Figure>> bench_data_versions() {
  const Scratch scratch;
  const fs::path large = scratch.path() / "large.bin";
  const fs::path many = scratch.path() / "many";
  TRY(write_large(large));
  TRY(write_many(many));
  std::vector<Figure> out = TRY(against_dvc(scratch.path(), large, "1 GiB"));
  for (Figure& figure : TRY(against_dvc(scratch.path(), many, "10,000 files of 4 KiB"))) {
    out.push_back(std::move(figure));
  }
  out.push_back(TRY(inserted_byte(scratch.path(), large)));
  return out;
}

}  // namespace sallyport::bench
