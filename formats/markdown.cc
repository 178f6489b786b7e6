#include "formats/markdown.h"

#include <algorithm>
#include <map>

namespace sallyport::formats::markdown {
namespace {

using html::Hazard;
using html::Sighting;

constexpr auto kNone = std::string_view::npos;

bool is_blank_line(std::string_view line) { return line.find_first_not_of(" \t\r") == kNone; }

// Up to three blanks, then the start of an HTML block that ends at its own mark and not at a blank line.
bool starts_long_html_block(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  std::string head(line.substr(0, 10));
  for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return head.starts_with("<pre") || head.starts_with("<script") || head.starts_with("<style") ||
         head.starts_with("<textarea") || head.starts_with("<!") || head.starts_with("<?");
}

std::size_t fence_length(std::string_view line) {
  if (line.empty() || (line[0] != '`' && line[0] != '~')) return 0;
  const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
  const bool plain = line[0] == '~' || line.find('`', length) == kNone;
  return length >= 3 && plain ? length : 0;
}

void blank_out(std::string& text, std::size_t begin, std::size_t end) {
  std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin),
            text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
}

// Where the run of exactly `length` backticks begins that closes a span opened before `at`; npos within the
// line.
std::size_t closing_run(std::string_view line, std::size_t at, std::size_t length) {
  while ((at = line.find('`', at)) != kNone) {
    const std::size_t end = std::min(line.find_first_not_of('`', at), line.size());
    if (end - at == length) return at;
    at = end;
  }
  return kNone;
}

// Overwrites with blanks the code spans of the line [begin, end) that every renderer takes for code.
void blank_spans(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end && text[at] != '<';) {
    if (text[at] != '`') {
      at += text[at] == '\\' ? 2 : 1;
      continue;
    }
    const std::string_view line = std::string_view(text).substr(0, end);
    const std::size_t open = std::min(line.find_first_not_of('`', at), end);
    const std::size_t close = closing_run(line, open, open - at);
    if (close == kNone) {
      at = open;
      continue;
    }
    // GitHub's tables cut their cells at every bar, in code or not.
    const bool splits = line.substr(open, close - open).find('|') != kNone;
    at = close + (open - at);
    if (!splits) blank_out(text, open, close);
  }
}

// The text with code that every renderer takes for code overwritten by blanks; offsets stay.
std::string without_code(std::string_view text) {
  std::string out(text);
  std::string fence;
  bool long_block = false, paragraph_has_tag = false;
  for (std::size_t begin = 0; begin < out.size();) {
    const std::size_t end = std::min(out.find('\n', begin), out.size());
    const std::string_view line = text.substr(begin, end - begin);
    const std::size_t mark = fence_length(line);
    if (!fence.empty()) {
      const bool closes = mark >= fence.size() && line[0] == fence[0] && is_blank_line(line.substr(mark));
      if (closes) fence.clear();
      blank_out(out, begin, end);
    } else if (mark > 0 && !long_block && !paragraph_has_tag) {
      fence.assign(mark, line[0]);
    } else {
      if (is_blank_line(line)) paragraph_has_tag = false;
      long_block = long_block || starts_long_html_block(line);
      if (!long_block && !paragraph_has_tag) blank_spans(out, begin, end);
      paragraph_has_tag = paragraph_has_tag || line.find('<') != kNone;
    }
    begin = end + 1;
  }
  return out;
}

struct Link {
  std::size_t offset = 0;  // of the destination
  std::size_t length = 0;
  std::size_t mark = 0;  // of the '!' of an image, or of the '['
  bool image = false;
  std::string url;  // escapes and references resolved
};

std::string resolve(std::string_view destination) {
  std::string plain;
  for (std::size_t i = 0; i < destination.size(); ++i) {
    const bool last = i + 1 >= destination.size();
    const bool escapes =
        destination[i] == '\\' && !last && std::ispunct(static_cast<unsigned char>(destination[i + 1]));
    plain += destination[escapes ? ++i : i];
  }
  return html::decode(plain);
}

// The destination at `at`, where blanks may precede it.
Link destination_at(std::string_view text, std::size_t at) {
  at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
  std::size_t end = at;
  if (at < text.size() && text[at] == '<') {
    end = std::min(text.find_first_of(">\n", ++at), text.size());
  } else {
    int depth = 0;
    for (; end < text.size() && static_cast<unsigned char>(text[end]) > ' '; ++end) {
      if (text[end] == '\\' && end + 1 < text.size()) {
        ++end;
      } else if (text[end] == '(') {
        ++depth;
      } else if (text[end] == ')' && --depth < 0) {
        break;
      }
    }
  }
  return {.offset = at, .length = end - at, .url = resolve(text.substr(at, end - at))};
}

std::string label_key(std::string_view label) {
  std::string out;
  for (const char c : label) {
    if (static_cast<unsigned char>(c) > ' ')
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

// The '[' that the ']' at `close` belongs to; a label longer than 999 characters is none.
std::size_t opening_bracket(std::string_view text, std::size_t close) {
  int depth = 0;
  for (std::size_t i = close + 1; i-- > 0 && close - i < 1000;) {
    if (text[i] == ']') ++depth;
    if (text[i] == '[' && --depth == 0) return i;
  }
  return kNone;
}

void set_mark(std::string_view text, std::size_t bracket, Link& link) {
  link.image = bracket != kNone && bracket > 0 && text[bracket - 1] == '!';
  link.mark = bracket == kNone ? link.offset : bracket - (link.image ? 1 : 0);
}

// Definitions "[label]: destination" by label.
std::map<std::string, Link> definitions_of(std::string_view text) {
  std::map<std::string, Link> out;
  for (std::size_t at = text.find("]:"); at != kNone; at = text.find("]:", at + 2)) {
    const std::size_t open = opening_bracket(text, at);
    if (open == kNone) continue;
    out.emplace(label_key(text.substr(open + 1, at - open - 1)), destination_at(text, at + 2));
  }
  return out;
}

// Inline links and images, definitions, and images by reference, with the definition's destination.
std::vector<Link> links_of(std::string_view text) {
  std::vector<Link> out;
  const auto definitions = definitions_of(text);
  for (const auto& [label, link] : definitions) out.push_back(link);
  for (std::size_t at = text.find(']'); at != kNone; at = text.find(']', at + 1)) {
    const std::size_t open = opening_bracket(text, at);
    const char next = at + 1 < text.size() ? text[at + 1] : ' ';
    if (next == '(') {
      Link link = destination_at(text, at + 2);
      set_mark(text, open, link);
      out.push_back(std::move(link));
    } else if (open != kNone && open > 0 && text[open - 1] == '!') {
      const std::size_t label_end = next == '[' ? text.find(']', at + 2) : kNone;
      std::string label = label_end == kNone ? "" : label_key(text.substr(at + 2, label_end - at - 2));
      if (label.empty()) label = label_key(text.substr(open + 1, at - open - 1));
      if (const auto found = definitions.find(label); found != definitions.end()) {
        Link link = found->second;
        set_mark(text, open, link);
        out.push_back(std::move(link));
      }
    }
  }
  return out;
}

// "<https://example.org>" at `at`: its length, or 0.
std::size_t autolink_length(std::string_view text, std::size_t at) {
  constexpr std::string_view kSchemeMarks = "+.-";
  std::size_t end = at + 1;
  while (end < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[end])) || kSchemeMarks.find(text[end]) != kNone)) {
    ++end;
  }
  if (end >= text.size() || text[end] != ':' || end - at < 3 || end - at > 33) return 0;
  while (end < text.size() && static_cast<unsigned char>(text[end]) > ' ' && text[end] != '<' &&
         text[end] != '>') {
    ++end;
  }
  return end < text.size() && text[end] == '>' ? end - at + 1 : 0;
}

// Autolinks judged and overwritten with blanks, so that the HTML tokenizer does not take them for tags.
void take_autolinks(std::string& text, std::vector<Sighting>& out) {
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const std::size_t length = autolink_length(text, at);
    if (length == 0) continue;
    const std::string url = html::decode(std::string_view(text).substr(at + 1, length - 2));
    if (!html::is_safe_link(url)) out.push_back({Hazard::kScheme, at, "an autolink"});
    blank_out(text, at, at + length);
  }
}

}  // namespace

std::vector<Sighting> hazards_of(std::string_view text) {
  std::vector<Sighting> out;
  std::string prose = without_code(text);
  for (const Link& link : links_of(prose)) {
    if (link.image && !html::is_safe_image(link.url)) {
      out.push_back({Hazard::kFetch, link.mark, "an image from elsewhere"});
    }
    if (!link.image && !html::is_safe_link(link.url)) out.push_back({Hazard::kScheme, link.offset, "a link"});
  }
  take_autolinks(prose, out);
  const std::vector<Sighting> tags = html::hazards_of(prose);
  out.insert(out.end(), tags.begin(), tags.end());
  std::sort(out.begin(), out.end(), [](const Sighting& a, const Sighting& b) { return a.offset < b.offset; });
  return out;
}

std::string neutralise(std::string_view text) {
  if (hazards_of(text).empty()) return std::string(text);
  std::string plain(text);
  for (std::size_t at = plain.find('<'); at != std::string::npos; at = plain.find('<', at + 1)) {
    if (const std::size_t length = autolink_length(plain, at); length > 0) {
      plain[at] = ' ';
      plain[at + length - 1] = ' ';
    }
  }
  std::string out = html::sanitize(plain, html::Around::kMarkdown);
  std::vector<Link> links = links_of(out);
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) { return a.offset > b.offset; });
  for (const Link& link : links) {
    if (!html::is_safe_link(link.url)) out.replace(link.offset, link.length, "#");
  }
  for (std::size_t at = out.find("!["); at != std::string::npos; at = out.find("![", at)) out.erase(at, 1);
  // Where the pieces were put together anew something may still read as a link: then nothing is left to be
  // read.
  if (hazards_of(out).empty()) return out;
  out = html::encode_text(text);
  for (char& c : out) c = c == '[' ? '(' : c == ']' ? ')' : c;
  return out;
}

}  // namespace sallyport::formats::markdown
