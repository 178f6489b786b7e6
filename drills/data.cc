#include "drills/data.h"

#include <charconv>
#include <cstdint>
#include <limits>

// The assembler reads the tables where the build found them, so that they cost neither a generated source nor
// a compiler's time; cmake/layers.cmake names the folder and makes this file depend on both.
#define EMBED(name, path)                  \
  asm(".section .rodata\n"                 \
      ".balign 16\n" #name "_begin:\n"     \
      ".incbin \"" path "\"\n" #name "_end:\n" \
      ".previous\n");                      \
  extern "C" const char name##_begin[] __attribute__((visibility("hidden"))); \
  extern "C" const char name##_end[] __attribute__((visibility("hidden")));

EMBED(sallyport_digits_csv, SALLYPORT_DATA_DIR "/digits.csv")
EMBED(sallyport_breast_cancer_csv, SALLYPORT_DATA_DIR "/breast_cancer.csv")

namespace sallyport::drills {
namespace {

std::string_view take_until(std::string_view& text, char delimiter) {
  const std::size_t end = text.find(delimiter);
  const std::string_view head = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return head;
}

// Our own tables, whose form a test holds; files of users are read by formats/csv.h.
Dataset parse(std::string_view csv, std::string name, Roles roles, ImageShape image, bool label_is_text) {
  Dataset out{
      .name = std::move(name), .first_row = 0, .columns = {}, .roles = std::move(roles), .image = image};
  std::string_view header = take_until(csv, '\n');
  while (!header.empty()) {
    const std::string_view column = take_until(header, ',');
    const bool is_text = column == out.roles.id || (label_is_text && column == out.roles.label);
    out.columns.push_back({.name = std::string(column), .numeric = !is_text});
  }
  while (!csv.empty()) {
    std::string_view line = take_until(csv, '\n');
    for (Column& column : out.columns) {
      const std::string_view cell = take_until(line, ',');
      if (!column.numeric) {
        column.texts.emplace_back(cell);
        continue;
      }
      double value = std::numeric_limits<double>::quiet_NaN();
      std::from_chars(cell.data(), cell.data() + cell.size(), value);
      column.numbers.push_back(value);
    }
  }
  return out;
}

}  // namespace

std::string_view digits_csv() { return {sallyport_digits_csv_begin, sallyport_digits_csv_end}; }
std::string_view breast_cancer_csv() {
  return {sallyport_breast_cancer_csv_begin, sallyport_breast_cancer_csv_end};
}

const Dataset& digits() {
  static const Dataset table = parse(digits_csv(), "digits", {.label = "digit", .id = "id"},
                                     {.height = 8, .width = 8, .max_value = 16}, false);
  return table;
}

const Dataset& breast_cancer() {
  static const Dataset table =
      parse(breast_cancer_csv(), "breast_cancer", {.label = "diagnosis", .id = "id"}, {}, true);
  return table;
}

}  // namespace sallyport::drills
