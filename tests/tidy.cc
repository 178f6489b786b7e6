#include "tests/tidy.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace sallyport::tidy {
namespace {

constexpr std::size_t kColumnsMax = 110;
constexpr std::size_t kFileLinesMax = 500;
constexpr std::size_t kFunctionLinesMax = 60;
constexpr std::size_t kFileBytesMax = 1'000'000;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_cpp(const File& file) { return file.path.ends_with(".cc") || file.path.ends_with(".h"); }

bool is_source(const File& file) {
  constexpr std::array<std::string_view, 4> kEndings{".sh", ".py", ".cmake", ".def"};
  return is_cpp(file) || file.path == "dev" ||
         std::ranges::any_of(kEndings, [&](std::string_view ending) { return file.path.ends_with(ending); });
}

// Samples are what a tool or an attacker wrote, and generated lists are nobody's prose.
bool is_ours(const File& file) {
  return !file.path.contains("testdata/") && !file.path.contains("corpus/") && !file.text.contains('\0') &&
         !file.path.ends_with("-lock.json") && !file.path.ends_with(".sum");
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::size_t columns_of(std::string_view line) {
  return static_cast<std::size_t>(std::ranges::count_if(line, [](char c) { return (c & 0xC0) != 0x80; }));
}

// Complains of each line of `text` that holds `word`, not as a part of a longer word.
void complain_of_word(std::string_view text, std::string_view word, const std::string& what,
                      std::vector<Complaint>& out) {
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    number++;
    for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
      const bool starts = at == 0 || !is_word(line[at - 1]);
      const bool ends = at + word.size() == line.size() || !is_word(line[at + word.size()]);
      if (starts && ends) out.push_back({number, what});
    }
  }
}

std::vector<Complaint> column_limit(const File& file) {
  std::vector<Complaint> out;
  if (!is_source(file) || !is_ours(file)) return out;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.text)) {
    number++;
    const std::size_t columns = columns_of(line);
    if (columns > kColumnsMax) out.push_back({number, std::to_string(columns) + " columns"});
  }
  return out;
}

std::vector<Complaint> cout_is_for_commands(const File& file) {
  std::vector<Complaint> out;
  const bool prints = file.path.starts_with("cli/") || file.path.starts_with("tools/") ||
                      file.path.starts_with("bench/");
  if (is_cpp(file) && !prints) {
    complain_of_word(code_only(file.text), "std::cout", "std::cout outside cli/, tools/ and bench/", out);
  }
  return out;
}

std::vector<Complaint> file_lines(const File& file) {
  const std::size_t lines = lines_of(file.text).size();
  if (!is_source(file) || !is_ours(file) || lines <= kFileLinesMax) return {};
  return {{0, std::to_string(lines) + " lines"}};
}

std::vector<Complaint> file_size(const File& file) {
  if (file.text.size() <= kFileBytesMax) return {};
  return {{0, std::to_string(file.text.size()) + " bytes"}};
}

std::vector<Complaint> function_lines(const File& file) {
  std::vector<Complaint> out;
  if (!is_cpp(file)) return out;
  for (const FunctionSpan& function : functions(file.text)) {
    if (function.lines <= kFunctionLinesMax) continue;
    out.push_back({function.line, "a function of " + std::to_string(function.lines) + " lines"});
  }
  return out;
}

std::vector<Complaint> header_opening(const File& file) {
  std::vector<Complaint> out;
  if (!file.path.ends_with(".h")) return out;
  if (!file.text.starts_with("//")) out.push_back({1, "no comment says what this header is"});
  if (!file.text.contains("\n#pragma once\n")) out.push_back({0, "no #pragma once"});
  return out;
}

// The layers of ARCHITECTURE.md, left to right; a file includes what stands left of it or beside it.
int layer_of(std::string_view path) {
  struct Layer {
    std::string_view folder;
    int rank;
  };
  constexpr std::array<Layer, 13> kLayers{{{"core", 0}, {"formats", 1}, {"trust", 2}, {"learn", 3},
      {"data_engineering", 4}, {"experiment", 4}, {"production", 4}, {"catalog", 5}, {"services", 6},
      {"drills", 7}, {"cli", 8}, {"abi", 8}, {"tests", 9}}};
  const std::string_view folder = path.substr(0, path.find('/'));
  const auto* const found = std::ranges::find(kLayers, folder, &Layer::folder);
  return found == kLayers.end() ? 9 : found->rank;
}

bool may_include_anything(std::string_view path) {
  const bool for_tests =
      path.ends_with("_test.cc") || path.ends_with("_fixture.h") || path.contains("/testdata/");
  return for_tests || path.ends_with("_drill.cc") || path.starts_with("drills/") || layer_of(path) == 9;
}

std::string_view included_by(std::string_view line) {
  if (!line.starts_with("#include ")) return {};
  line.remove_prefix(9);
  const std::size_t end = line.find_first_of("\">", 1);
  return end == std::string_view::npos ? line : line.substr(0, end);
}

bool is_heavy(std::string_view include) {
  return include.starts_with("<torch/") || include.starts_with("<ATen/") ||
         include.starts_with("<openvino/") || include.starts_with("<duckdb");
}

std::vector<Complaint> layers(const File& file) {
  std::vector<Complaint> out;
  if (!is_cpp(file)) return out;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.text)) {
    number++;
    const std::string_view include = included_by(line);
    if (is_heavy(include) && !file.path.starts_with("learn/workers/")) {
      out.push_back({number, std::string(include.substr(1)) + " outside learn/workers/"});
    }
    if (!include.starts_with('"') || may_include_anything(file.path)) continue;
    const std::string_view path = include.substr(1);
    if (path.contains('/') && layer_of(path) > layer_of(file.path)) {
      out.push_back({number, std::string(path) + " is in a layer to the right"});
    }
  }
  return out;
}

// A path of the machine that somebody happened to work on, as opposed to one of every Unix.
std::vector<Complaint> machine_paths(const File& file) {
  constexpr std::array<std::string_view, 3> kPaths{"/wo" "rk/", "/ro" "ot/", "/tmp/bash" "_jobs"};
  std::vector<Complaint> out;
  if (!is_ours(file)) return out;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.text)) {
    number++;
    for (const std::string_view path : kPaths) {
      const std::size_t at = line.find(path);
      if (at == std::string_view::npos) continue;
      const char before = at == 0 ? ' ' : line[at - 1];
      if (!is_word(before) && !std::string_view("./-}$").contains(before))
        out.push_back({number, std::string(path)});
    }
  }
  return out;
}

std::vector<Complaint> no_reminders(const File& file) {
  constexpr std::array<std::string_view, 4> kWords{"TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"};
  std::vector<Complaint> out;
  if (!is_ours(file)) return out;
  for (const std::string_view word : kWords) {
    complain_of_word(file.text, word, std::string(word) + ": do it now, or file an issue", out);
  }
  return out;
}

std::vector<Complaint> no_throw(const File& file) {
  std::vector<Complaint> out;
  if (is_cpp(file)) complain_of_word(code_only(file.text), "throw", "throw: return an Error", out);
  return out;
}

std::vector<Complaint> white_space(const File& file) {
  std::vector<Complaint> out;
  if (!is_ours(file) || file.text.empty()) return out;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(file.text)) {
    number++;
    if (line.contains('\t')) out.push_back({number, "a tab"});
    if (line.ends_with(' ') || line.ends_with('\r')) out.push_back({number, "a blank at the end"});
  }
  if (!file.text.ends_with('\n')) out.push_back({number, "no newline at the end of the file"});
  return out;
}

constexpr std::array<Check, 11> kChecks{{
    {"column_limit", column_limit},
    {"cout_is_for_commands", cout_is_for_commands},
    {"file_lines", file_lines},
    {"file_size", file_size},
    {"function_lines", function_lines},
    {"header_opening", header_opening},
    {"layers", layers},
    {"machine_paths", machine_paths},
    {"no_reminders", no_reminders},
    {"no_throw", no_throw},
    {"white_space", white_space},
}};

}  // namespace

std::span<const Check> checks() { return kChecks; }

}  // namespace sallyport::tidy
