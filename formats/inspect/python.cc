// Python code beside weights: what importing it would do at once.
#include <algorithm>
#include <array>
#include <vector>

#include "formats/inspect/inspect.h"
#include "formats/python.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::size_t kSourceBytesMax = 16 * limits::kMiB;

bool plausible(const Layer& layer) {
  return layer.name.ends_with(".py") && layer.bytes.size() <= kSourceBytesMax &&
         is_utf8(as_text(layer.bytes)) && as_text(layer.bytes).find('\0') == std::string_view::npos;
}

struct Act {
  std::string_view callee;  // a name, or with a closing dot everything below it
  std::string_view does;
};
constexpr std::array<Act, 23> kActs{{{"eval", "evaluates text as code"},
                                     {"exec", "runs text as code"},
                                     {"__import__", "imports by a name that is known only then"},
                                     {"os.system", "runs a command"},
                                     {"os.popen", "runs a command"},
                                     {"os.exec", "runs a program"},
                                     {"os.spawn", "runs a program"},
                                     {"os.posix_spawn", "runs a program"},
                                     {"subprocess.", "runs a command"},
                                     {"pty.spawn", "runs a program"},
                                     {"socket.", "opens the network"},
                                     {"urllib.request.", "opens the network"},
                                     {"urllib.urlopen", "opens the network"},
                                     {"http.client.", "opens the network"},
                                     {"requests.", "opens the network"},
                                     {"ftplib.", "opens the network"},
                                     {"smtplib.", "opens the network"},
                                     {"ctypes.", "calls native code"},
                                     {"marshal.loads", "runs code that was compiled before"},
                                     {"pickle.load", "runs what a pickle says"},
                                     {"runpy.", "runs a script"},
                                     {"builtins.", "reaches for Python's own functions"},
                                     {"shutil.rmtree", "deletes folders"}}};

const Act* act_of(std::string_view callee) {
  const auto matches = [&](const Act& act) {
    const bool open = act.callee.ends_with('.') || act.callee == "os.exec" || act.callee == "os.spawn" ||
                      act.callee == "pickle.load";
    return open ? callee.starts_with(act.callee) : callee == act.callee;
  };
  const auto* found = std::find_if(kActs.begin(), kActs.end(), matches);
  return found == kActs.end() ? nullptr : found;
}

// For each line, from 1, whether it stands in the body of a function, by its indentation.
struct Lines {
  std::vector<bool> in_function{false};
  std::vector<std::uint64_t> offsets{0};
};
Lines lines_of(std::string_view text) {
  Lines out;
  std::vector<std::size_t> functions;  // indentations of the definitions around
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    const std::size_t indent = line.find_first_not_of(" \t\r");
    if (indent != std::string_view::npos && line[indent] != '#') {
      while (!functions.empty() && indent <= functions.back()) functions.pop_back();
    }
    out.in_function.push_back(!functions.empty());
    out.offsets.push_back(at);
    const std::string_view word = indent == std::string_view::npos ? "" : line.substr(indent);
    // A body on the line of its definition is not told apart, so the line counts as run at import.
    if (word.starts_with("def ") || word.starts_with("async def ")) functions.push_back(indent);
    at = end + 1;
  }
  return out;
}

void inspect_python(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  probe.claim("python");
  probe.account(0, text.size());
  const Lines lines = lines_of(text);
  for (const python::Call& call : python::calls(python::tokenize(text))) {
    const Act* act = act_of(call.callee);
    if (act == nullptr) continue;
    const bool later = call.line < lines.in_function.size() && lines.in_function[call.line];
    probe.observe(
        {.topic = Topic::kIntake,
         .rule = later ? "code-acts-when-called" : "code-acts-on-import",
         .severity = later ? Severity::kLow : Severity::kHigh,
         .confidence = Confidence::kMedium,
         .offset = call.line < lines.offsets.size() ? lines.offsets[call.line] : 0,
         .message = std::string(later ? "a function of the model's code" : "importing the model's code") +
                    " would call " + shown(call.callee) + ", which " + std::string(act->does),
         .remedy = "load the model without the repository's code"});
  }
}

}  // namespace

extern const Inspector python_inspector;
const Inspector python_inspector{
    .id = "python", .rank = Rank::kFallback, .plausible = plausible, .inspect = inspect_python};

}  // namespace sallyport::formats::inspect
