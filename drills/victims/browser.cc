#include "drills/victims/browser.h"

#include <algorithm>
#include <cctype>
#include <regex>

#include "core/json.h"
#include "core/text.h"

namespace sallyport::drills {
namespace {

// Character references, in any of their spellings, as far as they matter to a URL or a style.
std::string unescape(const std::string& text) {
  static const std::regex kReference(
      "&(#[xX]([0-9a-fA-F]+)|#([0-9]+)|(colon|Tab|NewLine|lpar|rpar|sol|amp|quot|lt|gt));?");
  std::string out;
  std::size_t at = 0;
  for (std::sregex_iterator match(text.begin(), text.end(), kReference), end; match != end; ++match) {
    out += text.substr(at, static_cast<std::size_t>(match->position()) - at);
    const std::string name = (*match)[4];
    const std::string digits = (*match)[2].matched ? (*match)[2] : (*match)[3];
    if (!name.empty()) {
      constexpr std::pair<const char*, char> kNames[] = {
          {"colon", ':'}, {"Tab", '\t'}, {"NewLine", '\n'}, {"lpar", '('}, {"rpar", ')'},
          {"sol", '/'},   {"amp", '&'},  {"quot", '"'},     {"lt", '<'},   {"gt", '>'}};
      for (const auto& [known, character] : kNames) {
        if (name == known) out += character;
      }
    } else {
      const unsigned long code = std::strtoul(digits.c_str(), nullptr, (*match)[2].matched ? 16 : 10);
      out += code > 0 && code < 128 ? static_cast<char>(code) : '?';
    }
    at = static_cast<std::size_t>(match->position() + match->length());
  }
  return out + text.substr(at);
}

std::string squeezed(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) > ' ') out += c;
  }
  return lowered(out);
}

bool is_one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* known) { return name == known; });
}

void judge(const std::string& tag, const std::string& name, const std::string& raw,
           std::vector<std::string>& acts) {
  const std::string value = squeezed(unescape(raw));
  const bool data_image = value.starts_with("data:image/") && !value.starts_with("data:image/svg");
  if (name.starts_with("on") && name.size() > 4) acts.push_back("runs: handler " + name);
  if (name == "srcdoc") acts.push_back("runs: srcdoc of " + tag);
  const bool script = value.find("javascript:") == 0 || value.find("vbscript:") == 0;
  if ((script || value.starts_with("data:text/html")) && !is_one_of(name, {"title", "alt"})) {
    acts.push_back("runs: " + name + " of " + tag);
  } else if (is_one_of(name, {"src", "srcset", "poster", "background", "data"}) && !value.empty() &&
             !data_image) {
    acts.push_back("fetches: " + name + " of " + tag);
  } else if (is_one_of(name, {"href", "xlink:href"}) &&
             is_one_of(tag, {"link", "image", "feimage", "use", "base"})) {
    acts.push_back("fetches: " + name + " of " + tag);
  } else if (name == "style" &&
             (value.find("url(") != std::string::npos || value.find('\\') != std::string::npos ||
              value.find("image-set(") != std::string::npos)) {
    acts.push_back("fetches: style of " + tag);
  }
}

// One tag from `at`, behind its name; returns where it ends.
std::size_t read_tag(const std::string& html, std::size_t at, const std::string& tag,
                     std::vector<std::string>& acts) {
  while (at < html.size() && html[at] != '>') {
    if (std::isspace(static_cast<unsigned char>(html[at])) || html[at] == '/') {
      ++at;
      continue;
    }
    const std::size_t name = at++;
    while (at < html.size() && !std::isspace(static_cast<unsigned char>(html[at])) &&
           std::string_view("/>=").find(html[at]) == std::string_view::npos) {
      ++at;
    }
    const std::string attribute = lowered(html.substr(name, at - name));
    std::size_t equals = html.find_first_not_of(" \t\r\n\f", at);
    if (equals == std::string::npos || html[equals] != '=') continue;
    at = std::min(html.find_first_not_of(" \t\r\n\f", equals + 1), html.size());
    if (at == html.size()) break;
    const bool quoted = html[at] == '"' || html[at] == '\'';
    const std::size_t value = quoted ? at + 1 : at;
    at = quoted ? html.find(html[at], value) : html.find_first_of(" \t\r\n\f>", value);
    at = std::min(at, html.size());
    judge(tag, attribute, html.substr(value, at - value), acts);
    if (quoted && at < html.size()) ++at;
  }
  return at;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

}  // namespace

std::vector<std::string> browser_acts(std::string_view source) {
  std::vector<std::string> acts;
  std::string html(source);
  html.erase(std::remove(html.begin(), html.end(), '\0'), html.end());
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    if (at + 1 >= html.size() || !std::isalpha(static_cast<unsigned char>(html[at + 1]))) continue;
    const std::size_t end = std::min(html.find_first_of(" \t\r\n\f/>", at + 1), html.size());
    const std::string tag = lowered(html.substr(at + 1, end - at - 1));
    if (is_one_of(tag, {"script", "iframe", "object", "embed", "applet", "base"}))
      acts.push_back("runs: element " + tag);
    if (tag == "meta") acts.push_back("runs: element meta");
    if (tag == "style" && squeezed(html.substr(end, 2000)).find("url(") != std::string::npos) {
      acts.push_back("fetches: style element");
    }
    if (tag == "style" && html.find("@import", end) != std::string::npos)
      acts.push_back("fetches: style element");
    read_tag(html, end, tag, acts);
  }
  return acts;
}

std::string render_markdown(std::string_view markdown) {
  static const std::regex kFence("(^|\n\n)```[^\n`]*\n([^]*?)\n```(?=\n|$)");
  static const std::regex kSpan("`([^`\n]+)`");
  static const std::regex kDefinition("(?:^|\n) {0,3}\\[([^\\]\n]+)\\]:\\s*(\\S+)");
  std::string text(markdown);
  for (const std::regex* code : {&kFence, &kSpan}) {
    std::string out;
    std::size_t at = 0;
    for (std::sregex_iterator match(text.begin(), text.end(), *code), end; match != end; ++match) {
      out += text.substr(at, static_cast<std::size_t>(match->position()) - at) + "<code>" +
             escape((*match)[code == &kFence ? 2 : 1].str()) + "</code>";
      at = static_cast<std::size_t>(match->position() + match->length());
    }
    text = out + text.substr(at);
  }
  std::vector<std::pair<std::string, std::string>> definitions;
  for (std::sregex_iterator match(text.begin(), text.end(), kDefinition), end; match != end; ++match) {
    definitions.emplace_back(lowered((*match)[1].str()), (*match)[2]);
  }
  for (const auto& [label, url] : definitions) {
    const std::regex use(
        "!\\[[^\\]]*\\]\\[" + std::regex_replace(label, std::regex("[^a-z0-9 ]"), "\\$&") + "\\]",
        std::regex::icase);
    text = std::regex_replace(text, use, "<img src=\"" + url + "\">");
  }
  text = std::regex_replace(text, std::regex("!\\[([^\\]]*)\\]\\(\\s*<?([^)\\s>]*)[^)]*\\)+"),
                            "<img alt=\"$1\" src=\"$2\">");
  text = std::regex_replace(text, std::regex("\\[([^\\]]*)\\]\\(\\s*<?([^)\\s>]*)[^)]*\\)+"),
                            "<a href=\"$2\">$1</a>");
  return std::regex_replace(text, std::regex("<((?:javascript|data|https?):[^\\s<>]*)>"),
                            "<a href=\"$1\">$1</a>");
}

std::vector<std::string> dashboard_acts(std::string_view content_type, std::string_view body) {
  if (content_type == "text/html") return browser_acts(body);
  if (content_type == "text/markdown") return browser_acts(render_markdown(body));
  if (content_type != "application/json") return {};
  std::vector<std::string> acts;
  const Json document = Json::parse(body, nullptr, false);
  std::vector<const Json*> pending{&document};
  while (!pending.empty()) {
    const Json& value = *pending.back();
    pending.pop_back();
    if (value.is_string()) {
      for (std::string& act : browser_acts(render_markdown(value.get<std::string>())))
        acts.push_back(std::move(act));
    }
    if (value.is_structured()) {
      for (const Json& member : value) pending.push_back(&member);
    }
  }
  return acts;
}

}  // namespace sallyport::drills
