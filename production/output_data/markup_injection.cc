// output-downstream-injection: a model's answer runs, or tells on its reader, where somebody renders it.
//
// The answer is read as its content type says it will be rendered; a type that we cannot judge is refused,
// since some of those run scripts (SVG, XML). Text inside JSON has no type of its own: it is judged as
// Markdown and as HTML, because dashboards do both. The server's way out is formats::html::sanitize and
// formats::markdown::neutralise; this guard says what they are needed for, and is silent on what they give
// back.
#include <set>
#include <tuple>

#include "core/guard.h"
#include "formats/html.h"
#include "formats/markdown.h"
#include "formats/utf8.h"

namespace sallyport::production::output_data {
namespace {

using formats::html::Hazard;
using formats::html::Sighting;

constexpr Parameter kParameters[] = {
    {"json_text_is_markdown", 0,
     "1: whoever shows text inside JSON renders Markdown, so code in it is inert"},
};

constexpr std::string_view remedy_for(Hazard hazard) {
  switch (hazard) {
    case Hazard::kFetch: return "send the image in the answer (data:) or as a link that the reader follows";
    case Hazard::kConfusion: return "drop the byte";
    default: return "sanitize the answer before it leaves, and show it under the content-security policy";
  }
}

class Examiner {
 public:
  explicit Examiner(const Parameters& parameters)
      : text_is_markdown_(parameters.get("json_text_is_markdown") != 0) {}

  void html(std::string_view text) { report("answer", formats::html::hazards_of(text)); }
  void markdown(std::string_view text) { report("answer", formats::markdown::hazards_of(text)); }

  // Every text of the document, member names included: tables are drawn from those too.
  void json(const Json& document) {
    std::vector<std::pair<std::string, const Json*>> pending{{"", &document}};
    while (!pending.empty()) {
      const auto [path, value] = std::move(pending.back());
      pending.pop_back();
      if (value->is_string()) text_in_json(path, value->get_ref<const std::string&>());
      if (!value->is_structured()) continue;
      for (const auto& [name, member] : value->items()) {
        if (value->is_object()) text_in_json(path + " (name)", name);
        if (member.is_string() || member.is_structured())
          pending.emplace_back(path + "/" + shown(name), &member);
      }
    }
  }

  void unknown_type(const std::string& type) {
    add("answer", 0, Hazard::kElement, "content type " + shown(type) + ", which may run what it holds");
  }

  Examination take() { return std::move(examination_); }

 private:
  void text_in_json(const std::string& path, const std::string& text) {
    if (text.find_first_of("<]&") == std::string::npos) return;
    report("answer" + path, formats::markdown::hazards_of(text));
    if (!text_is_markdown_) report("answer" + path, formats::html::hazards_of(text));
  }

  void report(const std::string& path, const std::vector<Sighting>& sightings) {
    for (const Sighting& sighting : sightings) {
      add(path, sighting.offset, sighting.hazard, formats::printable(sighting.what));
    }
  }

  void add(const std::string& path, std::size_t offset, Hazard hazard, std::string message) {
    if (!seen_.insert({path, offset, message}).second) return;
    examination_.findings.push_back({.severity = hazard == Hazard::kFetch || hazard == Hazard::kConfusion
                                                     ? Severity::kHigh
                                                     : Severity::kCritical,
                                     .where = {.path = path, .offset = offset},
                                     .message = std::move(message),
                                     .remedy = std::string(remedy_for(hazard))});
  }

  bool text_is_markdown_;
  Examination examination_;
  std::set<std::tuple<std::string, std::size_t, std::string>> seen_;
};

Result<Examination> check(const ResponseSubject& response, const Parameters& parameters) {
  const std::string type = response.content_type.substr(0, response.content_type.find(';'));
  const std::string_view text = as_text(response.body);
  Examiner examiner(parameters);
  if (type == "application/json") {
    examiner.json(TRY(parse_json(text)));
  } else if (type == "text/html") {
    examiner.html(text);
  } else if (type == "text/markdown") {
    examiner.markdown(text);
  } else if (type != "text/plain" && type != "application/octet-stream") {
    examiner.unknown_type(type);
  }
  return examiner.take();
}

}  // namespace

extern const Guard markup_injection;
const Guard markup_injection{
    .id = "markup_injection",
    .threats = {"output-downstream-injection"},
    .summary = "an answer that would run, or load something, where it is rendered",
    .looks_for =
        "elements, handlers, links and fetches that act in a browser, by an HTML5 tokenizer and CommonMark's "
        "rules; plain text and raw bytes are taken for inert, so they must be sent with nosniff",
    .parameters = kParameters,
    .response = check};

}  // namespace sallyport::production::output_data
