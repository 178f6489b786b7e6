// The session in README.md, run: every ```console block is typed in order, in one fresh folder.
//
// Under a line "$ COMMAND" stands what it prints, stdout and stderr as a person sees them. A line "..."
// stands for any number of lines, and "..." within a line for any text. Digests, times and temporary paths
// are scrubbed.
#include <gtest/gtest.h>

#include "tests/shell.h"

namespace sallyport {
namespace {

using testing_shell::Ran;
using testing_shell::Shell;

struct Step {
  std::string command = {};
  std::vector<std::string> expected = {};
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::vector<Step> steps_of(const std::string& markdown) {
  std::vector<Step> out;
  bool inside = false;
  for (const std::string& line : lines_of(markdown)) {
    if (line.starts_with("```")) {
      inside = !inside && line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      out.push_back({line.substr(2)});
    } else if (inside && !out.empty()) {
      out.back().expected.push_back(line);
    }
  }
  return out;
}

// Whether `got` is `expected`, in which every "..." stands for any text.
bool line_matches(std::string_view expected, std::string_view got) {
  std::size_t at = expected.find("...");
  if (at == std::string_view::npos) return expected == got;
  if (!got.starts_with(expected.substr(0, at))) return false;
  got.remove_prefix(at);
  expected.remove_prefix(at + 3);
  while ((at = expected.find("...")) != std::string_view::npos) {
    const std::size_t found = got.find(expected.substr(0, at));
    if (found == std::string_view::npos) return false;
    got.remove_prefix(found + at);
    expected.remove_prefix(at + 3);
  }
  return got.ends_with(expected);
}

bool matches(const std::vector<std::string>& expected, const std::vector<std::string>& got) {
  // Which lines of `expected` may come next; a "..." stays and lets the one after it come too.
  std::vector<bool> next(expected.size() + 1, false);
  next[0] = true;
  const auto pass_gaps = [&](std::vector<bool>& state) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (state[i] && expected[i] == "...") state[i + 1] = true;
    }
  };
  pass_gaps(next);
  for (const std::string& line : got) {
    std::vector<bool> after(expected.size() + 1, false);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!next[i]) continue;
      if (expected[i] == "...") {
        after[i] = true;
      } else if (line_matches(expected[i], line)) {
        after[i + 1] = true;
      }
    }
    pass_gaps(after);
    next = std::move(after);
  }
  return next[expected.size()];
}

TEST(ReadmeMatcher, GapsStandForAnythingAndNothingElseDoes) {
  using Lines = std::vector<std::string>;
  EXPECT_TRUE(matches(Lines{"a", "b"}, Lines{"a", "b"}));
  EXPECT_FALSE(matches(Lines{"a"}, Lines{"a", "b"}));
  EXPECT_FALSE(matches(Lines{"a", "b"}, Lines{"a"}));
  EXPECT_TRUE(matches(Lines{"...", "b"}, Lines{"x", "b", "y", "b"}));
  EXPECT_TRUE(matches(Lines{"a", "..."}, Lines{"a"}));
  EXPECT_TRUE(matches(Lines{"took ... s, ... files"}, Lines{"took 3.2 s, 14 files"}));
  EXPECT_FALSE(matches(Lines{"took ... s"}, Lines{"took 3.2 s, 14 files"}));
  EXPECT_FALSE(matches(Lines{"...", "b"}, Lines{"x", "y"}));
}

TEST(Readme, ItsSessionIsWhatThePersonSees) {
  const std::filesystem::path readme = std::filesystem::path(SALLYPORT_SOURCE_DIR) / "README.md";
  if (!std::filesystem::exists(readme)) GTEST_SKIP() << "there is no README.md yet";
  const std::vector<Step> steps = steps_of(testing_shell::read_text(readme));
  EXPECT_FALSE(steps.empty()) << "README.md has no ```console block with a line that begins with $";
  const Shell shell;
  for (const Step& step : steps) {
    const Ran ran = shell.run("{ " + step.command + "\n} 2>&1");
    std::string wanted;
    for (const std::string& line : step.expected) wanted += line + "\n";
    EXPECT_TRUE(matches(lines_of(shell.scrubbed(wanted)), lines_of(shell.scrubbed(ran.out))))
        << "$ " << step.command << "\n--- README.md\n"
        << wanted << "--- printed\n"
        << ran.out;
  }
}

}  // namespace
}  // namespace sallyport
