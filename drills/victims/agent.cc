#include "drills/victims/agent.h"

#include <algorithm>

namespace sallyport::drills {
namespace {

// A DOM from the library's SAX events: what the three dialects do differently is in key() and place().
class LenientBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit LenientBuilder(Dialect dialect) : dialect_(dialect) {}
  Json take() { return std::move(root_); }

  bool null() override { return place(nullptr); }
  bool boolean(bool value) override { return place(value); }
  bool number_integer(number_integer_t value) override { return place(value); }
  bool number_unsigned(number_unsigned_t value) override { return place(value); }
  bool number_float(number_float_t value, const string_t&) override { return place(value); }
  bool string(string_t& value) override { return place(value); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    keys_.back() = name;
    if (dialect_ == Dialect::kAnyCase) {
      std::transform(name.begin(), name.end(), keys_.back().begin(),
                     [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    }
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  bool open(Json empty) {
    open_.push_back(std::move(empty));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    keys_.pop_back();
    return place(std::move(done));
  }
  bool place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_array()) {
      open_.back().push_back(std::move(value));
    } else if (dialect_ != Dialect::kFirstWins || !open_.back().contains(keys_.back())) {
      open_.back()[keys_.back()] = std::move(value);
    }
    return true;
  }

  Dialect dialect_;
  Json root_;
  std::vector<Json> open_;
  std::vector<std::string> keys_;
};

void dispatch_from(const Json& document, std::vector<std::string>& acts) {
  std::vector<const Json*> pending{&document};
  while (!pending.empty()) {
    const Json& value = *pending.back();
    pending.pop_back();
    if (value.is_object() && value.contains("command")) acts.push_back("command " + value["command"].dump());
    if (value.is_structured()) {
      for (const Json& member : value) pending.push_back(&member);
    }
  }
}

// "Helpful" frameworks unwrap a text that looks like JSON, as often as it does.
void dispatch_from_text(std::string text, Dialect dialect, std::vector<std::string>& acts) {
  for (int layer = 0; layer < 4; ++layer) {
    const Json inner = read_leniently(text, dialect);
    if (!inner.is_string()) return dispatch_from(inner, acts);
    text = inner.get<std::string>();
  }
}

}  // namespace

Json read_leniently(std::string_view text, Dialect dialect) {
  LenientBuilder builder(dialect);
  const bool read = Json::sax_parse(text, &builder, Json::input_format_t::json, false, true);
  return read ? builder.take() : Json();
}

std::vector<std::string> agent_acts(std::string_view body, Dialect dialect) {
  std::vector<std::string> acts;
  const Json document = read_leniently(body, dialect);
  dispatch_from(document, acts);
  if (!document.is_object() || !document.contains("inputs")) return acts;
  for (const Json& input : document["inputs"]) {
    if (!input.is_object() || !input.contains("data")) continue;
    for (const Json& value : input["data"]) {
      if (value.is_string()) dispatch_from_text(value.get<std::string>(), dialect, acts);
      if (value.is_number() && (value.get<double>() < 0 || value.get<double>() > 16)) {
        acts.push_back("level " + value.dump());
      }
    }
  }
  return acts;
}

}  // namespace sallyport::drills
