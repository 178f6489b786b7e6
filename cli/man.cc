// sallyport man: the whole program as one page of the manual, from the command tables.
#include "cli/command.h"
#include "cli/pages.h"

namespace sallyport::cli {
namespace {

// Text as roff reads it: no escapes, no requests at the start of a line, and minus signs that can be copied.
std::string roff(std::string_view text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    line_start = c == '\n';
  }
  return out;
}

std::string roff(const Rows& rows) {
  std::string out;
  for (const auto& [left, right] : rows) {
    out += ".TP\n.B " + roff(left.substr(left.find_first_not_of(' '))) + "\n" + roff(right) + "\n";
  }
  return out;
}

std::string section(const Command& command) {
  return ".SS sallyport " + roff(command.name) + " " + roff(synopsis(command)) + "\n" +
         roff(command.summary) + "\n" + roff(rows_of(command.positionals)) + roff(rows_of(command.flags)) +
         ".PP\n.nf\n.RS\n" + roff(command.example) + "\n.RE\n.fi\n";
}

Result<Exit> run(const Arguments&, Output& output) {
  std::string page = ".TH SALLYPORT 1 \"\" \"" + version_text() + "\"\n.SH NAME\nsallyport \\- " +
                     roff(kTagline) +
                     "\n.SH SYNOPSIS\n.B sallyport\nCOMMAND [OPTION...] [ARGUMENT...]\n.SH COMMANDS\n";
  for (const Command* command : commands()) page += section(*command);
  page += ".SH COMMON OPTIONS\n" + roff(rows_of(common_flags())) + ".SH EXIT STATUS\n" + roff(exit_codes());
  page += ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nwhen set and not empty, nothing is printed in colour\n";
  output.result(page, {{"roff", page}});
  return Exit::kClean;
}

}  // namespace

extern const Command man_command;
const Command man_command{
    .name = "man",
    .summary = "the manual page, as roff",
    .example = "$ sallyport man >/usr/local/share/man/man1/sallyport.1",
    .run = run,
};

}  // namespace sallyport::cli
