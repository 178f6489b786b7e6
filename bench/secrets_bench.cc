// How fast credentials are looked for: the text files that lie on this machine, 200 MB of them, one core.
#include <ctime>
#include <filesystem>

#include "bench/bench.h"
#include "core/env.h"
#include "core/limits.h"
#include "formats/secrets.h"

namespace sallyport::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTreeBytes = 200'000'000;
constexpr std::size_t kFileBytesMax = 1 * limits::kMiB;

// Headers, Python, Perl, CMake and documentation: what a distribution installs is what people commit.
Result<std::vector<Bytes>> read_tree() {
  std::vector<Bytes> out;
  std::size_t total = 0;
  for (const char* folder : {"/usr/lib/python3", "/usr/lib/python3.11", "/usr/share/perl",
                             "/usr/share/cmake-3.25", "/usr/share/doc", "/usr/include"}) {
    std::error_code error;
    auto entry = fs::recursive_directory_iterator(folder, error);
    for (; !error && entry != fs::recursive_directory_iterator() && total < kTreeBytes;
         entry.increment(error)) {
      if (!fs::is_regular_file(entry->symlink_status())) continue;
      Result<Bytes> bytes = system_env().read_file(entry->path(), kFileBytesMax);
      if (!bytes || as_text(*bytes).substr(0, 8000).find('\0') != std::string_view::npos) continue;
      total += bytes->size();
      out.push_back(std::move(*bytes));
    }
  }
  if (total < kTreeBytes / 4) return invalid("secrets: less than 50 MB of text on this machine");
  return out;
}

// Time that this thread computed: a core of its own, whatever else runs beside it.
double computed_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

Result<std::vector<Figure>> bench_secrets() {
  const std::vector<Bytes> files = TRY(read_tree());
  double bytes = 0;
  for (const Bytes& file : files) bytes += static_cast<double>(file.size());
  const double before = computed_s();
  TRY(formats::find_secrets("warm = up"));
  const double ready = computed_s();
  std::size_t found = 0;
  for (const Bytes& file : files) found += TRY(formats::find_secrets(as_text(file))).size();
  const double seconds = computed_s() - ready;
  const std::string how = std::to_string(files.size()) + " files, " +
                          std::to_string(static_cast<long>(bytes / 1e6)) +
                          " MB, one core; gitleaks 8.30: 1.6 MB/s";
  return std::vector<Figure>{
      {.name = "secrets: searched",
       .value = bytes / 1e6 / seconds,
       .unit = "MB/s",
       .target = 100,
       .how = how},
      {.name = "secrets: rules made ready",
       .value = (ready - before) * 1e3,
       .unit = "ms",
       .target = 500,
       .better = Better::kLower,
       .how = std::to_string(formats::secret_rules().size()) + " rules, once a process"},
      {.name = "secrets: findings in that tree",
       .value = static_cast<double>(found),
       .unit = "",
       .how = "for information"}};
}

}  // namespace sallyport::bench
