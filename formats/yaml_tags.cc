#include "formats/yaml_tags.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>

#include "core/limits.h"
#include "formats/yaml_progress.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kYamlPrefix = "tag:yaml.org,2002:";

class Collector : public YAML::EventHandler {
 public:
  Collector(YamlTags& out, bool (*wanted)(std::string_view)) : out_(out), wanted_(wanted) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!progress_.begin_document(mark)) {
      out_.error = "line " + std::to_string(mark.line + 1) + ": no document may begin here";
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override { key_.clear(); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override { key_.clear(); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    if (!key_.empty()) out_.pairs.push_back({key_, value, static_cast<std::size_t>(mark.line) + 1});
    add(mark, tag);
    if (wanted_ != nullptr && wanted_(value)) key_ = value;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    add(mark, tag);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    add(mark, tag);
  }
  void OnMapEnd() override {}

 private:
  void add(const YAML::Mark& mark, const std::string& tag) {
    key_.clear();
    // "?" and "!" are the parser's words for a node without a tag, plain or quoted.
    if (tag.empty() || tag == "?" || tag == "!") return;
    out_.tags.push_back({tag, static_cast<std::size_t>(mark.line) + 1});
  }

  YamlProgress progress_;
  YamlTags& out_;
  bool (*wanted_)(std::string_view);
  std::string key_;  // the scalar before, when its value matters
};

// Reads the text where it lies, and then the end of a document: a tag in front of nothing, as the last word
// of a stream, is not told of by the parser, and `!!python/module:m` needs nothing behind it to import m.
class View : public std::streambuf {
 public:
  // UTF-16 and 32 are told by their first byte; the end is not written in them.
  explicit View(std::string_view text)
      : ended_(!text.empty() && (text[0] == '\xFF' || text[0] == '\xFE' || text[0] == '\0')) {
    set(text);
  }

 protected:
  int_type underflow() override {
    if (ended_) return traits_type::eof();
    ended_ = true;
    set("\n...\n");
    return traits_type::to_int_type(*gptr());
  }

 private:
  void set(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }

  bool ended_;
};

}  // namespace

Result<YamlTags> yaml_tags(std::string_view text, bool (*wanted)(std::string_view)) {
  if (text.size() > limits::kYamlDataBytesMax) {
    return fail(ErrorKind::kLimit, "yaml: more than " + std::to_string(limits::kYamlDataBytesMax) + " bytes");
  }
  YamlTags out;
  Collector collector(out, wanted);
  try {
    View view(text);
    std::istream stream(&view);
    YAML::Parser parser(stream);
    while (out.error.empty() && parser.HandleNextDocument(collector)) {
    }
  } catch (const YAML::Exception& error) {
    out.error = "line " + std::to_string(error.mark.line + 1) + ": " + error.msg;
  } catch (const std::exception& error) {
    out.error = error.what();
  }
  return out;
}

bool is_plain_yaml_tag(std::string_view tag) {
  constexpr std::array<std::string_view, 14> kTypes{"str",    "int",       "float", "bool", "null",
                                                    "seq",    "map",       "set",   "omap", "pairs",
                                                    "binary", "timestamp", "merge", "value"};
  if (!tag.starts_with(kYamlPrefix)) return false;
  return std::find(kTypes.begin(), kTypes.end(), tag.substr(kYamlPrefix.size())) != kTypes.end();
}

}  // namespace sallyport::formats
