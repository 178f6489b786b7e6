#include "formats/keras.h"

#include <algorithm>
#include <array>

#include "core/limits.h"
#include "formats/utf8.h"

namespace sallyport::formats::keras {
namespace {

constexpr std::string_view kNames[] = {
#define KERAS_NAME(name) #name,
#include "formats/keras_names.def"
#undef KERAS_NAME
};

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The value of a member when it is text.
std::string_view text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return {};
  return found->get_ref<const std::string&>();
}

std::string_view first_part(std::string_view dotted) { return dotted.substr(0, dotted.find('.')); }

// Keras' own packages and those of its authors.
bool is_keras(std::string_view module) {
  constexpr std::array<std::string_view, 5> kPackages{"keras", "tf_keras", "keras_hub", "keras_nlp",
                                                      "keras_cv"};
  return is_one_of(first_part(module), kPackages) || module.starts_with("tensorflow.keras") ||
         module.starts_with("tensorflow.python.keras");
}

// Parts of Keras that are no building blocks: they read files, switch safety off, look names up.
bool is_no_building_block(std::string_view module) {
  // Optimizers name the class of the backend that they were made with.
  if (module.starts_with("keras.src.backend.") && module.find(".optimizers") != module.npos) return false;
  constexpr std::array<std::string_view, 11> kParts{"utils",     "config",   "saving",       "datasets",
                                                    "callbacks", "backend",  "export",       "wrappers",
                                                    "tree",      "testing",  "distribution"};
  while (!module.empty()) {
    const std::string_view part = first_part(module);
    if (is_one_of(part, kParts)) return true;
    module.remove_prefix(std::min(module.size(), part.size() + 1));
  }
  return false;
}

bool is_dangerous(std::string_view module) {
  constexpr std::array<std::string_view, 22> kModules{
      "os",     "posix",   "nt",      "subprocess", "sys",    "shutil",  "builtins", "importlib",
      "runpy",  "pty",     "socket",  "ctypes",     "pickle", "marshal", "code",     "codeop",
      "pathlib", "urllib", "platform", "webbrowser", "io",    "operator"};
  return is_one_of(first_part(module), kModules);
}

// TensorFlow's functions that a TFOpLambda calls by name: those that compute.
bool computes(std::string_view function) {
  constexpr std::array<std::string_view, 14> kParts{"__operators__", "math",  "nn",      "linalg", "image",
                                                    "signal",        "keras", "strings", "sparse", "ragged",
                                                    "random",        "bitwise", "dtypes", "sets"};
  constexpr std::array<std::string_view, 5> kNever{"py_function", "numpy_function", "load_library",
                                                   "load_op_library", "function"};
  const bool plain = function.find('.') == function.npos;
  return plain ? !is_one_of(function, kNever) : is_one_of(first_part(function), kParts);
}

class Judge {
 public:
  std::vector<Concern> run(const Json& config) {
    std::vector<const Json*> open{&config};
    while (!open.empty()) {
      const Json& node = *open.back();
      open.pop_back();
      if (node.is_object()) object(node);
      if (!node.is_structured()) continue;
      for (const Json& child : node) {
        if (child.is_structured()) open.push_back(&child);
      }
    }
    return std::move(out_);
  }

 private:
  void add(std::string_view rule, Severity severity, std::string message) {
    if (out_.size() >= limits::kInspectSeenMax) return;
    out_.push_back({std::string(rule), severity, std::move(message)});
  }

  void object(const Json& node) {
    vocabulary(node);
    const auto safe = node.find("safe_mode");
    if (safe != node.end() && *safe == false) {
      add("keras-safe-mode-off", Severity::kHigh, "the configuration asks for safe_mode to be off");
    }
    const std::string_view name = text_of(node, "class_name");
    if (name.empty() || !node.contains("config")) return;
    if (special(name, node)) return;
    if (name == "function") return function(node);
    const std::string_view registered = text_of(node, "registered_name");
    named("build", text_of(node, "module"), name, registered);
    if (name == "TFOpLambda" || name == "TensorFlowOpLayer") operation(node["config"]);
  }

  // A file's or an address's name where a list of words should be is opened.
  void vocabulary(const Json& node) {
    for (const char* member : {"vocabulary", "input_vocabulary", "idf_weights"}) {
      const std::string_view path = text_of(node, member);
      if (path.empty()) continue;
      add("keras-reads-file", Severity::kHigh,
          std::string(member) + " is a path or an address, which would be opened: " + printable(path, 80));
    }
  }

  // True when nothing more is to be said of the node.
  bool special(std::string_view name, const Json& node) {
    if (name == "__lambda__") {
      add("keras-lambda", Severity::kCritical, "a lambda's marshalled bytecode would be made a function");
      return true;
    }
    if (name == "Lambda") {
      lambda(node["config"]);
      return true;
    }
    if (name == "TorchModuleWrapper") {
      add("keras-torch-module", Severity::kCritical, "TorchModuleWrapper would unpickle a module of PyTorch");
      return true;
    }
    if (name == "TFSMLayer") {
      const std::string_view path = node["config"].is_object() ? text_of(node["config"], "filepath") : "";
      add("keras-saved-model", Severity::kHigh,
          "TFSMLayer would load a SavedModel from " + printable(path, 80));
      return true;
    }
    if (name == "__typespec__") {
      const std::string_view module = text_of(node, "module");
      if (!module.starts_with("tensorflow")) named("build", module, text_of(node, "spec_name"), "");
      return true;
    }
    constexpr std::array<std::string_view, 9> kPlain{"__keras_tensor__", "__tensor__", "__numpy__",
                                                     "__bytes__",        "__ellipsis__", "__slice__",
                                                     "__tuple__",        "TensorShape",  "CompositeTensor"};
    return is_one_of(name, kPlain);
  }

  // Keras 2 writes ["base64 of the bytecode", defaults, closure] with "function_type": "lambda".
  void lambda(const Json& config) {
    if (!config.is_object()) return;
    const auto code = config.find("function");
    if (code != config.end() && (code->is_array() || text_of(config, "function_type") == "lambda")) {
      add("keras-lambda", Severity::kCritical,
          "the marshalled bytecode of layer " + printable(text_of(config, "name"), 40) + " would be run");
    } else if (code != config.end() && code->is_string()) {
      add("keras-custom-object", Severity::kHigh,
          "a Lambda layer would call " + printable(text_of(config, "function"), 80) + " of module " +
              printable(text_of(config, "module"), 80));
    }
  }

  void function(const Json& node) {
    const std::string_view module = text_of(node, "module");
    const std::string_view name = text_of(node, "config");
    // "builtins" is how Keras says that one of its own functions goes by its bare name.
    named("call", module == "builtins" ? "" : module, name, "");
  }

  void named(std::string_view act, std::string_view module, std::string_view name,
             std::string_view registered) {
    const std::string full = printable(module, 80) + (module.empty() ? "" : ".") + printable(name, 80);
    if (!module.empty() && !is_keras(module)) {
      add(is_dangerous(module) ? "keras-imports-module" : "keras-custom-object",
          is_dangerous(module) ? Severity::kCritical : Severity::kHigh,
          "would import " + printable(module, 80) + " and " + std::string(act) + " " + full);
    } else if (is_no_building_block(module)) {
      add("keras-unlisted-name", Severity::kHigh,
          "would " + std::string(act) + " " + full + ", which is no part of a model");
    } else if (const std::size_t mark = registered.find('>');
               mark != registered.npos && !is_keras(registered.substr(0, mark))) {
      add("keras-custom-object", Severity::kMedium,
          "would " + std::string(act) + " " + printable(registered, 80) + ", code that is not in the file");
    } else if (!is_listed(module, name)) {
      add(module.empty() ? "keras-custom-object" : "keras-unlisted-name",
          module.empty() ? Severity::kMedium : Severity::kHigh,
          "would " + std::string(act) + " " + full + ", which is not Keras' own");
    }
  }

  // The hub's libraries grow by the month; of them, classes are taken by the look of their name.
  static bool is_listed(std::string_view module, std::string_view name) {
    const std::size_t mark = name.find('>');
    if (mark != name.npos) return is_keras(name.substr(0, mark));
    if (module.starts_with("keras_") && !name.empty() && name[0] >= 'A' && name[0] <= 'Z') {
      return name != "TorchModuleWrapper";
    }
    return std::binary_search(std::begin(kNames), std::end(kNames), name);
  }

  void operation(const Json& config) {
    if (!config.is_object()) return;
    const std::string_view called = text_of(config, "function");
    if (!called.empty() && !computes(called)) {
      add("keras-tensorflow-function", Severity::kHigh, "would call tensorflow." + printable(called, 80));
    }
    const auto found = config.find("node_def");
    if (found == config.end()) return;
    const std::string definition = canonical(*found);
    for (const std::string_view op : {"PyFunc", "ReadFile", "WriteFile", "MatchingFiles", "EagerPyFunc"}) {
      if (definition.find(op) == definition.npos) continue;
      add("keras-tensorflow-function", Severity::kHigh, "would run TensorFlow's operator " + std::string(op));
    }
  }

  std::vector<Concern> out_;
};

}  // namespace

bool looks_like_config(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || (text[first] != '{' && text[first] != '[')) return false;
  // An escape may stand for any letter of the name.
  return text.find("class_name") != text.npos || text.find("\\u00") != text.npos;
}

std::vector<Concern> judge(const Json& config) { return Judge().run(config); }

}  // namespace sallyport::formats::keras
