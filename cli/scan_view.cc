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

// Findings of one kind in one file: the same guard says the same rule, and the same is to be done.
bool alike(const ScannedFinding& a, const ScannedFinding& b) {
  return a.guard == b.guard && a.waived == b.waived && a.finding.severity == b.finding.severity &&
         a.finding.rule == b.finding.rule && a.finding.remedy == b.finding.remedy;
}

// They come under one head, the first few in full.
void print_kind(const ScannedFile& file, const std::vector<const ScannedFinding*>& kind, Output& output) {
  constexpr std::size_t kShown = 3;
  const ScannedFinding& first = *kind.front();
  print_head(first.waived ? "waived" : name_of(first.finding.severity), tint_of(first.finding.severity),
             first.threats.empty() ? first.guard->id : first.threats.front(), file, output);
  for (std::size_t i = 0; i < std::min(kind.size(), kShown); ++i) {
    const Finding& finding = kind[i]->finding;
    const std::string place = place_of(finding);
    output.print(wrapped((place.empty() ? "" : place + ": ") + finding.message, 2));
    for (const std::string& line : kind[i]->frame) output.line("    " + line);
    if (!kind[i]->accepted.empty()) output.print(wrapped("accepted by " + kind[i]->accepted, 2));
  }
  if (kind.size() > kShown) {
    output.line("  and " + with_separators(kind.size() - kShown) + " more; --format json has them all");
  }
  if (!first.finding.remedy.empty()) output.print(wrapped("do  " + first.finding.remedy, 2));
}

void print_findings(const ScannedFile& file, Output& output) {
  std::vector<std::vector<const ScannedFinding*>> kinds;
  for (const ScannedFinding& found : file.findings) {
    const auto known = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const auto& kind) { return alike(*kind.front(), found); });
    if (known == kinds.end()) {
      kinds.push_back({&found});
    } else {
      known->push_back(&found);
    }
  }
  for (const auto& kind : kinds) print_kind(file, kind, output);
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
    print_findings(file, output);
    const bool untold = file.verdict == FileVerdict::kIncomplete || file.verdict == FileVerdict::kError;
    if (untold) print_unread(file, output);
    if (!file.explanation.empty()) output.line(output.paint(Tint::kBold, file.path));
    for (const std::string& line : file.explanation) output.line("  " + line);
  }
  for (const services::scan::WaiverNotice& notice : report.waivers) {
    const std::string level =
        notice.expired ? output.paint(Tint::kRed, "error") : output.paint(Tint::kYellow, "notice");
    output.line(level + "  " + services::scan::text_of(notice));
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
