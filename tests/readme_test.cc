// The session in README.md, run: every ```console block is typed in order, in one fresh folder.
//
// Under a line "$ COMMAND" stands what it prints, stdout and stderr as a person sees them. A line "..."
// stands for any number of lines, and "..." within a line for any text. Digests, times and temporary paths
// are scrubbed.
#include <gtest/gtest.h>

#include "tests/paths.h"
#include "tests/shell.h"

namespace sallyport {
namespace {

using testing_shell::Ran;
using testing_shell::Shell;

using Lines = std::vector<std::string>;

struct Step {
  std::string command = {};
  std::size_t begin = 0;  // of the expected lines
  Lines expected = {};
};

Lines lines_of(const std::string& text) {
  Lines out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string text_of(const Lines& lines) {
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::vector<Step> steps_of(const Lines& markdown) {
  std::vector<Step> out;
  bool inside = false;
  for (std::size_t i = 0; i < markdown.size(); ++i) {
    const std::string& line = markdown[i];
    if (line.starts_with("```")) {
      inside = !inside && line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      out.push_back({.command = line.substr(2), .begin = i + 1});
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

bool matches(const Lines& expected, const Lines& got) {
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
  const std::filesystem::path readme = std::filesystem::path(tests::source_dir()) / "README.md";
  if (!std::filesystem::exists(readme)) GTEST_SKIP() << "there is no README.md yet";
  Lines page = lines_of(testing_shell::read_text(readme));
  const std::vector<Step> steps = steps_of(page);
  EXPECT_FALSE(steps.empty()) << "README.md has no ```console block with a line that begins with $";
  const bool update = std::getenv("SALLYPORT_UPDATE_SNAPSHOTS") != nullptr;
  const Shell shell;
  std::ptrdiff_t moved = 0;  // by how many lines the rest of the page has moved
  for (const Step& step : steps) {
    const Lines got = lines_of(shell.run("{ " + step.command + "\n} 2>&1").out);
    const Lines plain = lines_of(shell.scrubbed(text_of(got)));
    if (matches(lines_of(shell.scrubbed(text_of(step.expected))), plain)) continue;
    if (!update) {
      ADD_FAILURE() << "$ " << step.command << "\n--- README.md\n"
                    << text_of(step.expected) << "--- printed\n"
                    << text_of(got);
      continue;
    }
    const auto begin = page.begin() + static_cast<std::ptrdiff_t>(step.begin) + moved;
    const auto place = page.erase(begin, begin + static_cast<std::ptrdiff_t>(step.expected.size()));
    page.insert(place, got.begin(), got.end());
    moved += static_cast<std::ptrdiff_t>(got.size()) - static_cast<std::ptrdiff_t>(step.expected.size());
  }
  if (update) testing_shell::write_text(readme, text_of(page));
}

}  // namespace
}  // namespace sallyport
