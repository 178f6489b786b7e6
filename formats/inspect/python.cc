// Python code beside weights: what importing it would do at once, and loading or running the model then.
#include <string>
#include <string_view>

#include "formats/inspect/inspect.h"
#include "formats/python_acts.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

// Larger ones are made to be passed over, or hold a table; tokens take many times the text.
constexpr std::size_t kSourceBytesMax = 1 * limits::kMiB;
constexpr std::string_view kRemedy = "load the model without the repository's code";

// By its name, or by what its first line asks for; in a .pth file of site-packages Python runs the lines that
// begin with `import`.
bool is_source(const Layer& layer) {
  std::string name = layer.name.substr(layer.name.rfind('.') + 1);
  for (char& letter : name) letter = static_cast<char>(letter | 0x20);
  const std::string_view text = as_text(layer.bytes);
  if (name == "py" || name == "pyw") return true;
  // Most files of that name are weights, and large.
  const bool binary = text.empty() || static_cast<unsigned char>(text[0]) >= 0x80 || text.starts_with("PK");
  if (name == "pth" && !binary) return text.starts_with("import ") || text.find("\nimport ") != text.npos;
  return text.starts_with("#!") &&
         text.substr(0, text.find_first_of("\r\n")).find("python") != std::string_view::npos;
}

bool plausible(const Layer& layer) {
  return is_source(layer) && is_utf8(as_text(layer.bytes)) &&
         as_text(layer.bytes).find('\0') == std::string_view::npos;
}

std::string in_words(const python::Act& act) {
  const std::string does = shown(act.name) + ", which " + std::string(act.does);
  const std::string by = act.by.empty() ? "" : " (in " + shown(act.by) + ")";
  switch (act.when) {
    case python::When::kImport: return "importing the model's code would use " + does + by;
    case python::When::kModel: return "loading or running the model would use " + does + by;
    case python::When::kCall: break;
  }
  return "a function of the model's code would use " + does + by;
}

void inspect_python(Probe& probe) {
  std::string_view text = as_text(probe.bytes());
  probe.claim("python");
  if (text.size() > kSourceBytesMax) {
    probe.unread(kSourceBytesMax, text.size() - kSourceBytesMax, "Python source beyond what is read of it");
    text = text.substr(0, kSourceBytesMax);
  }
  probe.account(0, probe.bytes().size());
  if (const std::string_view encoding = python::hiding_encoding(text); !encoding.empty()) {
    probe.observe({.topic = Topic::kIntake,
                   .rule = "code-encoding-hides",
                   .message = "the source is in the encoding " + shown(std::string(encoding)) +
                              ", in which Python reads other code than people do",
                   .remedy = std::string(kRemedy)});
  }
  for (const python::Act& act : python::find_acts(text)) {
    const bool on_import = act.when == python::When::kImport;
    const bool on_load = act.when == python::When::kModel;
    probe.observe({.topic = Topic::kIntake,
                   .rule = on_import ? "code-acts-on-import"
                           : on_load ? "code-acts-on-load"
                                     : "code-acts-when-called",
                   .severity = on_import ? Severity::kHigh
                               : on_load ? Severity::kMedium
                                         : Severity::kLow,
                   .confidence = Confidence::kMedium,
                   .offset = act.offset,
                   .length = act.length,
                   .message = in_words(act),
                   .remedy = std::string(kRemedy)});
  }
}

}  // namespace

extern const Inspector python_inspector;
const Inspector python_inspector{
    .id = "python", .rank = Rank::kFallback, .plausible = plausible, .inspect = inspect_python};

}  // namespace sallyport::formats::inspect
