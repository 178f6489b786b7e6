#include "cli/command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "cli/pages.h"

namespace sallyport::cli {
namespace {

bool is_phrase(std::string_view text) {
  return !text.empty() && !std::isupper(static_cast<unsigned char>(text.front())) && !text.ends_with('.') &&
         text.find('\n') == std::string_view::npos;
}

bool is_word(std::string_view text, std::string_view also) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::islower(c) || std::isdigit(c) || also.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

TEST(CommandTable, EveryCommandIntroducesItself) {
  std::set<std::string_view> names;
  for (const Command* command : commands()) {
    SCOPED_TRACE(command->name);
    EXPECT_TRUE(names.insert(command->name).second) << "stands twice";
    EXPECT_TRUE(is_word(command->name, "- "));
    EXPECT_LE(std::count(command->name.begin(), command->name.end(), ' '), 1);
    EXPECT_TRUE(is_phrase(command->summary)) << command->summary;
    EXPECT_LE(command->summary.size(), 90u);
    EXPECT_TRUE(command->example.starts_with("$ "))
        << "an example is what a person types, and what that prints";
    EXPECT_NE(command->example.find("sallyport " + std::string(command->name)), std::string_view::npos);
    EXPECT_NE(command->run, nullptr);
    EXPECT_EQ(find_command(command->name), command);
  }
}

TEST(CommandTable, FlagsAreConsistent) {
  for (const Command* command : commands()) {
    std::set<std::string_view> names;
    std::set<char> letters;
    for (const Flag& flag : flags_of(*command)) {
      SCOPED_TRACE(std::string(command->name) + " --" + std::string(flag.name));
      EXPECT_TRUE(names.insert(flag.name).second) << "stands twice";
      EXPECT_TRUE(is_word(flag.name, "-"));
      EXPECT_TRUE(flag.letter == '\0' || letters.insert(flag.letter).second);
      EXPECT_TRUE(is_phrase(flag.doc)) << flag.doc;
      if (flag.value.empty()) {
        EXPECT_TRUE(flag.fallback.empty() && !flag.repeats) << "a switch has no value";
      }
      const std::string choices = "|" + std::string(flag.value) + "|";
      if (flag.value.find('|') != std::string_view::npos && !flag.fallback.empty()) {
        EXPECT_NE(choices.find("|" + std::string(flag.fallback) + "|"), std::string::npos);
      }
      if (flag.value == "N") {
        EXPECT_EQ(flag.fallback.find_first_not_of("0123456789"), std::string_view::npos);
        EXPECT_FALSE(flag.fallback.empty());
      }
    }
  }
}

TEST(CommandTable, PositionalsCanBeToldApart) {
  for (const Command* command : commands()) {
    SCOPED_TRACE(command->name);
    bool open = false;  // an optional or a repeated one has come
    for (const Positional& word : command->positionals) {
      EXPECT_FALSE(open) << word.name << " stands behind one that may take its word";
      EXPECT_TRUE(is_phrase(word.doc)) << word.doc;
      open = word.arity != Arity::kOne;
    }
  }
}

constexpr Flag kFlags[] = {
    {.name = "seed", .value = "N", .doc = "a number", .fallback = "7"},
    {.name = "tag", .value = "TEXT", .doc = "a tag", .repeats = true},
    {.name = "fast", .doc = "a switch", .letter = 'f'},
};
constexpr Positional kWords[] = {{.name = "FIRST", .doc = "needed"},
                                 {.name = "REST", .doc = "any", .arity = Arity::kAny}};
constexpr Command kToy{.name = "toy",
                       .summary = "a toy",
                       .example = "$ sallyport toy x",
                       .flags = kFlags,
                       .positionals = kWords};

Result<Arguments> parse(std::vector<std::string> words) { return Arguments::parse(kToy, words); }

TEST(Arguments, ReadsFlagsWordsAndDefaults) {
  const auto got = parse({"a", "--tag", "x", "b", "-f", "--tag=y z", "--", "--seed"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->number("seed"), 7);
  EXPECT_FALSE(got->has("seed"));
  EXPECT_EQ(got->all("tag"), (std::vector<std::string>{"x", "y z"}));
  EXPECT_TRUE(got->has("fast"));
  EXPECT_EQ(got->word("FIRST"), "a");
  EXPECT_EQ(got->words("REST"), (std::vector<std::string>{"b", "--seed"}));
  EXPECT_FALSE(got->json());
}

// CLI11 would split "[a,b]" into two words; a file may have that name.
TEST(Arguments, TakesHostileWordsAsTheyAre) {
  for (const std::string word : {"[a,b]", "{a}", "", "-", "a\nb", "\xff", "%%"}) {
    const auto got = parse({word, word, "--tag", word});
    ASSERT_TRUE(got) << word << ": " << got.error().message;
    EXPECT_EQ(got->words("REST"), std::vector<std::string>{word});
    EXPECT_EQ(got->all("tag"), std::vector<std::string>{word});
  }
}

TEST(Arguments, RefusesWhatDoesNotFitAndSaysWhatWasMeant) {
  const auto message = [](std::vector<std::string> words) {
    const auto got = parse(std::move(words));
    return got ? std::string("accepted")
               : got.error().message + (got.error().hint.empty() ? "" : " | " + got.error().hint);
  };
  EXPECT_EQ(message({}), "FIRST is missing: needed");
  EXPECT_EQ(message({"a", "--sed", "1"}), "unknown option --sed | did you mean --seed?");
  EXPECT_EQ(message({"a", "--seed", "x"}), "--seed: 'x' is not a whole number");
  EXPECT_EQ(message({"a", "--seed", "-1"}), "--seed: '-1' is not a whole number");
  EXPECT_EQ(message({"a", "--seed", "99999999999999999999"}),
            "--seed: '99999999999999999999' is not a whole number");
  EXPECT_EQ(message({"a", "--seed", "1", "--seed", "2"}), "--seed: given more than once");
  EXPECT_EQ(message({"a", "--tag", "--fast"}), "--tag: needs a value | the next word is --fast");
  EXPECT_EQ(message({"a", "--format", "xml"}), "--format: 'xml' is not one of plain|json");
  EXPECT_NE(message({"a", "--fast=no"}), "accepted");
  EXPECT_EQ(message({"a", "--help"}), "accepted");
  EXPECT_EQ(message({"--help"}), "accepted") << "help needs nothing else";
}

TEST(Arguments, ACommandMaySayACommonFlagOtherwise) {
  constexpr std::string_view kFormats = "plain|json|sarif";
  const Flag own[] = {{.name = "format", .value = kFormats, .doc = "a format", .fallback = "plain"}};
  Command other = kToy;
  other.flags = own;
  other.positionals = {};
  const std::vector<std::string> words{"--format", "sarif"};
  const auto got = Arguments::parse(other, words);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->text("format"), "sarif");
  EXPECT_EQ(flags_of(other).size(), common_flags().size());
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> names{"threats", "drill", "verify"};
  EXPECT_EQ(nearest("threts", names), "threats");
  EXPECT_EQ(nearest("dirll", names), "drill");
  EXPECT_EQ(nearest("xyz", names), "");
}

TEST(Visible, NothingDrivesTheTerminal) {
  EXPECT_EQ(visible("plain \t text\nline"), "plain \t text\nline");
  EXPECT_EQ(visible("\x1b[31mred\r\x07"), "\\u001b[31mred\\u000d\\u0007");
  EXPECT_EQ(visible("a\u202Eb"), "a\\u202eb");
  EXPECT_EQ(visible("\xc2\x9b"
                    "31m"),
            "\\u009b31m");
  EXPECT_EQ(visible("\xff\xc0\xaf"), "\\udcff\\udcc0\\udcaf");
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\udced\\udca0\\udc80") << "a surrogate is not a character";
  EXPECT_EQ(visible("gr\u00fc\u00df \U0001F600"), "gr\u00fc\u00df \U0001F600");
}

TEST(Visible, AFilesNameMakesNoLineOfItsOwn) {
  EXPECT_EQ(one_line("a\nclean  b.py"), "a\\u000aclean  b.py");
  EXPECT_EQ(one_line("plain"), "plain");
}

TEST(Texts, NumbersReadWell) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1204), "1,204");
  EXPECT_EQ(with_separators(41700000), "41,700,000");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(2048), "2.0 KB");
  EXPECT_EQ(bytes_text(41'700'000'000), "42 GB");
  EXPECT_EQ(wrapped("one two three", 2, 9), "  one two\n  three\n");
}

}  // namespace
}  // namespace sallyport::cli
