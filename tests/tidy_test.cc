// The house style, enforced: every rule that STYLE.md calls enforced runs here over every file of the
// checkout.
#include "tests/tidy.h"
#include "tests/paths.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>
#include <set>

namespace sallyport::tidy {

// GoogleTest finds this by its name and prints it where it would print the bytes of the record.
void PrintTo(const Check& check, std::ostream* out) { *out << check.name; }

namespace {

namespace fs = std::filesystem;

// A file, or a folder with its closing slash, that a check leaves alone. One that is no longer needed fails.
struct Exception {
  std::string_view check;
  std::string_view path;
  std::string_view reason;
};
constexpr std::array<Exception, 3> kExceptions{{
    {"machine_paths", "services/sandbox/plan.cc",
     "names the secrets that the sandbox puts decoys in place of"},
    {"white_space", "tests/peers/tlog/main.go", "gofmt indents with tabs"},
    {"white_space", "tests/peers/tlog/go.mod", "go mod tidy indents with tabs"},
}};

bool excuses(const Exception& exception, std::string_view check, std::string_view path) {
  const bool here = exception.path.ends_with('/') ? path.starts_with(exception.path) : path == exception.path;
  return exception.check == check && here;
}

// Files that git tracks or would track; none when this is no git checkout.
std::vector<std::string> listed_by_git(const std::string& root) {
  const std::string command =
      "git -C '" + root + "' ls-files -z --cached --others --exclude-standard 2>/dev/null";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::vector<std::string> paths;
  if (!pipe) return paths;
  std::string path;
  for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
    if (c != 0) {
      path.push_back(static_cast<char>(c));
    } else {
      paths.push_back(std::exchange(path, {}));
    }
  }
  return paths;
}

std::vector<std::string> listed_by_walking(const fs::path& root) {
  std::vector<std::string> paths;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator();
       ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name == "build" || name == ".deps" || name == ".git")) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      paths.push_back(fs::relative(entry->path(), root).generic_string());
    }
  }
  return paths;
}

const std::vector<File>& tree() {
  static const std::vector<File> files = [] {
    const fs::path root = tests::source_dir();
    std::vector<std::string> paths = listed_by_git(root.string());
    if (paths.empty()) paths = listed_by_walking(root);
    std::vector<File> read;
    for (std::string& path : paths) {
      if (!fs::is_regular_file(fs::symlink_status(root / path))) continue;
      std::ifstream in(root / path, std::ios::binary);
      read.push_back({std::move(path), std::string(std::istreambuf_iterator<char>(in), {})});
    }
    return read;
  }();
  return files;
}

const Check& check_named(std::string_view name) {
  for (const Check& check : checks()) {
    if (check.name == name) return check;
  }
  ADD_FAILURE() << "no check " << name;
  return checks()[0];
}

std::size_t complaints(std::string_view check, std::string path, std::string text) {
  return check_named(check).run({std::move(path), std::move(text)}).size();
}

class Tidy : public testing::TestWithParam<Check> {};

TEST_P(Tidy, holds_over_the_tree) {
  std::string broken;
  for (const File& file : tree()) {
    const auto of_this = [&](const Exception& e) { return excuses(e, GetParam().name, file.path); };
    if (std::ranges::any_of(kExceptions, of_this)) continue;
    for (const Complaint& complaint : GetParam().run(file)) {
      broken += "\n  " + file.path + ":" + std::to_string(complaint.line) + ": " + complaint.what;
    }
  }
  EXPECT_TRUE(broken.empty()) << broken;
}

INSTANTIATE_TEST_SUITE_P(House, Tidy, testing::ValuesIn(checks().begin(), checks().end()),
                         [](const auto& check) { return std::string(check.param.name); });

TEST(TidyTree, is_not_empty) {
  std::set<std::string> paths;
  for (const File& file : tree()) paths.insert(file.path);
  EXPECT_TRUE(paths.contains("core/result.h"));
  EXPECT_TRUE(paths.contains("tests/tidy_test.cc"));
}

TEST(TidyTree, every_exception_is_needed_and_says_why) {
  for (const Exception& exception : kExceptions) {
    bool needed = false;
    for (const File& file : tree()) {
      if (excuses(exception, exception.check, file.path)) {
        needed |= !check_named(exception.check).run(file).empty();
      }
    }
    EXPECT_TRUE(needed) << exception.check << " no longer complains of " << exception.path;
    EXPECT_GT(exception.reason.size(), 20U) << exception.path;
  }
}

TEST(TidyLexer, blanks_what_is_not_code) {
  EXPECT_EQ(code_only("a // b\nc"), "a     \nc");
  EXPECT_EQ(code_only("a /* { */ b"), "a         b");
  EXPECT_EQ(code_only("f(\"{\\\"\", '{', '\\'') "), "f(     ,    ,     ) ");
  EXPECT_EQ(code_only("R\"x({)\" )x\" }"), "R           }");
  EXPECT_EQ(code_only("#define A { \\\n  {\nb"), "             \n   \nb");
  EXPECT_EQ(code_only("1'000'000 {"), "1'000'000 {");
  EXPECT_EQ(code_only("u8'{' {"), "u8    {");
}

struct Sample {
  std::string_view text;
  std::vector<std::size_t> lines;  // of each function, in the order of their closing braces
};

TEST(TidyLexer, measures_functions) {
  const std::vector<Sample> samples{
      {"int f() { return 1; }\n", {1}},
      {"namespace a::b {\nint f(int x) {\n  if (x) {\n  }\n}\n}\n", {4}},
      {"template <class T>\nauto f(T t)\n    -> int {\n}\n", {4}},
      {"struct A {\n  int g() const {\n  }\n  int h{1};\n int i = {};\n};\nint f() {\n}\n", {2, 2}},
      {"A::A(int x) : a_{x}, b_{\n x} {\n}\n", {3}},
      {"A::A(int x)\n    : a_(x) {\n}\n", {3}},
      {"struct stat f() {\n\n}\n", {3}},
      {"const int kTable[] = {\n1,\n2};\nconst auto x = make({\n1});\n", {}},
      {"int f(std::string s = {}) {\n}\n", {2}},
      {"class A : public B<int()> {\n public:\n  void f() override {\n  }\n};\n", {2}},
      {"extern \"C\" {\nint f() {\n}\n}\n", {2}},
      {"extern \"C\" int f() {\n}\n", {2}},
      {"enum class E { a, b };\nint f() { return 0; }\n", {1}},
      {"int f() {\n  const auto g = [](int x) {\n    return x;\n  };\n  return g({1});\n}\n", {6}},
      {"TEST(a, b) {\n  f(\"}\");\n  // }\n}\n", {4}},
      {"#define X(a) \\\n  int a() { \\\nint f() {\n}\nint g() { }\n", {1}},
  };
  for (const Sample& sample : samples) {
    std::vector<std::size_t> got;
    for (const FunctionSpan& function : functions(sample.text)) got.push_back(function.lines);
    EXPECT_EQ(got, sample.lines) << sample.text;
  }
}

TEST(TidyChecks, limits_are_exact) {
  EXPECT_EQ(complaints("column_limit", "a.cc", std::string(110, 'x') + "\n"), 0U);
  EXPECT_EQ(complaints("column_limit", "a.cc", std::string(111, 'x') + "\n"), 1U);
  EXPECT_EQ(complaints("column_limit", "a.cc", std::string(109, 'x') + "é\n"), 0U);
  EXPECT_EQ(complaints("column_limit", "a.md", std::string(300, 'x') + "\n"), 0U);
  std::string lines;
  for (int i = 0; i < 500; i++) lines += "x\n";
  EXPECT_EQ(complaints("file_lines", "a.cc", lines), 0U);
  EXPECT_EQ(complaints("file_lines", "a.cc", lines + "x\n"), 1U);
  const std::string body(58, '\n');
  EXPECT_EQ(complaints("function_lines", "a.cc", "void f() {\n" + body + "}\n"), 0U);
  EXPECT_EQ(complaints("function_lines", "a.cc", "void f() {\n\n" + body + "}\n"), 1U);
  EXPECT_EQ(complaints("file_size", "a.bin", std::string(1'000'000, 'x')), 0U);
  EXPECT_EQ(complaints("file_size", "a.bin", std::string(1'000'001, 'x')), 1U);
}

TEST(TidyChecks, words_count_only_as_words_and_code_only_as_code) {
  EXPECT_EQ(complaints("no_throw", "core/a.cc", "void f() { throw 1; }\n"), 1U);
  EXPECT_EQ(
      complaints("no_throw", "core/a.cc", "// we never throw\nint rethrow; const char* a = \"throw\";\n"),
      0U);
  EXPECT_EQ(complaints("cout_is_for_commands", "core/a.cc", "void f() { std::cout << 1; }\n"), 1U);
  EXPECT_EQ(complaints("cout_is_for_commands", "cli/a.cc", "void f() { std::cout << 1; }\n"), 0U);
  EXPECT_EQ(complaints("no_reminders", "a.md", "TO" "DO: later\n"), 1U);
  EXPECT_EQ(complaints("no_reminders", "a.sh", "mktemp XX" "XXXX\n"), 0U);
}

TEST(TidyChecks, white_space_is_plain) {
  EXPECT_EQ(complaints("white_space", "a.md", "a\n"), 0U);
  EXPECT_EQ(complaints("white_space", "a.md", "a\tb\n"), 1U);
  EXPECT_EQ(complaints("white_space", "a.md", "a \n"), 1U);
  EXPECT_EQ(complaints("white_space", "a.md", "a\r\n"), 1U);
  EXPECT_EQ(complaints("white_space", "a.md", "a"), 1U);
  EXPECT_EQ(complaints("white_space", "x/testdata/a.csv", "a\t"), 0U);
}

TEST(TidyChecks, headers_introduce_themselves) {
  EXPECT_EQ(complaints("header_opening", "a.h", "// A thing.\n#pragma once\n"), 0U);
  EXPECT_EQ(complaints("header_opening", "a.h", "#pragma once\n"), 2U);
  EXPECT_EQ(complaints("header_opening", "a.h", "// A thing.\n"), 1U);
}

TEST(TidyChecks, includes_point_left) {
  EXPECT_EQ(complaints("layers", "core/a.cc", "#include \"core/b.h\"\n#include <vector>\n"), 0U);
  EXPECT_EQ(complaints("layers", "core/a.cc", "#include \"formats/b.h\"\n"), 1U);
  EXPECT_EQ(complaints("layers", "production/x/a.cc", "#include \"trust/b.h\"\n"), 0U);
  EXPECT_EQ(complaints("layers", "production/x/a.cc", "#include \"services/b.h\"\n"), 1U);
  EXPECT_EQ(complaints("layers", "production/x/a.cc", "#include \"drills/drill.h\"\n"), 1U);
  EXPECT_EQ(complaints("layers", "production/x/a_drill.cc", "#include \"drills/drill.h\"\n"), 0U);
  EXPECT_EQ(complaints("layers", "services/a.cc", "#include \"cli/b.h\"\n"), 1U);
  EXPECT_EQ(complaints("layers", "learn/a.cc", "#include <torch/torch.h>\n"), 1U);
  EXPECT_EQ(complaints("layers", "learn/workers/torch/a.cc", "#include <torch/torch.h>\n"), 0U);
}

TEST(TidyChecks, machine_paths_are_named_whole) {
  EXPECT_EQ(complaints("machine_paths", "a.sh", "cd /wo" "rk/main\n"), 1U);
  EXPECT_EQ(complaints("machine_paths", "a.sh", "cd here/wo" "rk/main\n"), 0U);
  EXPECT_EQ(complaints("machine_paths", "a.sh", "cd $HOME/wo" "rk/main ${x}/ro" "ot/a\n"), 0U);
}

}  // namespace
}  // namespace sallyport::tidy
