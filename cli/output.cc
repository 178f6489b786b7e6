#include "cli/output.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/command.h"

namespace sallyport::cli {
namespace {

// Colours travel inside a text as one of these bytes and become escape sequences only when it is printed.
// They are the only control characters that `print` does not escape, so a hostile text can at worst change a
// colour.
constexpr char kTintOff = '\x01';
constexpr char kTintFirst = '\x02';
constexpr std::array<std::string_view, 5> kTintCodes{"\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m",
                                                     "\x1b[33m"};

bool is_tint(unsigned char c) { return c >= 1 && c < 2 + kTintCodes.size(); }

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::strcmp(terminal, "dumb") == 0;
  return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == '\0') && !dumb;
}

// The length of the UTF-8 sequence at the start of `text` and its code point; length 0 when it is broken.
struct CodePoint {
  std::size_t length = 0;
  std::uint32_t value = 0;
};
CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const std::size_t length = lead >= 0xF0 && lead < 0xF5 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || lead >= 0xF5 || text.size() < length) return {};
  std::uint32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3FU);
  }
  const std::uint32_t least = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  return value < least || surrogate || value > 0x10FFFF ? CodePoint{} : CodePoint{length, value};
}

bool drives_terminal(std::uint32_t c) {
  const bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0);
  const bool bidirectional =
      (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F;
  const bool line_break = c == 0x2028 || c == 0x2029;
  return control || bidirectional || line_break;
}

std::string escaped(std::string_view text, bool keep_tints) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    const bool tint = keep_tints && length == 1 && is_tint(static_cast<unsigned char>(text[0]));
    if (point.length > 0 && (tint || !drives_terminal(point.value))) {
      out += text.substr(0, length);
    } else {
      // A broken byte has no code point: it is shown as the replacement character's neighbour, \udcXX, as
      // Python does.
      const std::uint32_t value =
          point.length > 0 ? point.value : 0xDC00U + static_cast<unsigned char>(text[0]);
      out += "\\u";
      for (int shift = 12; shift >= 0; shift -= 4) out += digits[value >> shift & 15];
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string with_tints(std::string_view text, bool colour) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!is_tint(static_cast<unsigned char>(c))) {
      out += c;
    } else if (colour) {
      out += c == kTintOff ? "\x1b[0m" : kTintCodes[static_cast<std::size_t>(c - kTintFirst)];
    }
  }
  return out;
}

// errno of the failure, 0 when all is written.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t done = ::write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return 0;
}

constexpr std::size_t kPendingBytesMax = 1 << 16;

}  // namespace

Output::Output() : colour_(wants_colour(STDOUT_FILENO)), stderr_is_terminal_(::isatty(STDERR_FILENO) == 1) {}

void Output::configure(bool json, bool quiet) {
  json_ = json;
  quiet_ = quiet;
}

void Output::print(std::string_view text) {
  const std::lock_guard lock(mutex_);
  pending_ += with_tints(escaped(text, true), colour_);
  if (pending_.size() >= kPendingBytesMax) flush_stdout();
}

void Output::line(std::string_view text) { print(one_line(text) + "\n"); }

void Output::json(const Json& value) { print(pretty(value)); }

void Output::result(std::string_view text, const Json& value) { is_json() ? json(value) : print(text); }

void Output::note(std::string_view text) {
  if (quiet_) return;
  if (json_) return event({{"event", "note"}, {"message", text}});
  write_stderr(escaped(text, false) + "\n");
}

void Output::error(const Error& error) {
  if (json_) {
    Json value{{"event", "error"}, {"message", error.message}};
    if (!error.hint.empty()) value["hint"] = error.hint;
    return event(value);
  }
  std::string text = "sallyport: " + error.message + "\n";
  if (!error.hint.empty()) text += "  do   " + error.hint + "\n";
  write_stderr(escaped(text, false));
}

Exit Output::usage(std::string message, std::string hint) {
  error({ErrorKind::kInvalid, std::move(message), std::move(hint)});
  return Exit::kUsage;
}

void Output::event(const Json& value) { write_stderr(escaped(canonical(value), false) + "\n"); }

void Output::status(std::string_view text) {
  if (!stderr_is_terminal_ || quiet_ || json_) return;
  const std::lock_guard lock(mutex_);
  write_all(STDERR_FILENO, "\r\x1b[K" + escaped(text, false));
  status_drawn_ = !text.empty();
}

std::string Output::paint(Tint tint, std::string_view text) const {
  return static_cast<char>(kTintFirst + static_cast<int>(tint)) + visible(text) + kTintOff;
}

Result<void> Output::finish() {
  const std::lock_guard lock(mutex_);
  flush_stdout();
  if (failure_ == 0 || failure_ == EPIPE) return {};
  return fail(ErrorKind::kIo, std::string("stdout: cannot write: ") + std::strerror(failure_));
}

bool Output::reader_left() const { return failure_ == EPIPE; }

void Output::write_stderr(std::string_view text) {
  const std::lock_guard lock(mutex_);
  // Results that came before stay before, when both streams are one terminal.
  flush_stdout();
  if (std::exchange(status_drawn_, false)) write_all(STDERR_FILENO, "\r\x1b[K");
  write_all(STDERR_FILENO, text);
}

void Output::flush_stdout() {
  if (pending_.empty()) return;
  if (failure_ == 0) failure_ = write_all(STDOUT_FILENO, pending_);
  pending_.clear();
}

std::string visible(std::string_view text) { return escaped(text, false); }

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) c == '\n' ? out.append("\\u000a") : out.append(1, c);
  return out;
}

std::string with_separators(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> units{"B", "KB", "MB", "GB", "TB"};
  if (bytes < 1000) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return buffer;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::string current(indent, ' ');
  bool empty = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!empty && current.size() + 1 + word.size() > width) {
      out += current + "\n";
      current.assign(indent, ' ');
      empty = true;
    }
    if (!empty) current += ' ';
    current += word;
    empty = false;
  }
  return out + current + "\n";
}

}  // namespace sallyport::cli
