#include "formats/csv.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/limits.h"

namespace sallyport::formats::csv {
namespace {

std::string error_of(std::string_view text, const Options& options = {}) {
  const auto got = parse(text, options);
  return got ? "no error" : got.error().message;
}

TEST(Csv, ReadsNumbersTextsQuotesAndBothLineEnds) {
  const auto got = parse(
      "\xEF\xBB\xBF"
      "a,\"b \"\"x\"\"\",c\r\n1,\"one, \"\"1\"\"\r\nline\",\n-2.5e1,,nan\n",
      {.name = "t", .roles = {.label = "a"}});
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->columns.size(), 3U);
  EXPECT_EQ(got->columns[0].numbers, (std::vector<double>{1, -25}));
  EXPECT_EQ(got->columns[1].name, "b \"x\"");
  EXPECT_EQ(got->columns[1].texts, (std::vector<std::string>{"one, \"1\"\r\nline", ""}));
  EXPECT_TRUE(std::isnan(got->columns[2].numbers[0]) && std::isnan(got->columns[2].numbers[1]));
  EXPECT_EQ(got->feature_columns(), (std::vector<std::size_t>{2}));
}

TEST(Csv, RefusesWithLineRowAndColumn) {
  EXPECT_EQ(error_of(""), "csv: no header");
  EXPECT_EQ(error_of("a,b\n1\n"), "csv: line 2, row 0, column b: 1 cells where the header has 2");
  EXPECT_EQ(error_of("a,b\n1,2\n1,2,3\n"), "csv: line 3, row 1, column 3: 3 cells where the header has 2");
  EXPECT_EQ(error_of("a,b\n\n"), "csv: line 2, row 0, column b: 1 cells where the header has 2");
  EXPECT_EQ(error_of("a,b,a\n"), "csv: line 1, column 3: name 'a' is already that of column 1");
  EXPECT_EQ(error_of("a,,b\n"), "csv: line 1, column 2: empty column name");
  EXPECT_EQ(error_of(std::string_view("a,b\n1,\0\n", 8)), "csv: line 2, row 0, column b: NUL byte");
  EXPECT_EQ(error_of("a,b\n1,\xC0\x80\n"), "csv: line 2, row 0, column b: invalid UTF-8");
  EXPECT_EQ(error_of("a,b\n1,x\"y\n"),
            "csv: line 2, row 0, column b: quote inside a cell that does not start with one");
  EXPECT_EQ(error_of("a,b\n1,\"x\"y\n"), "csv: line 2, row 0, column b: text after the closing quote");
  EXPECT_EQ(error_of("a,b\n1,\"x\n"), "csv: line 3, row 0, column b: quoted cell without an end");
  EXPECT_EQ(error_of("a,b\r1,2\n"), "csv: line 1, column 2: carriage return without line feed");
  EXPECT_EQ(error_of("a\n" + std::string(limits::kCsvCellBytesMax + 1, 'x')),
            "csv: line 2, row 0, column a: cell longer than 1048576 bytes");
  EXPECT_EQ(error_of("a\n1\n", {.name = "t.csv", .roles = {.label = "b"}}),
            "t.csv: csv: no column 'b' in the header");
  EXPECT_EQ(error_of("a\n1\nx\n", {.numeric = {"a"}}), "csv: row 1, column a: 'x' is not a number");
}

TEST(Csv, RoleColumnsKeepWhatTheirCellsSpell) {
  const auto zeros = parse("id,x\n007,007\n8,1\n", {.roles = {.id = "id"}});
  ASSERT_TRUE(zeros);
  EXPECT_EQ(zeros->ids(), (std::vector<std::string>{"007", "8"}));
  EXPECT_TRUE(zeros->columns[1].numeric);
  const auto large = parse("id\n9007199254740993\n", {.roles = {.id = "id"}});
  EXPECT_EQ(large->ids(), (std::vector<std::string>{"9007199254740993"}));
  const auto labels = parse("y\n3.0\n3\n", {.roles = {.label = "y"}});
  EXPECT_EQ(*labels->labels(), (std::vector<std::string>{"3", "3"}));
}

TEST(Csv, OneCellThatIsNoNumberMakesItsColumnText) {
  for (const char* cell : {"inf", "-inf", "1e999", "0x10", "1 ", " 1", "1,5\"", "--1", "+-1", "1_0", "."}) {
    const auto got =
        parse(std::string("a,b\n1,1\n\"") + (std::string_view(cell) == "1,5\"" ? "1,5" : cell) + "\",1\n");
    ASSERT_TRUE(got) << cell << ": " << got.error().message;
    EXPECT_FALSE(got->columns[0].numeric) << cell;
    EXPECT_EQ(got->columns[0].texts[0], "1");
  }
}

TEST(Csv, WritesWhatItReads) {
  const std::string text = "a,\"b,\"\"\",c\n1,\"x\ny\",0.1\n,,-1e+300\n";
  const auto data = parse(text);
  ASSERT_TRUE(data);
  const auto written = write(*data);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(*written, text);
  const auto lone = parse("a\n\"\"\nx\n\"\"\n");
  EXPECT_EQ(*write(*lone), "a\n\"\"\nx\n\"\"\n");
}

TEST(Csv, RefusesToWriteWhatItCouldNotRead) {
  EXPECT_FALSE(write({}));
  EXPECT_FALSE(write({.columns = {{.name = "a"}, {.name = "a"}}}));
  EXPECT_FALSE(write({.columns = {{.name = "a", .numbers = {INFINITY}}}}));
  EXPECT_FALSE(write({.columns = {{.name = "a", .numbers = {1}}, {.name = "b"}}}));
  EXPECT_FALSE(write({.columns = {{.name = "a", .numeric = false, .texts = {"\xFF"}}}}));
}

}  // namespace
}  // namespace sallyport::formats::csv
