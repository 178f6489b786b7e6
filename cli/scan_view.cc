#include "cli/scan_view.h"

#include <algorithm>

namespace sallyport::cli {
namespace {

using services::scan::FileVerdict;
using services::scan::ScannedFile;
using services::scan::ScannedFinding;
using services::scan::ScanReport;

Tint tint_of(Severity severity) { return severity >= Severity::kHigh ? Tint::kRed : Tint::kYellow; }

std::string place_of(const Finding& finding) {
  std::string out;
  const auto add = [&out](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (finding.where.line) add("line " + with_separators(*finding.where.line));
  if (finding.where.offset) add("byte " + with_separators(*finding.where.offset));
  if (!finding.where.commit.empty()) add("commit " + finding.where.commit.substr(0, 12));
  return out;
}

// "critical  export-deserialize-exec                 downloads/bert.bin (pytorch-zip)"
void print_head(std::string_view word, Tint tint, std::string_view what, const ScannedFile& file,
                Output& output) {
  constexpr std::size_t kWord = 10, kWhat = 30;
  std::string left(word);
  left.resize(std::max(kWord, left.size() + 1), ' ');
  std::string middle(what);
  middle.resize(std::max(kWhat, middle.size() + 1), ' ');
  const std::string format = file.format.empty() ? "" : " (" + file.format + ")";
  output.line(output.paint(tint, left) + middle + output.paint(Tint::kBold, file.path) + format);
}

void print_finding(const ScannedFile& file, const ScannedFinding& found, Output& output) {
  const Finding& finding = found.finding;
  print_head(found.waived ? "waived" : name_of(finding.severity), tint_of(finding.severity),
             found.threats.empty() ? found.guard->id : found.threats.front(), file, output);
  const std::string place = place_of(finding);
  output.print(wrapped((place.empty() ? "" : place + ": ") + finding.message, 2));
  if (!finding.remedy.empty()) output.print(wrapped("do  " + finding.remedy, 2));
}

void print_unread(const ScannedFile& file, Output& output) {
  const bool error = file.verdict == FileVerdict::kError;
  print_head(error ? "error" : "could not tell", Tint::kYellow, "", file, output);
  constexpr std::size_t kShown = 5;
  for (std::size_t i = 0; i < std::min(file.unread.size(), kShown); ++i) {
    output.print(wrapped(file.unread[i], 2));
  }
  if (file.unread.size() > kShown) {
    output.line("  and " + std::to_string(file.unread.size() - kShown) + " more; --format json has them all");
  }
  if (!file.hint.empty()) output.print(wrapped("do  " + file.hint, 2));
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 10 ? "%.2f s" : "%.0f s", seconds);
  return text;
}

}  // namespace

void print_scan(const ScanReport& report, Output& output) {
  for (const ScannedFile& file : report.files) {
    for (const ScannedFinding& found : file.findings) print_finding(file, found, output);
    const bool untold = file.verdict == FileVerdict::kIncomplete || file.verdict == FileVerdict::kError;
    if (untold) print_unread(file, output);
    if (!file.explanation.empty()) output.line(output.paint(Tint::kBold, file.path));
    for (const std::string& line : file.explanation) output.line("  " + line);
  }
  const std::size_t untold = report.count(FileVerdict::kIncomplete) + report.count(FileVerdict::kError);
  if (untold != 0 || report.count(FileVerdict::kFindings) != 0) output.line();
  output.line(with_separators(report.files.size()) + (report.files.size() == 1 ? " file, " : " files, ") +
              bytes_text(report.bytes) + " in " + seconds_text(report.seconds) + ": " +
              with_separators(report.count(FileVerdict::kClean)) + " read whole with nothing found, " +
              with_separators(report.count(FileVerdict::kFindings)) + " with findings, " +
              with_separators(untold) + " could not tell");
}

}  // namespace sallyport::cli
