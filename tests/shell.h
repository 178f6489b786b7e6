// Runs the real binary from a test, as a person or a script does, and compares whole transcripts.
//
// A transcript is a text in which every line "$ COMMAND" is followed by what the command prints: stdout as it
// is, stderr behind "! ", and "exit N" when N is not 0. What changes from run to run is scrubbed: temporary
// paths, digests, times. With SALLYPORT_UPDATE_SNAPSHOTS=1 a transcript is written again instead of compared.
// For one thread.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>

#include "tests/paths.h"

namespace sallyport::testing_shell {

namespace fs = std::filesystem;

inline std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_text(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct Ran {
  int exit = -1;
  std::string out = {};
  std::string err = {};
};

// A fresh folder in which commands run; it goes with the Shell.
class Shell {
 public:
  Shell() {
    std::string pattern = (fs::temp_directory_path() / "sallyport-shell-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
    fs::create_directories(here());
  }
  ~Shell() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Where the commands run.
  fs::path here() const { return folder_ / "digits"; }

  Ran run(const std::string& command) const {
    write_text(folder_ / "command", command + "\n");
    const std::string place = folder_.string();
    const std::string line = "cd '" + place + "/digits' && env -i PATH='" + tests::build_dir() +
                             ":/usr/local/bin:/usr/bin:/bin' HOME='" + place +
                             "' TERM=dumb LC_ALL=C TMPDIR='" + place + "' sh '" + place + "/command' >'" +
                             place + "/out' 2>'" + place + "/err' </dev/null";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_text(folder_ / "out"),
            read_text(folder_ / "err")};
  }

  std::string scrubbed(std::string text) const {
    for (std::size_t at; (at = text.find(folder_.string())) != std::string::npos;) {
      text.replace(at, folder_.string().size(), "TMP");
    }
    static const std::pair<std::regex, const char*> kRules[] = {
        {std::regex("[0-9a-f]{64}"), "DIGEST"},
        {std::regex("\\b[0-9a-f]{12}\\b"), "BRIEF"},
        {std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"), "DATE"},
        {std::regex(" *[0-9]+\\.[0-9]+ m?s\\b"), " TIME"},
    };
    for (const auto& [pattern, name] : kRules) text = std::regex_replace(text, pattern, name);
    return text;
  }

  // What the transcript would say of one command.
  std::string transcript_of(const std::string& command) const {
    const Ran ran = run(command);
    std::string out = "$ " + command + "\n" + ran.out;
    if (!ran.out.empty() && ran.out.back() != '\n') out += "\n";
    std::istringstream lines(ran.err);
    for (std::string line; std::getline(lines, line);) out += "! " + line + "\n";
    if (ran.exit != 0) out += "exit " + std::to_string(ran.exit) + "\n";
    return scrubbed(std::move(out));
  }

  // Runs every command of the transcript in `path` and compares, or writes it again.
  void expect_transcript(const fs::path& path) const {
    const std::string expected = read_text(path);
    std::string got;
    std::istringstream lines(expected);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("$ ")) got += transcript_of(line.substr(2));
    }
    ASSERT_FALSE(got.empty()) << path << " has no line that begins with $";
    if (std::getenv("SALLYPORT_UPDATE_SNAPSHOTS") != nullptr) {
      write_text(path, got);
    } else {
      EXPECT_EQ(got, expected) << path << "; SALLYPORT_UPDATE_SNAPSHOTS=1 writes it again";
    }
  }

 private:
  fs::path folder_;
};

}  // namespace sallyport::testing_shell
