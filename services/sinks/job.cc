#include "services/sinks/job.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "core/bytes.h"
#include "core/limits.h"

namespace sallyport::services::sinks {
namespace {

constexpr std::size_t kJobBytesMax = limits::kMiB;
constexpr std::string_view kOpen = "@{";

// Words that YAML 1.1 reads as something else than text: a branch that is called "no" would turn a setting
// off.
bool means_more_in_yaml(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array<std::string_view, 10> kWords{"y",   "n",    "yes",   "no",   "on",
                                                    "off", "true", "false", "null", "nan"};
  return std::ranges::find(kWords, text) != kWords.end();
}

Result<std::string> taken(Sink sink, std::string_view place, const Fields& fields) {
  const std::size_t bar = place.rfind('|');
  if (bar == std::string_view::npos) {
    return fail(ErrorKind::kDenied, "field " + shown(place) + ": free text goes into no job",
                "say what it is: @{FIELD|word}, number, digest, image or version");
  }
  const std::string_view name = place.substr(0, bar);
  const Grammar grammar = TRY(grammar_named(place.substr(bar + 1)));
  const auto found = fields.find(name);
  if (found == fields.end()) return fail(ErrorKind::kNotFound, "field " + shown(name) + ": there is none");
  const auto typed = found->second.typed(grammar);
  if (!typed) return within("field " + shown(name), typed.error());
  if (sink == Sink::kYaml && grammar == Grammar::kWord && means_more_in_yaml(typed->text())) {
    return fail(ErrorKind::kDenied, "field " + shown(name) + ": YAML reads it as no word");
  }
  return typed->text();
}

}  // namespace

Result<Sink> sink_named(std::string_view name) {
  constexpr std::array<std::string_view, 4> kNames{"shell", "template", "yaml", "prompt"};
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return invalid("sink " + shown(name) + ": shell, template, yaml or prompt");
  return static_cast<Sink>(found - kNames.begin());
}

Result<std::string> filled(Sink sink, std::string_view job, const Fields& fields) {
  if (job.size() > kJobBytesMax) return fail(ErrorKind::kLimit, "job: more than 1 MiB");
  std::string out;
  for (std::size_t at = 0; at < job.size();) {
    const std::size_t open = job.find(kOpen, at);
    if (open == std::string_view::npos) {
      out += job.substr(at);
      break;
    }
    if (open > at && job[open - 1] == '@') {
      out += job.substr(at, open - 1 - at);
      out += kOpen;
      at = open + kOpen.size();
      continue;
    }
    const std::size_t close = job.find('}', open);
    if (close == std::string_view::npos) return invalid("job: a field without an end");
    out += job.substr(at, open - at);
    out += TRY(taken(sink, job.substr(open + kOpen.size(), close - open - kOpen.size()), fields));
    at = close + 1;
  }
  return out;
}

}  // namespace sallyport::services::sinks
