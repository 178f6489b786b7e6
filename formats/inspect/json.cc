// JSON beside weights: what a configuration, a tokenizer or an index would have a loader do.
//
// A member is judged wherever it stands and whatever the file is called, because loaders merge
// configurations. JSON that the strict reader refuses is text; when a name that matters stands in it, it is
// left unread.
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/json.h"
#include "formats/inspect/inspect.h"
#include "formats/inspect/mxnet.h"
#include "formats/inspect/paths.h"
#include "formats/inspect/skops.h"
#include "formats/inspect/targets.h"
#include "formats/inspect/templates.h"
#include "formats/pickle_policy.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy =
    "load it without remote code, or read the code and keep a copy of your own";

bool plausible(const Layer& layer) {
  const std::string_view text = as_text(layer.bytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
}

class Reader {
 public:
  explicit Reader(Probe& probe) : probe_(probe), text_(as_text(probe.bytes())) {}

  void run() {
    const Result<Json> read = parse_json(text_);
    if (!read) return refused(read.error());
    probe_.claim("json");
    probe_.account(0, text_.size());
    std::vector<const Json*> open{&*read};
    generation(*read);
    while (!open.empty()) {
      const Json& node = *open.back();
      open.pop_back();
      if (node.is_object()) object(node);
      if (!node.is_structured()) continue;
      for (const Json& child : node) {
        if (child.is_structured()) open.push_back(&child);
      }
    }
  }

 private:
  void refused(const Error& error) {
    constexpr std::array<std::string_view, 8> kMatters{
        "auto_map",     "chat_template", "trust_remote_code", "custom_pipelines", "__loader__",
        ":serialized:", "\"py/",         "\"_target_\""};
    for (const std::string_view name : kMatters) {
      const std::size_t at = text_.find(name);
      if (at == std::string_view::npos) continue;
      probe_.unread(at, name.size(),
                    std::string(name) + " in JSON that is not read: " + printable(error.message));
    }
    if (error.message.find("duplicate key") != std::string::npos) {
      probe_.observe({.topic = Topic::kStructure,
                      .rule = "json-duplicate-key",
                      .severity = Severity::kMedium,
                      .message = "loaders differ on which of two members counts: " + printable(error.message),
                      .remedy = "ask the publisher for a file with each member once"});
    }
  }

  // Where a member of that name stands first; 0 for one that is written otherwise, and beyond kNamesMax
  // names, since each is a search of the whole text.
  std::uint64_t where(std::string_view member) {
    constexpr std::size_t kNamesMax = 64;
    if (const auto known = places_.find(member); known != places_.end()) return known->second;
    if (places_.size() >= kNamesMax) return 0;
    const std::size_t at = text_.find('"' + std::string(member) + '"');
    return places_[std::string(member)] = at == std::string_view::npos ? 0 : at;
  }

  void say(Topic topic, std::string rule, Severity severity, std::string_view member, std::string message) {
    probe_.observe(
        {.topic = topic,
         .rule = std::move(rule),
         .severity = severity,
         .offset = where(member),
         .message = std::move(message),
         .remedy = std::string(topic == Topic::kIntake ? kRemedy : "use the publisher's own file")});
  }

  void object(const Json& node) {
    for (const auto& [name, value] : node.items()) {
      if (name == "auto_map" || name == "custom_pipelines") code_names(name, value);
      if (name == "trust_remote_code" && value == true) {
        say(Topic::kIntake, "config-trusts-remote-code", Severity::kMedium, name,
            "loading would run the repository's own code: trust_remote_code is true");
      }
      if (name == "auto_mapping" && value.is_object()) auto_mapping(value);
      if (name.ends_with("chat_template") || name == "chat_templates") templates(name, value);
      if (name == "weight_map" && value.is_object()) weight_map(value);
      if (name == "added_tokens" && value.is_array()) added_tokens(value);
      if (name == ":serialized:" && value.is_string()) serialized(value.get_ref<const std::string&>());
      if (is_target_member(name)) target(name, value);
    }
    sentence_module(node);
    components(node);
    replacement(node);
    judge_skops_node(probe_, node, where("__module__"));
    judge_mxnet_node(probe_, node, where("op"));
  }

  // {"AutoModel": "module.Class"} or "owner/repository--module.Class", alone or in lists; pipelines hold
  // {"impl": "module.Class"}.
  void code_names(std::string_view member, const Json& value) {
    std::vector<const Json*> open{&value};
    while (!open.empty()) {
      const Json& node = *open.back();
      open.pop_back();
      if (node.is_object() && node.contains("impl")) {
        open.push_back(&node["impl"]);
      } else if (node.is_structured()) {
        for (const Json& child : node) open.push_back(&child);
      } else if (node.is_string()) {
        code_name(member, node.get<std::string>());
      }
    }
  }

  void code_name(std::string_view member, const std::string& name) {
    const std::size_t split = name.find("--");
    const std::string where_from =
        split == std::string::npos ? "beside it" : "of another repository, " + shown(name.substr(0, split));
    say(Topic::kIntake, split == std::string::npos ? "config-names-code" : "config-names-remote-code",
        split == std::string::npos ? Severity::kMedium : Severity::kHigh, member,
        "loading with trust_remote_code would run " + shown(name) + ", code " + where_from);
    if (split == std::string::npos && name.find('.') != std::string::npos) {
      probe_.refer({.topic = Topic::kIntake,
                    .path = name.substr(0, name.rfind('.')) + ".py",
                    .what = "code that " + std::string(member) + " names",
                    .offset = where(member)});
    }
  }

  void auto_mapping(const Json& value) {
    const std::string library =
        value.value("parent_library", Json()).is_string() ? value["parent_library"] : Json("");
    if (library.empty() || library == "transformers" || library.starts_with("transformers.models.") ||
        library.starts_with("diffusers.models")) {
      return;
    }
    say(Topic::kIntake, "config-names-code", Severity::kHigh, "auto_mapping",
        "loading the adapter would import " + shown(library));
  }

  void templates(const std::string& name, const Json& value) {
    if (value.is_string())
      judge_template(probe_, value.get_ref<const std::string&>(), name, where(name), false);
    if (!value.is_structured()) return;
    for (const Json& entry : value) {
      const Json& text = entry.is_object() && entry.contains("template") ? entry["template"] : entry;
      if (text.is_string())
        judge_template(probe_, text.get_ref<const std::string&>(), name, where(name), false);
    }
  }

  // jsonpickle's py/reduce is a list that begins with the callable, which names itself.
  void target(const std::string& member, const Json& value) {
    if (value.is_string()) {
      judge_target(probe_, member, value.get_ref<const std::string&>(), where(member));
    } else if (member == "py/reduce") {
      judge_target(probe_, member, "what its first element names", where(member));
    }
  }

  // Stable-Baselines3 keeps what JSON cannot hold as a pickle in base64.
  void serialized(const std::string& text) {
    if (const Result<Bytes> pickle = from_base64(text)) {
      probe_.nest("serialized", *pickle);
    } else {
      probe_.unread(where(":serialized:"), text.size(), "a pickle in JSON that is no base64");
    }
  }

  void weight_map(const Json& value) {
    std::string last;
    for (const auto& [tensor, file] : value.items()) {
      if (!file.is_string() || file == last) continue;
      last = file.get<std::string>();
      if (const std::string why = leaves_folder(last); !why.empty()) {
        say(Topic::kIntake, "index-leaves-folder", Severity::kHigh, "weight_map",
            "loading would read " + shown(last) + " for tensor " + shown(tensor) + ", which " + why);
      } else if (files_.insert(last).second) {
        probe_.refer({.topic = Topic::kIntake, .path = last, .what = "weights that the index names"});
      }
    }
  }

  void added_tokens(const Json& value) {
    for (const Json& token : value) {
      if (!token.is_object() || !token.contains("content") || !token["content"].is_string()) continue;
      const std::string& text = token["content"].get_ref<const std::string&>();
      const bool bidi =
          text.find("\xE2\x80\xAE") != std::string::npos || text.find("\xE2\x80\xAD") != std::string::npos ||
          text.find("\xE2\x81\xA6") != std::string::npos || text.find("\xE2\x81\xA7") != std::string::npos;
      if (!bidi && text.find('\x1B') == std::string::npos) continue;
      say(Topic::kTemplate, "tokenizer-hidden-characters", Severity::kMedium, "added_tokens",
          "the tokenizer has a token that steers what a reader sees: '" + printable(text) + "'");
    }
  }

  // Sentence-transformers imports the type of every module.
  void sentence_module(const Json& node) {
    if (!node.contains("idx") || !node.contains("type") || !node.contains("path") ||
        !node["type"].is_string())
      return;
    const std::string type = node["type"].get<std::string>();
    if (type.starts_with("sentence_transformers.") || type.starts_with("pylate.")) return;
    say(Topic::kIntake, "module-names-code", Severity::kHigh, "type",
        "loading would import " + shown(type) + ", which is no module of sentence-transformers");
  }

  // Diffusers imports each component of a pipeline, ["library", "Class"], and the pipeline itself when it is
  // given as a file and a class.
  void components(const Json& node) {
    const auto named = node.find("_class_name");
    if (named == node.end()) return;
    for (const auto& [name, value] : node.items()) {
      if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) continue;
      const std::string library = value[0].get<std::string>();
      const std::string type = value[1].get<std::string>();
      const std::string_view danger = pickle::danger_of({.module = library, .name = type});
      if (!danger.empty()) {
        say(Topic::kIntake, "pipeline-names-dangerous", Severity::kCritical, name,
            "loading the pipeline would reach " + shown(library + "." + type) + ", which " +
                std::string(danger));
      } else if (name == "_class_name") {
        say(Topic::kIntake, "config-names-code", Severity::kMedium, name,
            "loading with trust_remote_code would run " + shown(library + "." + type) + ", code beside it");
      }
    }
  }

  // A normaliser that puts one word in the place of another changes what the model is told.
  void replacement(const Json& node) {
    if (node.value("type", Json()) != "Replace" || !node.contains("pattern") || !node.contains("content"))
      return;
    const Json& pattern = node["pattern"];
    const Json& content = node["content"];
    if (!pattern.is_object() || !pattern.contains("String") || !pattern["String"].is_string() ||
        !content.is_string()) {
      return;
    }
    const auto letters = [](const std::string& text) {
      return std::ranges::count_if(text,
                                   [](unsigned char c) { return (c | 32U) >= 'a' && (c | 32U) <= 'z'; });
    };
    const std::string from = pattern["String"];
    const std::string into = content;
    if (letters(from) < 2 || letters(into) < 2) return;
    say(Topic::kTemplate, "tokenizer-rewrites-words", Severity::kHigh, "pattern",
        "the tokenizer would read " + shown(from) + " as " + shown(into));
  }

  // Settings of text generation, held to what samplers take.
  void generation(const Json& root) {
    if (!root.is_object()) return;
    struct Range {
      std::string_view name;
      double low;
      double high;
    };
    constexpr std::array<Range, 9> kRanges{{{"temperature", 0, 5},
                                            {"top_p", 0, 1},
                                            {"min_p", 0, 1},
                                            {"typical_p", 0, 1},
                                            {"top_k", -1, 1e6},
                                            {"repetition_penalty", 0.1, 10},
                                            {"num_beams", 1, 1000},
                                            {"max_new_tokens", -1, 1e7},
                                            {"eos_token_id", 0, 1e9}}};
    for (const Range& range : kRanges) {
      const auto found = root.find(range.name);
      if (found == root.end() || !found->is_number()) continue;
      const double value = found->get<double>();
      if (value >= range.low && value <= range.high) continue;
      // A few honest files switch the end of text off by a number below 0.
      const Severity severity = range.name == "eos_token_id" ? Severity::kMedium : Severity::kHigh;
      say(Topic::kTemplate, "generation-setting-out-of-range", severity, range.name,
          "text would be generated with " + std::string(range.name) + " " + found->dump() +
              ", which no honest configuration has");
    }
  }

  Probe& probe_;
  std::string_view text_;
  std::set<std::string> files_;                             // that indexes name
  std::map<std::string, std::size_t, std::less<>> places_;  // of members, by name
};

void inspect_json(Probe& probe) { Reader(probe).run(); }

}  // namespace

extern const Inspector json_inspector;
const Inspector json_inspector{
    .id = "json", .rank = Rank::kFallback, .plausible = plausible, .inspect = inspect_json};

}  // namespace sallyport::formats::inspect
