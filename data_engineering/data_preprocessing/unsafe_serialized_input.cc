// prep-pipeline-code-exec: what preprocessing reads runs code. A pickle names callables, a YAML document
// names objects to construct, a notebook cell evaluates what a file says.
//
// Pickles and YAML tags are held to what is allowed. Notebooks are code and do what they please, so only what
// turns data into code is refused there; what the sandbox denies them is not judged here.
#include <algorithm>
#include <array>

#include "core/guard.h"
#include "formats/inspect/inspect.h"
#include "formats/notebook.h"
#include "formats/python.h"
#include "formats/utf8.h"
#include "formats/yaml_tags.h"

namespace sallyport::data_engineering::data_preprocessing {
namespace {

namespace python = formats::python;

bool has_suffix(const std::string& path, std::initializer_list<std::string_view> suffixes) {
  return std::any_of(suffixes.begin(), suffixes.end(), [&](std::string_view s) { return path.ends_with(s); });
}

// A loader that constructs what a tag names: PyYAML's, Ruby's Psych, SnakeYAML's classes by their full name.
bool constructs(std::string_view tag) {
  if (tag.starts_with("!ruby/") || tag.starts_with("!python/")) return true;
  return tag.starts_with("tag:") && !formats::is_plain_yaml_tag(tag);
}

Result<void> check_yaml(const FileSubject& file, Examination& out) {
  const std::string_view text = as_text(file.bytes);
  const bool named = has_suffix(file.path, {".yaml", ".yml"});
  if (!named && (text.find('!') == std::string_view::npos || !formats::is_utf8(text))) return {};
  const auto read = formats::yaml_tags(text);
  if (!read) return named ? Result<void>(std::unexpected(read.error())) : Result<void>();
  for (const formats::YamlTag& tag : read->tags) {
    const bool dangerous = constructs(tag.tag);
    if (!dangerous && (!named || formats::is_plain_yaml_tag(tag.tag))) continue;
    out.findings.push_back(
        {.severity = dangerous ? Severity::kCritical : Severity::kMedium,
         .where = {.path = file.path, .line = tag.line},
         .message = "a tag asks the loader to construct " + formats::printable(tag.tag),
         .remedy = "remove the tag, and read YAML with a loader that constructs plain data alone"});
  }
  if (named && !read->error.empty() && out.findings.empty()) {
    return invalid(file.path + ": yaml: " + read->error, "what could not be read was not searched");
  }
  return {};
}

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

void check_cell(const std::string& source, std::size_t number, const std::string& path, Examination& out) {
  const auto add = [&](Severity severity, std::size_t line, const std::string& what) {
    out.findings.push_back(
        {.severity = severity,
         .where = {.path = path},
         .message = "cell " + std::to_string(number) + ", line " + std::to_string(line) + ": " + what,
         .remedy = "look values up by name instead of evaluating them, and load plain data"});
  };
  const std::vector<python::Token> tokens = python::tokenize(source);
  for (const python::Call& call : python::calls(tokens)) {
    if (call.only_named) {
      add(Severity::kMedium, call.line, call.callee + " is handed on to be called elsewhere");
    } else if (const Unsafe* unsafe = unsafe_use(call)) {
      const std::string argument =
          call.arguments.empty() ? "" : formats::printable(call.arguments[0].text, 60);
      add(unsafe->severity, call.line, call.callee + "(" + argument + ") " + std::string(unsafe->what));
    }
  }
  for (const python::Token& token : tokens) {
    if (token.kind != python::TokenKind::kMagic) continue;
    const std::string_view text = token.text;
    const bool shell = text.starts_with('!') || text.starts_with("%sx") || text.starts_with("%system");
    const bool piped =
        text.find("| sh") != text.npos || text.find("|sh") != text.npos || text.find("| bash") != text.npos;
    const bool filled = text.find('{') != text.npos || text.find('$') != text.npos;
    if (shell && piped) add(Severity::kHigh, token.line, "a shell line runs what it downloads");
    if (shell && filled) add(Severity::kMedium, token.line, "a shell line is filled in with Python values");
  }
}

Result<void> check_notebook(const FileSubject& file, Examination& out) {
  if (!formats::looks_like_notebook(file.bytes)) return {};
  const auto notebook = formats::read_notebook(file.bytes);
  if (!notebook) return within(file.path, notebook.error());
  for (std::size_t i = 0; i < notebook->cells.size(); ++i) {
    if (notebook->cells[i].kind == "code") check_cell(notebook->cells[i].source, i + 1, file.path, out);
  }
  return {};
}

Result<Examination> check(const FileSubject& file, const Parameters&) {
  Examination out = TRY(formats::inspect::examine(file, formats::inspect::Topic::kCode));
  TRY(check_yaml(file, out));
  TRY(check_notebook(file, out));
  return out;
}

}  // namespace

extern const Guard unsafe_serialized_input;
const Guard unsafe_serialized_input{
    .id = "unsafe_serialized_input",
    .threats = {"prep-pipeline-code-exec"},
    .summary = "an input that runs code when preprocessing reads it: a pickle, a YAML tag, a notebook cell",
    .looks_for =
        "pickle globals outside the table of allowed ones; YAML tags beyond YAML's own types; in notebook "
        "cells "
        "eval, exec, imports and commands of what is no constant, and loaders of arbitrary objects; code "
        "that "
        "reaches eval by another name than its own, an import's alias or builtins is missed",
    .file = check};

}  // namespace sallyport::data_engineering::data_preprocessing
