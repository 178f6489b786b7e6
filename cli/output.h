// Where a command's words go, under the rules of the interface:
//
//   - Results are on stdout, as text or, with --format json, as one JSON value; nothing else is there.
//   - Everything else is on stderr: errors as "sallyport: message" with the hint on a line "  do   ..."
//   below, notes
//     unless --quiet. With --format json stderr carries one JSON event a line instead.
//   - Colour and progress bars are for terminals only, and NO_COLOR is respected.
//   - A reader that goes away (a broken pipe) ends the output quietly; a full disk is an error.
//   - Text may come from hostile files, so control characters, bidirectional overrides and broken UTF-8 are
//   printed as
//     escapes: no file name drives the terminal.
//
// One Output is for one process. All members are safe from any thread.
#pragma once

#include <mutex>
#include <string>
#include <string_view>

#include "core/json.h"
#include "core/result.h"

namespace sallyport::cli {

enum class Exit : int;

enum class Tint : std::uint8_t { kBold, kDim, kRed, kGreen, kYellow };

class Output {
 public:
  // Sees which of the two streams are terminals.
  Output();

  // What the command line asked for; before it is known, errors are printed as plain text.
  void configure(bool json, bool quiet);
  bool is_json() const { return json_; }
  bool is_quiet() const { return quiet_; }
  bool stderr_is_terminal() const { return stderr_is_terminal_; }

  // Results.
  void print(std::string_view text);
  // One line, whatever the text holds: a file's name may have a line end in it.
  void line(std::string_view text = {});
  void json(const Json& value);
  // The one of the two that --format asks for.
  void result(std::string_view text, const Json& value);

  // Everything else.
  void note(std::string_view text);
  void error(const Error& error);
  // The command line makes no sense: prints the error; the command returns what this returns.
  Exit usage(std::string message, std::string hint = {});
  // One JSON object a line on stderr, whatever the format.
  void event(const Json& value);
  // Draws over the line that stderr_status drew last; only when stderr is a terminal and not quiet.
  void status(std::string_view text);

  // `text` in a colour when stdout is a terminal that wants colours.
  std::string paint(Tint tint, std::string_view text) const;

  // Writes what is left. Error when stdout cannot take it, unless its reader has gone away.
  Result<void> finish();
  // Whether stdout's reader closed it: there is nobody left to tell anything to.
  bool reader_left() const;

 private:
  void write_stderr(std::string_view text);
  void flush_stdout();

  std::mutex mutex_;
  std::string pending_;
  int failure_ = 0;  // errno of the first failed write to stdout
  bool json_ = false;
  bool quiet_ = false;
  bool colour_ = false;
  bool stderr_is_terminal_ = false;
  bool status_drawn_ = false;
};

// The text with what could drive a terminal or break a line's meaning written as \u escapes; \n and \t stay.
std::string visible(std::string_view text);
// The text with its line ends written as \u escapes too.
std::string one_line(std::string_view text);

// "sha256:9f2c41aa0b77...", "1,204", "2.1 MB": the spellings that all commands share.
std::string with_separators(std::uint64_t number);
std::string bytes_text(std::uint64_t bytes);
// Breaks at blanks so that no line is longer than `width` columns; every line starts with `indent` blanks.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width = 100);

}  // namespace sallyport::cli
