// XML: PMML, OpenVINO's intermediate representation, and what any document may reach for while it is read.
#include "formats/xml.h"

#include <algorithm>
#include <memory>
#include <set>

#include "core/limits/xml.h"
#include "core/text.h"
#include "formats/inspect/inspect.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy = "ask the publisher for the document as the library wrote it";

bool plausible(const Layer& layer) { return looks_like_xml(as_text(layer.bytes)); }

void say(Probe& probe, Topic topic, std::string rule, Severity severity, std::size_t offset,
         std::string message) {
  probe.observe({.topic = topic,
                 .rule = std::move(rule),
                 .severity = severity,
                 .offset = offset,
                 .message = std::move(message),
                 .remedy = std::string(kRemedy)});
}

std::optional<std::uint64_t> number_of(const std::optional<std::string>& text) {
  return text ? parsed_number<std::uint64_t>(*text) : std::nullopt;
}

// What every kind of document is judged by, element by element.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual std::string_view claim() const { return "xml"; }
  virtual void open(Probe&, const XmlEvent&) {}
  virtual void end(Probe&) {}
};

// Evaluators of PMML on Java take the name of a function that is not built in for that of a class.
class Pmml : public Judge {
 public:
  std::string_view claim() const override { return "pmml"; }
  void open(Probe& probe, const XmlEvent& element) override {
    if (element.local() == "TableLocator") {
      say(probe, Topic::kIntake, "pmml-outside-table", Severity::kMedium, element.offset,
          "the model takes rows from a table outside of it");
    }
    if (element.local() != "Apply") return;
    const std::string function = element.find("function").value_or("");
    if (function.find('.') == std::string::npos) return;
    say(probe, Topic::kCode, "pmml-named-class", Severity::kHigh, element.offset,
        "evaluating the model would call " + shown(function) + ", a class that the document names");
  }
};

// The bits of one element of each type of OpenVINO.
int bits_of(std::string_view type) {
  static constexpr std::pair<std::string_view, int> kBits[] = {
      {"f64", 64},    {"i64", 64},   {"u64", 64},   {"f32", 32},   {"i32", 32}, {"u32", 32},
      {"f16", 16},    {"bf16", 16},  {"i16", 16},   {"u16", 16},   {"i8", 8},   {"u8", 8},
      {"boolean", 8}, {"f8e4m3", 8}, {"f8e5m2", 8}, {"f8e8m0", 8}, {"i4", 4},   {"u4", 4},
      {"nf4", 4},     {"f4e2m1", 4}, {"u2", 2},     {"u1", 1}};
  for (const auto& [name, bits] : kBits) {
    if (type == name) return bits;
  }
  return 0;
}

// The bytes that a shape such as "3,4" calls for; nothing where it is no shape, or one beyond all memory.
std::optional<std::uint64_t> bytes_of(std::string_view shape, std::string_view type) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 56;
  std::uint64_t items = 1;
  while (!shape.empty()) {
    shape.remove_prefix(std::min(shape.find_first_not_of(' '), shape.size()));
    const std::size_t end = std::min(shape.find(','), shape.size());
    const auto extent = number_of(std::string(shape.substr(0, end)));
    if (!extent || (*extent != 0 && items > kMost / *extent)) return std::nullopt;
    items *= *extent;
    shape.remove_prefix(std::min(shape.size(), end + 1));
  }
  const int bits = bits_of(type);
  if (bits == 0) return std::nullopt;
  return (items * static_cast<std::uint64_t>(bits) + 7) / 8;
}

class OpenVino : public Judge {
 public:
  std::string_view claim() const override { return "openvino"; }

  void open(Probe& probe, const XmlEvent& element) override {
    if (element.name == "layer") layer(probe, element);
    if (element.name == "data") data(probe, element);
    if (element.name == "edge") edge(probe, element);
  }

  // The weights lie in a file of the same name.
  void end(Probe& probe) override {
    constexpr std::string_view kEnding = ".xml";
    const std::string& name = probe.layer().name;
    if (constants_.empty() || probe.layer().depth > 0 || !name.ends_with(kEnding)) return;
    const std::size_t slash = name.rfind('/');
    const std::string file = slash == std::string::npos ? name : name.substr(slash + 1);
    // Of weights that are shared and of neighbours the place is said once.
    std::ranges::sort(constants_);
    std::pair<std::uint64_t, std::uint64_t> open = constants_.front();
    const auto refer = [&] {
      probe.refer({.topic = Topic::kGraph,
                   .path = file.substr(0, file.size() - kEnding.size()) + ".bin",
                   .what = "weights",
                   .data_begin = open.first,
                   .bytes_min = open.second});
    };
    for (const auto& [begin, finish] : constants_) {
      if (begin > open.second) {
        refer();
        open = {begin, finish};
      }
      open.second = std::max(open.second, finish);
    }
    refer();
  }

 private:
  void layer(Probe& probe, const XmlEvent& element) {
    const std::string version = element.find("version").value_or("");
    const std::string type = element.find("type").value_or("");
    if (const auto id = number_of(element.find("id")); !id || !ids_.insert(*id).second) {
      say(probe, Topic::kStructure, "openvino-out-of-place", Severity::kHigh, element.offset,
          "a layer has no number, or that of another one");
    }
    const bool built_in = version.starts_with("opset") &&
                          version.find_first_not_of("0123456789", 5) == std::string::npos &&
                          version.size() > 5;
    if (built_in) return;
    say(probe, Topic::kOperator, "openvino-extension-layer", Severity::kHigh, element.offset,
        "layer " + shown(type) + " of " + shown(version) +
            " is no built-in operation: a library of its own would be loaded for it");
  }

  void data(Probe& probe, const XmlEvent& element) {
    const auto offset = number_of(element.find("offset"));
    const auto size = number_of(element.find("size"));
    if (!offset && !size) return;
    constexpr std::uint64_t kMost = std::uint64_t{1} << 56;
    const std::optional<std::string> type = element.find("element_type");
    const std::optional<std::string> shape = element.find("shape");
    if (!offset || !size || *offset > kMost || *size > kMost) {
      return say(probe, Topic::kStructure, "openvino-out-of-place", Severity::kHigh, element.offset,
                 "a constant has no place, or one beyond all files");
    }
    constants_.emplace_back(*offset, *offset + *size);
    if (!type || !shape || *type == "string") return;
    const auto wanted = bytes_of(*shape, *type);
    if (wanted == *size) return;
    say(probe, Topic::kStructure, "openvino-size-lies", Severity::kHigh, element.offset,
        "a constant of shape " + shown(*shape) + " and type " + shown(*type) + " has " +
            std::to_string(*size) + " bytes");
  }

  void edge(Probe& probe, const XmlEvent& element) {
    for (const char* side : {"from-layer", "to-layer"}) {
      const auto id = number_of(element.find(side));
      if (id && ids_.contains(*id)) continue;
      say(probe, Topic::kStructure, "openvino-out-of-place", Severity::kHigh, element.offset,
          "an edge leads to a layer that is not there");
    }
  }

  std::set<std::uint64_t> ids_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> constants_;  // begin and end in the file of weights
};

// Elements that a reader acts on whatever the document is.
void judge_any(Probe& probe, const XmlEvent& event) {
  if (event.kind == XmlEvent::Kind::kOpen && event.local() == "include" && event.name != "include") {
    const std::string file = event.find("href").value_or("");
    say(probe, Topic::kStructure, "xml-includes-file", Severity::kHigh, event.offset,
        "reading the document may include " + shown(file));
  }
  if (event.kind == XmlEvent::Kind::kInstruction && event.name == "xml-stylesheet") {
    say(probe, Topic::kStructure, "xml-names-stylesheet", Severity::kLow, event.offset,
        "a reader may transform the document by a style sheet that it names");
  }
}

std::unique_ptr<Judge> judge_of(const XmlEvent& root) {
  if (root.local() == "PMML") return std::make_unique<Pmml>();
  if (root.name == "net" && root.find("version")) return std::make_unique<OpenVino>();
  return std::make_unique<Judge>();
}

// The whole document, before anything is said of it: a page for people may begin as one and go on otherwise.
Result<void> well_formed(std::string_view text) {
  XmlReader reader(text);
  while (TRY(reader.next())) continue;
  return {};
}

void judge_document(Probe& probe, std::string_view text) {
  XmlReader reader(text);
  std::unique_ptr<Judge> judge;
  for (auto event = reader.next(); event && *event; event = reader.next()) {
    const bool opens = (*event)->kind == XmlEvent::Kind::kOpen;
    if (opens && !judge) judge = judge_of(**event);
    judge_any(probe, **event);
    if (opens) judge->open(probe, **event);
  }
  probe.claim(judge->claim());
  probe.account(0, text.size());
  judge->end(probe);
}

// A declared document, or one of a model's own kind; pages for people are text.
bool is_meant(std::string_view text) {
  constexpr std::size_t kFront = 4096;
  const std::string_view front = text.substr(0, kFront);
  return front.find("<PMML") != front.npos || front.find("<net ") != front.npos ||
         text.find("<!ENTITY") != text.npos;
}

void inspect_xml(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  if (text.size() > limits::kXmlBytesMax || !is_utf8(text)) {
    if (!is_meant(text)) return;
    probe.claim("xml");
    probe.unread(0, text.size(), "xml: a document that is no UTF-8, or too large to read");
    return;
  }
  const Result<void> read = well_formed(text);
  if (read) return judge_document(probe, text);
  if (!is_meant(text)) return;
  probe.claim("xml");
  if (text.find("<!ENTITY") != text.npos || text.find("<!DOCTYPE") != text.npos) {
    say(probe, Topic::kStructure, "xml-document-type", Severity::kHigh,
        std::min(text.find("<!"), text.size()),
        "reading the document would define entities, which read files or grow without end");
  }
  probe.unread(0, text.size(), read.error().message);
}

}  // namespace

extern const Inspector xml_inspector;
const Inspector xml_inspector{.id = "xml", .plausible = plausible, .inspect = inspect_xml};

}  // namespace sallyport::formats::inspect
