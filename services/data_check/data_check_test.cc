// What `sallyport data check` says of small tables with planted faults, and of files that are no tables.
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cmath>
#include <fstream>
#include <set>

#include "core/json.h"
#include "formats/csv.h"
#include "learn/random.h"
#include "services/data_check/check.h"
#include "services/data_check/page.h"
#include "tests/paths.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;
using namespace std::literals;

class DataCheck : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sallyport-data-check-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, std::string_view bytes) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  std::string error_of(const fs::path& path, const std::string& labels = {}) {
    const Result<Dataset> data = load({.paths = {path}, .labels = labels});
    if (!data) return data.error().message;
    const Result<CheckReport> report = check(*data, {});
    return report ? "" : report.error().message;
  }

  fs::path folder_;
};

const CheckVerdict& verdict_of(const CheckReport& report, const std::string& guard) {
  static const CheckVerdict kNone{};
  for (const CheckVerdict& verdict : report.verdicts) {
    if (verdict.guard == guard) return verdict;
  }
  ADD_FAILURE() << "no verdict of " << guard;
  return kNone;
}

std::set<std::uint64_t> suspects_of(const CheckReport& report, const std::string& guard) {
  std::set<std::uint64_t> out;
  for (const ScoredRow& row : report.scored) {
    if (row.guard == guard && row.suspect) out.insert(row.row);
  }
  return out;
}

// Three clouds in six dimensions, the label last.
Dataset clouds(std::size_t rows, std::uint64_t seed) {
  learn::Random random(seed);
  Dataset out{.name = "clouds", .roles = {.label = "kind"}};
  for (std::size_t j = 0; j < 6; ++j) out.columns.push_back({.name = "c" + std::to_string(j)});
  out.columns.push_back({.name = "kind", .numeric = false});
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t of = random.below(3);
    for (std::size_t j = 0; j < 6; ++j) out.columns[j].numbers.push_back(random.normal() + (j == of ? 6 : 0));
    out.columns.back().texts.push_back(std::string(1, static_cast<char>('a' + of)));
  }
  return out;
}

TEST_F(DataCheck, LabelsThatWereChangedComeFirstAndTheRatesAreMeasured) {
  Dataset data = clouds(900, 1);
  std::set<std::uint64_t> wrong;
  for (std::size_t r = 0; r < 900; r += 20) {
    std::string& label = data.columns.back().texts[r];
    label = label == "c" ? "a" : std::string(1, static_cast<char>(label[0] + 1));
    wrong.insert(r);
  }
  const auto report = check(data, {.threads = 1});
  ASSERT_TRUE(report) << report.error().message;
  const CheckVerdict& verdict = verdict_of(*report, "label_errors");
  EXPECT_EQ(verdict.verdict, Verdict::kWarn);
  const std::set<std::uint64_t> found = suspects_of(*report, "label_errors");
  std::size_t right = 0;
  for (const std::uint64_t row : found) right += wrong.contains(row) ? 0 : 1;
  EXPECT_GE(found.size() - right, 40u);
  EXPECT_LE(right, 5u);
  ASSERT_TRUE(verdict.power && verdict.false_positive_rate && verdict.power_n && verdict.false_positive_n);
  EXPECT_GT(*verdict.power, 0.95);
  EXPECT_LT(*verdict.false_positive_rate, 0.01);
  EXPECT_EQ(*verdict.power_n, 45u);
  EXPECT_GT(*verdict.false_positive_n, 700u);
  std::size_t scored = 0;
  for (const ScoredRow& row : report->scored) scored += row.guard == "label_errors" ? 1 : 0;
  EXPECT_EQ(scored, 900u) << "a ranking check says something of each row";
}

// Where the classes lie on top of one another, a right label is flagged often, and the verdict says so.
TEST_F(DataCheck, AModelThatCannotTellClassesApartAdmitsFalsePositives) {
  Dataset data = clouds(900, 2);
  learn::Random random(3);
  for (std::size_t j = 0; j < 6; ++j) {
    for (double& value : data.columns[j].numbers) value = value * 0.3 + random.normal();
  }
  const auto report = check(data, {.threads = 1});
  ASSERT_TRUE(report) << report.error().message;
  const CheckVerdict& verdict = verdict_of(*report, "label_errors");
  ASSERT_TRUE(verdict.false_positive_rate);
  EXPECT_GT(*verdict.rate, 0.02);
  EXPECT_GT(*verdict.false_positive_rate, *verdict.rate / 2);
}

TEST_F(DataCheck, CopiesStrayTextAndRepeatedIdsNameTheirRows) {
  const fs::path file =
      write("t.csv",
            "id,size,note\n1,3.5,a\n2,4.5,b\n3,oops,c\n4,1.0,d\n4,2.0,e\n,7,f\n7,8,g\n8,9,h\n"
            "9,3.5,a\n10,1,x\n11,2,y\n12,3,z\n");
  Dataset data = *load({.paths = {file}, .roles = {.id = "id"}});
  const auto report = check(data, {.threads = 1});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(suspects_of(*report, "table_shape"), (std::set<std::uint64_t>{2, 4, 5}));
  EXPECT_EQ(suspects_of(*report, "duplicates"), std::set<std::uint64_t>{8});
  EXPECT_EQ(report->worst(), Verdict::kWarn);
  const auto folder = folder_ / "parts";
  auto table = Table::open({.paths = {file}, .roles = {.id = "id"}}, limits::kDataMemoryBytes);
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_TRUE(quarantine(*table, *report, folder));
  const auto clean = load_file(folder / "clean.csv");
  const auto suspect = load_file(folder / "suspect.csv");
  ASSERT_TRUE(clean && suspect);
  EXPECT_EQ(clean->rows(), 8u);
  EXPECT_EQ(suspect->rows(), 4u);
}

TEST_F(DataCheck, DriftIsFoundAndItsOwnRatesAreMeasured) {
  const Dataset reference = clouds(800, 4);
  Dataset data = clouds(800, 5);
  const CheckOptions options{.reference = &reference, .threads = 1};
  const auto calm = check(data, options);
  ASSERT_TRUE(calm) << calm.error().message;
  const CheckVerdict& before = verdict_of(*calm, "drift");
  EXPECT_EQ(before.verdict, Verdict::kPass) << (before.findings.empty() ? "" : before.findings.front());
  ASSERT_TRUE(before.power && before.false_positive_rate && before.power_n && before.false_positive_n);
  EXPECT_LE(*before.false_positive_rate, 0.04);
  EXPECT_GE(*before.false_positive_n, 40u);
  for (double& value : data.columns[2].numbers) value += 1;
  data.columns.insert(data.columns.begin(), {.name = "new", .numbers = std::vector<double>(800, 1)});
  const auto moved = check(data, options);
  ASSERT_TRUE(moved);
  const CheckVerdict& after = verdict_of(*moved, "drift");
  EXPECT_EQ(after.verdict, Verdict::kWarn);
  ASSERT_EQ(after.findings.size(), 3u);
  EXPECT_TRUE(after.findings[0].starts_with("column new is missing")) << after.findings[0];
  EXPECT_TRUE(after.findings[1].starts_with("column c2 drifted")) << after.findings[1];
  EXPECT_TRUE(after.findings[2].starts_with("rows as a whole")) << after.findings[2];
}

TEST_F(DataCheck, PersonalDataAndRowsThatHideNowhereAreNamed) {
  const fs::path file = write("p.csv",
                              "age,town,note\n31,Ulm,call 555-123-4567\n31,Ulm,nothing here\n44,Bonn,card "
                              "4111 1111 1111 1111\n31,Ulm,mail a@b.example\n");
  const Dataset data = *load({.paths = {file}});
  const auto report = check(data, {.quasi_identifiers = {"age", "town"}, .k_min = 2, .threads = 1});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(suspects_of(*report, "personal_data"), (std::set<std::uint64_t>{0, 2, 3}));
  EXPECT_EQ(suspects_of(*report, "anonymity"), std::set<std::uint64_t>{2});
  EXPECT_EQ(verdict_of(*report, "anonymity").verdict, Verdict::kBlock);
}

TEST_F(DataCheck, JsonHasWhatScriptsRelyOn) {
  const auto report = check(clouds(300, 6), {.threads = 1});
  ASSERT_TRUE(report);
  const auto json = parse_json(to_json_text(*report));
  ASSERT_TRUE(json) << json.error().message;
  ASSERT_FALSE((*json)["rows"].empty());
  EXPECT_NE(report->worst(), Verdict::kCannotTell) << "guards that a table gives nothing to are left out";
  for (const char* name : {"row", "guard", "score", "message"})
    EXPECT_TRUE((*json)["rows"][0].contains(name));
  for (const Json& verdict : (*json)["verdicts"]) {
    for (const char* name :
         {"guard", "threats", "verdict", "rate", "interval", "n", "power", "false_positive_rate"})
      EXPECT_TRUE(verdict.contains(name)) << name;
  }
}

TEST_F(DataCheck, SuspectRowsBearTheIdThatTheirTableGivesThem) {
  Dataset data = clouds(300, 6);
  data.roles.id = "file";
  data.columns.push_back({.name = "file", .numeric = false});
  for (int r = 0; r < 300; ++r) data.columns.back().texts.push_back("kinds/" + std::to_string(r) + ".png");
  data.columns[6].texts[17] = data.columns[6].texts[17] == "a" ? "b" : "a";
  const auto report = check(data, {.threads = 1});
  ASSERT_TRUE(report);
  const auto json = parse_json(to_json_text(*report));
  EXPECT_TRUE(std::ranges::any_of((*json)["rows"], [](const Json& row) {
    return row["row"] == 17 && row.value("id", "") == "kinds/17.png";
  }));
}

// A table as it is written down, and what the one error has to name.
struct Bad {
  std::string name;
  std::string bytes;
  std::vector<std::string> says;
};

TEST_F(DataCheck, BadTablesEndInOneErrorThatNamesThePlace) {
  const std::string nul = "a,b\n1,2\n3,\0\n"s;
  const std::vector<Bad> cases{
      {"ragged.csv", "a,b\n1,2\n3\n", {"row 1", "line 3"}},
      {"wide.csv", "a,b\n1,2\n3,4,5\n", {"row 1", "line 3"}},
      {"nul.csv", nul, {"row 1", "column b"}},
      {"latin.csv", "a,b\n1,caf\xE9\n", {"row 0", "column b"}},
      {"utf16.csv",
       "\xFF\xFE"
       "a\0,\0b\0\n\0"s,
       {"utf16.csv"}},
      {"quote.csv", "a,b\n1,\"never ends\n", {"column b", "without an end"}},
      {"names.csv", "a,a\n1,2\n", {"a"}},
      {"empty.csv", "", {"empty.csv"}},
      {"rows.jsonl", "{\"a\":1}\n{\"a\":\n", {"line 2"}},
      {"cut.npy",
       "\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9), }"s,
       {"cut.npy"}},
      {"cut.csv.gz", "\x1F\x8B\x08\0\0\0\0\0\0\x03"s, {"cut.csv.gz"}},
  };
  for (const Bad& bad : cases) {
    const std::string error = error_of(write(bad.name, bad.bytes));
    EXPECT_FALSE(error.empty()) << bad.name;
    for (const std::string& part : bad.says)
      EXPECT_NE(error.find(part), std::string::npos) << bad.name << ": " << error;
  }
}

TEST_F(DataCheck, ACellBeyondTheLimitIsRefusedOnOneEndlessLine) {
  const std::string error = error_of(write("line.csv", "a,b\n1," + std::string(64 << 20, 'x')));
  EXPECT_NE(error.find("column b"), std::string::npos) << error;
}

TEST_F(DataCheck, ADecompressionBombIsRefusedBeforeItUnpacks) {
  // 20 GiB of zeros in 20 MB would take too long to make; the same in two layers takes no time.
  const auto packed = [](const std::string& plain) {
    z_stream stream{};
    EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    std::string out(compressBound(plain.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
  };
  std::string layer = "a,b\n1,2\n";
  for (int i = 0; i < 20; ++i) layer = packed(layer);
  EXPECT_NE(error_of(write("nested.csv.gz", layer)).find("kArchiveDepthMax"), std::string::npos);
  const std::string zeros = packed(std::string(64 << 20, '0'));
  const std::string error = error_of(write("zeros.csv.gz", zeros));
  EXPECT_FALSE(error.empty());
}

TEST_F(DataCheck, InfinityMissingNumbersLateTextAndLonelyClassesAreToldNotTripedOver) {
  std::string text = "x,y,label\n";
  learn::Random random(8);
  for (int i = 0; i < 600; ++i) {
    const bool a = i % 2 == 0;
    text += std::to_string(random.normal() + (a ? 3 : 0)) + "," +
            (i % 100 == 7 ? "" : std::to_string(random.normal())) + "," + (a ? "a" : "b") + "\n";
  }
  const std::string late = text + "1,2,a\nnot a number,2,b\n";
  const auto data = load({.paths = {write("late.csv", late)}});
  ASSERT_TRUE(data) << data.error().message;
  const auto report = check(*data, {.threads = 1});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(suspects_of(*report, "table_shape"), std::set<std::uint64_t>{601});

  const auto lonely = load({.paths = {write("lonely.csv", text + "0,0,only\n")}});
  ASSERT_TRUE(lonely);
  const auto alone = check(*lonely, {.threads = 1});
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_NE(verdict_of(*alone, "label_errors").verdict, Verdict::kCannotTell);

  const auto infinite = load({.paths = {write("inf.csv", text + "inf,0,a\n")}});
  ASSERT_TRUE(infinite);
  const auto told = check(*infinite, {.threads = 1});
  ASSERT_TRUE(told);
  EXPECT_TRUE(suspects_of(*told, "table_shape").contains(600));

  const auto one = load({.paths = {write("one.csv", "x,label\n1,a\n2,a\n3,a\n")}});
  ASSERT_TRUE(one);
  const auto single = check(*one, {.threads = 1});
  ASSERT_TRUE(single);
  EXPECT_EQ(verdict_of(*single, "label_errors").verdict, Verdict::kCannotTell);
}

// Rows of few values are equal by chance; rows of many are not, and three copies among them are.
TEST_F(DataCheck, RowsThatChanceMakesEqualAreNoCopies) {
  for (const bool narrow : {true, false}) {
    learn::Random random(11);
    Dataset data{.name = "t"};
    for (std::size_t j = 0; j < 4; ++j) {
      data.columns.push_back({.name = "c" + std::to_string(j)});
      for (int r = 0; r < 3000; ++r)
        data.columns[j].numbers.push_back(static_cast<double>(random.below(narrow ? 6 : 5000)));
    }
    if (!narrow) {
      for (Column& column : data.columns) {
        for (const std::size_t row : {100U, 200U, 300U}) column.numbers[row] = column.numbers[7];
      }
    }
    const auto report = check(data, {.threads = 1});
    ASSERT_TRUE(report) << report.error().message;
    const CheckVerdict& verdict = verdict_of(*report, "duplicates");
    EXPECT_EQ(verdict.verdict, narrow ? Verdict::kPass : Verdict::kWarn);
    EXPECT_EQ(suspects_of(*report, "duplicates"),
              narrow ? std::set<std::uint64_t>() : (std::set<std::uint64_t>{100, 200, 300}));
    ASSERT_TRUE(verdict.false_positive_rate && verdict.false_positive_n);
    EXPECT_LE(*verdict.false_positive_rate, 0.02);
    EXPECT_EQ(*verdict.false_positive_n, 120U);
  }
}

TEST_F(DataCheck, TheValuesOfACategoryAreNoWords) {
  for (const bool written : {true, false}) {
    Dataset data = clouds(300, 3);
    data.columns.push_back({.name = "city", .numeric = false});
    for (int row = 0; row < 300; ++row)
      data.columns.back().texts.push_back("city of number " + std::to_string(written ? row : row % 12));
    const auto report = check(data, {.threads = 1});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(std::ranges::count(report->verdicts, "trigger_words", &CheckVerdict::guard), written ? 1 : 0);
  }
}

TEST_F(DataCheck, AQuantityIsNoLabelWhateverItsName) {
  std::string fractions = "x,y\n";
  std::string many = "x,target\n";
  std::string classes = "x,y\n";
  std::string words = "x,y\n";
  for (int i = 0; i < 400; ++i) {
    fractions += std::to_string(i) + "," + std::to_string(i) + ".5\n";
    many += std::to_string(i) + "," + std::to_string(i * 3 % 211) + "\n";
    classes += std::to_string(i) + "," + std::to_string(i % 10) + "\n";
    words += std::to_string(i) + ",kind" + std::to_string(i % 3) + "\n";
  }
  EXPECT_EQ(load({.paths = {write("a.csv", fractions)}})->roles.label, "");
  EXPECT_EQ(load({.paths = {write("b.csv", many)}})->roles.label, "");
  EXPECT_EQ(load({.paths = {write("c.csv", classes)}})->roles.label, "y");
  EXPECT_EQ(load({.paths = {write("d.csv", words)}})->roles.label, "y");
  EXPECT_EQ(load({.paths = {folder_ / "a.csv"}, .labels = "y"})->roles.label, "y") << "who asks gets it";
}

// A table beyond the memory is read through: what looks at single rows says what it says of the whole, and
// what looks at rows together says how many it drew.
TEST_F(DataCheck, ATableBeyondItsMemoryIsReadThroughAndJudgedOnRowsThatFit) {
  learn::Random random(12);
  std::string csv = "id,label,mail,number";
  for (int j = 0; j < 8; ++j) csv += ",f" + std::to_string(j);
  csv += "\n";
  constexpr std::size_t kRows = 80'000;
  std::string first;
  for (std::size_t r = 0; r < kRows; ++r) {
    const bool a = random.below(2) == 0;
    std::string row = std::string(a ? "a" : "b") + "," + (r == 70'000 ? "a@b.example" : "none of it") + "," +
                      (r == 50'000 ? "oops" : std::to_string(r % 1000));
    for (int j = 0; j < 8; ++j) row += "," + std::to_string(random.normal() + (a ? 4 : 0));
    if (r == 10) first = row;
    if (r == 60'000) row = first;
    csv += std::to_string(r == 75'000 ? 74'000 : r) + "," + row + "\n";
  }
  const fs::path file = write("big.csv", csv);
  const Source source{.paths = {file}, .roles = {.id = "id"}};
  auto table = Table::open(source, limits::kDataMemoryBytesMin);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->rows(), kRows);
  const auto read = check(*table, nullptr, {.threads = 1, .memory_bytes = limits::kDataMemoryBytesMin});
  ASSERT_TRUE(read) << read.error().message;
  const CheckReport& report = read->report;
  EXPECT_GT(report.sampled, 100U);
  EXPECT_LT(report.sampled, kRows / 2);
  EXPECT_EQ(suspects_of(report, "personal_data"), std::set<std::uint64_t>{70'000});
  EXPECT_EQ(suspects_of(report, "table_shape"), (std::set<std::uint64_t>{50'000, 75'000}));
  EXPECT_EQ(suspects_of(report, "duplicates"), std::set<std::uint64_t>{60'000});
  EXPECT_EQ(verdict_of(report, "label_errors").n, report.sampled);
  EXPECT_EQ(verdict_of(report, "identifier_residue").verdict, Verdict::kBlock) << "the planted address";
  for (const std::uint64_t row : {70'000U, 50'000U, 75'000U, 60'000U}) EXPECT_TRUE(report.suspect[row]);
  for (const ScoredRow& row : report.scored) EXPECT_LT(row.row, kRows);
  ASSERT_TRUE(quarantine(*table, report, folder_ / "parts"));
  const auto suspect = load_file(folder_ / "parts" / "suspect.csv");
  ASSERT_TRUE(suspect);
  const auto clean = load_file(folder_ / "parts" / "clean.csv");
  ASSERT_TRUE(clean) << clean.error().message;
  EXPECT_EQ(clean->rows() + suspect->rows(), kRows);
  EXPECT_GE(suspect->rows(), 4U);
  EXPECT_FALSE(check(*table, nullptr, {.memory_bytes = 1 << 20})) << "less than the program needs itself";
}

TEST_F(DataCheck, DeclaredTransformsAreMadeAgainAndEveryCellIsCompared) {
  learn::Random random(13);
  Dataset before{.name = "before", .roles = {.id = "id"}};
  before.columns = {{.name = "id"}, {.name = "x"}, {.name = "untouched"}, {.name = "sex", .numeric = false}};
  for (int r = 0; r < 200; ++r) {
    before.columns[0].numbers.push_back(r);
    before.columns[1].numbers.push_back(r == 5 ? NAN : 1000 * random.normal());
    before.columns[2].numbers.push_back(random.normal());
    before.columns[3].texts.push_back(r % 2 == 0 ? "M" : "F");
  }
  const auto transforms = learn::transforms_of(*parse_json(
      R"({"transforms": [{"op": "fill", "columns": ["x"], "with": "median"},
          {"op": "scale", "columns": ["x"], "by": "robust"},
          {"op": "clip", "columns": ["x"], "low": -3, "high": 3},
          {"op": "labels", "columns": ["sex"], "map": {"M": "1", "F": "0"}}]})"));
  ASSERT_TRUE(transforms) << transforms.error().message;
  Dataset after = *learn::transformed(before, *transforms);
  EXPECT_TRUE(after.find("sex")->numeric);
  after.roles = before.roles;
  const CheckOptions options{
      .reference = &before, .relation = Relation::kBefore, .threads = 1, .transforms = *transforms};
  const auto honest = check(after, options);
  ASSERT_TRUE(honest) << honest.error().message;
  EXPECT_EQ(verdict_of(*honest, "declared_transforms").verdict, Verdict::kPass);
  EXPECT_EQ(verdict_of(*honest, "declared_transforms").false_positive_rate, 0.0);
  Dataset changed = after;
  changed.columns[1].numbers[17] += 0.001;
  changed.columns[2].numbers[99] = 0;
  changed.columns[0].numbers[3] = 5000;
  const auto found = check(changed, options);
  ASSERT_TRUE(found);
  EXPECT_EQ(verdict_of(*found, "declared_transforms").verdict, Verdict::kBlock);
  EXPECT_EQ(suspects_of(*found, "declared_transforms"), (std::set<std::uint64_t>{3, 17, 99}));
  for (const char* bad :
       {R"({"transforms": [{"op": "eval", "columns": ["x"]}]})", R"({"transforms": [{"op": "log"}]})",
        R"({"transforms": [{"op": "log", "columns": ["x"], "base": 2}]})",
        R"({"transforms": [{"op": "clip", "columns": ["x"], "low": 2, "high": 1}]})", R"([])"}) {
    EXPECT_FALSE(learn::transforms_of(*parse_json(bad))) << bad;
  }
}

TEST_F(DataCheck, ALabelColumnOrFileThatIsNotThereIsAnError) {
  const fs::path file = write("t.csv", "a,b\n1,2\n3,4\n");
  EXPECT_NE(error_of(file, "nowhere").find("no column 'nowhere'"), std::string::npos);
  EXPECT_NE(error_of(file, write("l.csv", "l\n1\n").string()).find("1 labels for 2 rows"), std::string::npos);
}

// services/data_check/testdata/four_rows.parquet was written by pyarrow 26.
TEST_F(DataCheck, ParquetIsReadByTheConfinedWorkerAndADamagedOneIsAnError) {
  const fs::path file = fs::path(tests::source_dir()) / "services/data_check/testdata/four_rows.parquet";
  const auto data = load_file(file);
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->columns.size(), 5u);
  EXPECT_EQ(data->rows(), 4u);
  EXPECT_EQ(data->find("id")->numbers, (std::vector<double>{1, 2, 3, 4}));
  EXPECT_EQ(data->find("name")->texts, (std::vector<std::string>{"Ann, \"A\"", "B\xC3\xB6", "", "D"}));
  EXPECT_TRUE(std::isnan(data->find("score")->numbers[1]));
  EXPECT_EQ(data->find("day")->texts.front(), "1970-01-01");
  std::ifstream stream(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  for (std::size_t at = 4; at + 4 < bytes.size(); at += 7) bytes[at] = '\x55';
  const std::string error = error_of(write("damaged.parquet", bytes));
  EXPECT_NE(error.find("damaged.parquet"), std::string::npos) << error;
}

TEST_F(DataCheck, ThePageShowsPicturesTransitionsAndDistributionsAndRunsNothing) {
  learn::Random random(9);
  Dataset data{.name = "<b>shots</b>", .roles = {.label = "kind"}, .image = {8, 8, 255}};
  for (std::size_t j = 0; j < 64; ++j) data.columns.push_back({.name = "c" + std::to_string(j)});
  data.columns.push_back({.name = "kind", .numeric = false});
  for (std::size_t r = 0; r < 300; ++r) {
    const bool left = r % 2 == 0;
    for (std::size_t j = 0; j < 64; ++j)
      data.columns[j].numbers.push_back((j % 8 < 4) == left ? 200 + 20 * random.uniform()
                                                            : 30 * random.uniform());
    data.columns.back().texts.push_back(left != (r % 50 == 7) ? "left" : "right");
  }
  Dataset reference = data;
  for (double& value : reference.columns[3].numbers) value += 40;
  const CheckOptions options{.reference = &reference, .threads = 1};
  const auto report = check(data, options);
  ASSERT_TRUE(report) << report.error().message;
  const std::string page = render_page(data, *report, options);
  EXPECT_NE(page.find("data:image/png;base64,"), std::string::npos);
  EXPECT_NE(page.find("Which label looks like which"), std::string::npos);
  EXPECT_NE(page.find("<rect class=\"ours\""), std::string::npos);
  EXPECT_EQ(page.find("<b>shots</b>"), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;shots&lt;/b&gt;"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::services::data_check
