// sallyport completions: scripts that teach a shell the commands and their flags, from the command tables.
#include <algorithm>

#include "cli/command.h"

namespace sallyport::cli {
namespace {

std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// A command's name is one word or two.
std::string first_word(const Command& command) {
  return std::string(command.name.substr(0, command.name.find(' ')));
}
std::string second_word(const Command& command) {
  const std::size_t blank = command.name.find(' ');
  return blank == std::string_view::npos ? "" : std::string(command.name.substr(blank + 1));
}

std::string flag_words(const Command& command) {
  std::string out;
  for (const Flag& flag : flags_of(command)) out += (out.empty() ? "--" : " --") + std::string(flag.name);
  return out;
}

// Every first word once, in the order of the table, separated by blanks.
std::string first_words() {
  std::string out;
  for (const Command* command : commands()) {
    if ((" " + out + " ").find(" " + first_word(*command) + " ") != std::string::npos) continue;
    out += (out.empty() ? "" : " ") + first_word(*command);
  }
  return out;
}

std::string bash_script() {
  std::string two_words, cases;
  for (const Command* command : commands()) {
    const std::string second = second_word(*command);
    if (!second.empty()) {
      two_words += "    " + shell_quoted(command->name) + ") name=" + shell_quoted(command->name) + " ;;\n";
      cases += "    " + first_word(*command) + ") words+=" + shell_quoted(" " + second) + " ;;&\n";
    }
    cases += "    " + shell_quoted(command->name) + ") words+=" + shell_quoted(" " + flag_words(*command)) +
             " ;;&\n";
  }
  return "# bash completion for sallyport; load it with: source <(sallyport completions bash)\n"
         "_sallyport() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} name=${COMP_WORDS[1]} words=\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W " +
         shell_quoted(first_words() + " --help --version") +
         " -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --format ]]; then\n"
         "    COMPREPLY=($(compgen -W 'plain json' -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case \"$name ${COMP_WORDS[2]}\" in\n" +
         two_words +
         "  esac\n"
         "  case \"$name\" in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _sallyport sallyport\n";
}

// A description inside _arguments' brackets.
std::string zsh_doc(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '[' || c == ']' || c == ':' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  }
  return out;
}

std::string zsh_script() {
  std::string list, cases;
  for (const Command* command : commands()) {
    const std::string second = second_word(*command);
    if (second.empty()) {
      list += "  " + shell_quoted(first_word(*command) + ":" + zsh_doc(command->summary)) + "\n";
    }
    cases += "  " + shell_quoted(std::string(command->name) + " ") + "*) _arguments";
    for (const Flag& flag : flags_of(*command)) {
      const std::string value = flag.value.empty() ? "" : ":" + std::string(flag.value) + ":_files";
      cases +=
          " \\\n    " + shell_quoted("--" + std::string(flag.name) + "[" + zsh_doc(flag.doc) + "]" + value);
    }
    cases += " \\\n    '*:file:_files' ;;\n";
  }
  for (const Command* command : commands()) {
    if (!second_word(*command).empty()) {
      list += "  " + shell_quoted(zsh_doc(command->name) + ":" + zsh_doc(command->summary)) + "\n";
    }
  }
  return "#compdef sallyport\n"
         "# zsh completion for sallyport; save it as _sallyport in a folder of $fpath\n"
         "local -a commands=(\n" +
         list +
         ")\n"
         "if ((CURRENT == 2)); then\n"
         "  _describe command commands\n"
         "  return\n"
         "fi\n"
         "case \"$words[2] $words[3] \" in\n" +
         cases + "esac\n";
}

std::string fish_script() {
  std::string out = "# fish completion for sallyport; load it with: sallyport completions fish | source\n";
  for (const Command* command : commands()) {
    const std::string second = second_word(*command);
    const std::string seen = "'__fish_seen_subcommand_from " + first_word(*command) + "'";
    out += "complete -c sallyport -f -n " + (second.empty() ? "__fish_use_subcommand" : seen) + " -a " +
           (second.empty() ? first_word(*command) : second) + " -d " + shell_quoted(command->summary) + "\n";
    for (const Flag& flag : flags_of(*command)) {
      out += "complete -c sallyport -n " + seen + " -l " + std::string(flag.name);
      if (flag.letter != '\0') out += std::string(" -s ") + flag.letter;
      if (!flag.value.empty()) out += " -r";
      out += " -d " + shell_quoted(flag.doc) + "\n";
    }
  }
  return out;
}

constexpr Positional kPositionals[] = {{.name = "SHELL", .doc = "bash, zsh or fish"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string shell = arguments.word("SHELL");
  std::string script;
  if (shell == "bash") {
    script = bash_script();
  } else if (shell == "zsh") {
    script = zsh_script();
  } else if (shell == "fish") {
    script = fish_script();
  } else {
    return output.usage("completions: '" + shell + "' is not one of bash, zsh, fish");
  }
  output.result(script, {{"shell", shell}, {"script", script}});
  return Exit::kClean;
}

}  // namespace

extern const Command completions_command;
const Command completions_command{
    .name = "completions",
    .summary = "a script that completes commands and options in a shell",
    .example = "$ source <(sallyport completions bash)",
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
