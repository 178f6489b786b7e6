#include "cli/scan_watch.h"

#include <algorithm>

#include "cli/scan_view.h"
#include "cli/stop_signal.h"
#include "services/scan/watch.h"

namespace sallyport::cli {
namespace {

namespace scanning = services::scan;

constexpr int kLookUpMs = 500;

void print(const scanning::ScanReport& report, Output& output) {
  if (!output.is_json()) return print_scan(report, output);
  for (const scanning::ScannedFile& file : report.files) output.line(canonical(scanning::to_json(file)));
}

// 1 is worse than 2: something was found.
int worse(int a, int b) { return a == 1 || b == 1 ? 1 : std::max(a, b); }

}  // namespace

Result<Exit> watch_folders(const std::vector<std::filesystem::path>& folders,
                           const scanning::ScanOptions& options, Output& output) {
  const StopSignal stop;
  scanning::Watch watch = TRY(scanning::Watch::open(folders));
  const scanning::ScanReport before = TRY(scanning::scan(folders, options));
  print(before, output);
  output.note("watching; Ctrl-C ends it");
  int exit = before.exit_code();
  while (!stop.came() && !output.reader_left()) {
    TRY(output.finish());
    const std::vector<std::filesystem::path> files = TRY(watch.next(kLookUpMs));
    for (const std::filesystem::path& file : files) {
      const Result<scanning::ScanReport> report = scanning::scan({file}, options);
      // It may be gone again before it could be read.
      if (!report && report.error().kind == ErrorKind::kNotFound) continue;
      if (!report) return std::unexpected(report.error());
      print(*report, output);
      exit = worse(exit, report->exit_code());
    }
  }
  return static_cast<Exit>(exit);
}

}  // namespace sallyport::cli
