// What guards make of an inspection.
#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

std::string prefix(const Place& place) { return place.layer.empty() ? "" : place.layer + ": "; }

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Finding to_finding(const Seen& seen, const std::string& path) {
  Finding finding{.severity = seen.severity,
                  .confidence = seen.confidence,
                  .where = {.path = path},
                  .message = prefix(seen.place) + seen.message,
                  .remedy = seen.remedy,
                  .rule = seen.rule};
  if (seen.place.in_place) {
    finding.where.offset = seen.offset;
    if (seen.length != 0) finding.where.length = seen.length;
  } else {
    finding.message += " (byte " + std::to_string(seen.offset) + " of what is unpacked)";
  }
  return finding;
}

std::string to_text(const Unread& unread) {
  std::string out = prefix(unread.place);
  if (unread.length != 0) {
    out += "bytes " + std::to_string(unread.offset) + " to " +
           std::to_string(unread.offset + unread.length - 1) + ": ";
  }
  return out + unread.what;
}

Result<Examination> examine(const FileSubject& file, Topic topic) {
  std::optional<Inspection> own;
  if (file.inspection == nullptr) own = inspect(file.bytes, {.name = base_name(file.path)});
  const Inspection& inspection = own ? *own : *file.inspection;
  Examination out;
  for (const Seen& seen : inspection.seen) {
    if (seen.topic == topic && out.findings.size() < limits::kFindingsPerGuardMax) {
      out.findings.push_back(to_finding(seen, file.path));
    }
  }
  if (out.findings.empty() && !inspection.unread.empty()) {
    return invalid(file.path + ": " + to_text(inspection.unread.front()),
                   "what could not be read was not searched");
  }
  out.statistics.push_back({.name = "layers inspected", .value = static_cast<double>(inspection.layers)});
  out.statistics.push_back({.name = "share of bytes accounted for", .value = inspection.coverage()});
  return out;
}

}  // namespace sallyport::formats::inspect
