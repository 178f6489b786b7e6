#include "core/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <cmath>
#include <optional>
#include <sstream>
#include <vector>

#include "core/limits.h"
#include "core/text.h"

namespace sallyport {
namespace {

// Builds Json from the parser's events with an explicit stack, so that depth costs no native stack of ours.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(std::string place) : place_(std::move(place)) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) refuse(mark, "more than one document");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check_anchor(mark, anchor);
    place_value(mark, nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { refuse(mark, "aliases are not allowed"); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_anchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty()) refuse(mark, "tag '" + tag + "' is not allowed");
    const bool plain = tag == "?";
    if (!stack_.empty() && stack_.back().value.is_object() && !stack_.back().key) {
      if (stack_.back().value.contains(value)) refuse(mark, "duplicate key '" + value + "'");
      stack_.back().key = value;
      return;
    }
    place_value(mark, plain ? scalar(value) : Json(value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, Json::array());
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, tag, anchor, Json::object());
  }
  void OnMapEnd() override { end(); }

  const std::string& error() const { return error_; }
  Json take() { return std::move(root_); }

 private:
  struct Open {
    Json value;
    std::optional<std::string> key = {};
  };

  static Json scalar(const std::string& text) {
    if (text.empty() || text == "~" || text == "null") return nullptr;
    if (text == "true") return true;
    if (text == "false") return false;
    if (const auto integer = parsed_number<std::int64_t>(text)) return *integer;
    if (const auto number = parsed_number<double>(text); number && std::isfinite(*number)) return *number;
    return text;
  }

  void refuse(const YAML::Mark& mark, const std::string& message) {
    if (error_.empty()) error_ = place_ + ": line " + std::to_string(mark.line + 1) + ": " + message;
  }
  void check_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) refuse(mark, "anchors are not allowed");
  }
  void start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Json empty) {
    check_anchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty()) refuse(mark, "tag '" + tag + "' is not allowed");
    if (static_cast<int>(stack_.size()) >= limits::kJsonDepthMax) refuse(mark, "nested too deep");
    if (!stack_.empty() && stack_.back().value.is_object() && !stack_.back().key) {
      refuse(mark, "a key must be text");
      stack_.back().key = "";
    }
    stack_.push_back({std::move(empty)});
  }
  void end() {
    Json value = std::move(stack_.back().value);
    stack_.pop_back();
    place_value(YAML::Mark::null_mark(), std::move(value));
  }
  void place_value(const YAML::Mark&, Json value) {
    if (stack_.empty()) {
      root_ = std::move(value);
    } else if (stack_.back().value.is_array()) {
      stack_.back().value.push_back(std::move(value));
    } else {
      stack_.back().value[stack_.back().key.value_or("")] = std::move(value);
      stack_.back().key.reset();
    }
  }

  std::string place_;
  std::string error_;
  Json root_;
  std::vector<Open> stack_;
  int documents_ = 0;
};

}  // namespace

Result<Json> parse_yaml(std::string_view text, const std::string& place) {
  if (text.size() > limits::kYamlBytesMax) return fail(ErrorKind::kLimit, place + ": larger than 1 MiB");
  Builder builder(place);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (builder.error().empty() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return invalid(place + ": line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
  if (!builder.error().empty()) return invalid(builder.error());
  return builder.take();
}

}  // namespace sallyport
