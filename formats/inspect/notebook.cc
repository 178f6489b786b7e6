// Notebooks: code that people run cell by cell. They do what they please; what is refused is what turns data
// into code. Observes only: the JSON around the cells is accounted for as JSON.
#include "formats/notebook.h"

#include <algorithm>
#include <array>

#include "formats/inspect/inspect.h"
#include "formats/python.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

// A callable that turns what it is given into code or objects; `safe` is an argument that makes it harmless.
struct Unsafe {
  std::string_view callee;
  Severity severity;
  std::string_view what;
  std::string_view safe_keyword = {};
  std::string_view safe_value = {};
};
constexpr std::string_view kEvaluates = "evaluates text that is not a constant";
constexpr std::string_view kLoads = "loads objects of any class";
constexpr std::string_view kRuns = "runs a command that is not a constant";
constexpr std::array<Unsafe, 32> kUnsafe{{
    {"eval", Severity::kHigh, kEvaluates},
    {"exec", Severity::kHigh, kEvaluates},
    {"builtins.eval", Severity::kHigh, kEvaluates},
    {"builtins.exec", Severity::kHigh, kEvaluates},
    {"__import__", Severity::kHigh, "imports a module whose name is not a constant"},
    {"importlib.import_module", Severity::kHigh, "imports a module whose name is not a constant"},
    {"pandas.eval", Severity::kHigh, kEvaluates},
    {"os.system", Severity::kHigh, kRuns},
    {"os.popen", Severity::kHigh, kRuns},
    {"subprocess.getoutput", Severity::kHigh, kRuns},
    {"pickle.load", Severity::kMedium, kLoads},
    {"pickle.loads", Severity::kMedium, kLoads},
    {"pickle.Unpickler", Severity::kMedium, kLoads},
    {"cPickle.load", Severity::kMedium, kLoads},
    {"cPickle.loads", Severity::kMedium, kLoads},
    {"dill.load", Severity::kMedium, kLoads},
    {"dill.loads", Severity::kMedium, kLoads},
    {"cloudpickle.load", Severity::kMedium, kLoads},
    {"cloudpickle.loads", Severity::kMedium, kLoads},
    {"joblib.load", Severity::kMedium, kLoads},
    {"pandas.read_pickle", Severity::kMedium, kLoads},
    {"marshal.loads", Severity::kMedium, kLoads},
    {"shelve.open", Severity::kMedium, kLoads},
    {"jsonpickle.decode", Severity::kMedium, kLoads},
    {"torch.load", Severity::kMedium, kLoads, "weights_only", "True"},
    {"yaml.load", Severity::kHigh, kLoads, "Loader", "SafeLoader"},
    {"yaml.load_all", Severity::kHigh, kLoads, "Loader", "SafeLoader"},
    {"yaml.unsafe_load", Severity::kHigh, kLoads},
    {"yaml.unsafe_load_all", Severity::kHigh, kLoads},
    {"yaml.full_load", Severity::kMedium, kLoads},
    {"numpy.load", Severity::kMedium, kLoads, "allow_pickle", "False"},
    {"keras.models.load_model", Severity::kMedium, kLoads, "safe_mode", "True"},
}};

// Whether an argument after the first is `value`, or yaml's C edition of it, given by keyword or by position.
bool has_argument(const python::Call& call, std::string_view keyword, std::string_view value) {
  for (std::size_t i = 1; i < call.arguments.size(); ++i) {
    const python::Argument& argument = call.arguments[i];
    const std::string_view last = std::string_view(argument.text).substr(argument.text.rfind(' ') + 1);
    if (!argument.keyword.empty() && argument.keyword != keyword) continue;
    if (last == value || last == "C" + std::string(value)) return true;
  }
  return false;
}

const Unsafe* unsafe_use(const python::Call& call) {
  for (const Unsafe& unsafe : kUnsafe) {
    if (call.callee != unsafe.callee) continue;
    if (!unsafe.safe_keyword.empty() && has_argument(call, unsafe.safe_keyword, unsafe.safe_value))
      return nullptr;
    // NumPy refuses pickles unless it is told to take them.
    if (call.callee == "numpy.load" && !has_argument(call, "allow_pickle", "True")) return nullptr;
    const bool constant = !call.arguments.empty() && call.arguments[0].constant;
    return constant && unsafe.what != kLoads ? nullptr : &unsafe;
  }
  // DataFrame.eval and query of text that somebody else wrote; a network's eval() has no argument.
  static constexpr Unsafe kFrame{"", Severity::kMedium, kEvaluates};
  const bool frame = call.callee.ends_with(".eval") || call.callee.ends_with(".query");
  return frame && !call.arguments.empty() && !call.arguments[0].constant ? &kFrame : nullptr;
}

Observation in_cell(std::string_view rule, Severity severity, const std::string& place, std::string what) {
  return {.topic = Topic::kCode,
          .rule = std::string(rule),
          .severity = severity,
          .message = place + ": " + std::move(what),
          .remedy = "look values up by name instead of evaluating them, and load plain data"};
}

std::string_view rule_of(const Unsafe& unsafe) {
  return unsafe.what == kLoads ? "notebook-loads-objects" : "notebook-runs-data";
}

bool pipes_to_shell(std::string_view text) {
  for (const std::string_view part : {"| sh", "|sh", "| bash", "|bash"}) {
    if (text.find(part) != text.npos) return true;
  }
  return false;
}

// A command that is a constant is the author's own, unless it fetches another one.
bool runs_download(const python::Call& call) {
  const bool runs = call.callee == "os.system" || call.callee == "os.popen" ||
                    call.callee.starts_with("subprocess.");
  return runs && !call.arguments.empty() && pipes_to_shell(call.arguments[0].text);
}

void inspect_call(Probe& probe, const python::Call& call, const std::string& place) {
  if (runs_download(call)) {
    probe.observe(in_cell("notebook-shell-runs-download", Severity::kHigh, place,
                          call.callee + " runs what it downloads"));
  }
  if (call.only_named) {
    probe.observe(in_cell("notebook-runs-data", Severity::kMedium, place,
                          call.callee + " is handed on to be called elsewhere"));
    return;
  }
  const Unsafe* unsafe = unsafe_use(call);
  if (unsafe == nullptr) return;
  const std::string argument = call.arguments.empty() ? "" : printable(call.arguments[0].text, 60);
  probe.observe(in_cell(rule_of(*unsafe), unsafe->severity, place,
                        call.callee + "(" + argument + ") " + std::string(unsafe->what)));
}

void inspect_magic(Probe& probe, std::string_view text, const std::string& place) {
  const auto has = [&](std::string_view part) { return text.find(part) != text.npos; };
  const bool shell = text.starts_with('!') || text.starts_with("%sx") || text.starts_with("%system");
  if (!shell) return;
  if (pipes_to_shell(text)) {
    probe.observe(in_cell("notebook-shell-runs-download", Severity::kHigh, place,
                          "a shell line runs what it downloads"));
  }
  if (has("{") || has("$")) {
    probe.observe(in_cell("notebook-shell-filled-in", Severity::kMedium, place,
                          "a shell line is filled in with Python values"));
  }
}

void inspect_cell(Probe& probe, const std::string& source, std::size_t number) {
  const auto place = [&](std::size_t line) {
    return "cell " + std::to_string(number) + ", line " + std::to_string(line);
  };
  const std::vector<python::Token> tokens = python::tokenize(source);
  for (const python::Call& call : python::calls(tokens)) inspect_call(probe, call, place(call.line));
  for (const python::Token& token : tokens) {
    if (token.kind == python::TokenKind::kMagic) inspect_magic(probe, token.text, place(token.line));
  }
}

// An escape may stand for any letter of "cell_type".
bool plausible(const Layer& layer) {
  const std::string_view text = as_text(layer.bytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || text[first] != '{') return false;
  return looks_like_notebook(layer.bytes) || text.find("\\u00") != text.npos;
}

void inspect_notebook(Probe& probe) {
  const auto notebook = read_notebook(probe.bytes());
  if (!notebook) {
    if (!looks_like_notebook(probe.bytes())) return;
    probe.unread(0, probe.bytes().size(), notebook.error().message);
    return;
  }
  for (std::size_t i = 0; i < notebook->cells.size(); ++i) {
    if (notebook->cells[i].kind == "code") inspect_cell(probe, notebook->cells[i].source, i + 1);
  }
}

}  // namespace

extern const Inspector notebook_inspector;
const Inspector notebook_inspector{.id = "notebook", .plausible = plausible, .inspect = inspect_notebook};

}  // namespace sallyport::formats::inspect
