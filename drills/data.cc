#include "drills/data.h"

#include "formats/csv.h"

// The assembler reads the tables where the build found them, so that they cost neither a generated source nor
// a compiler's time; cmake/layers.cmake names the folder and makes this file depend on both.
#define EMBED(name, path)                                                     \
  asm(".section .rodata\n"                                                    \
      ".balign 16\n" #name                                                    \
      "_begin:\n"                                                             \
      ".incbin \"" path "\"\n" #name                                          \
      "_end:\n"                                                               \
      ".previous\n");                                                         \
  extern "C" const char name##_begin[] __attribute__((visibility("hidden"))); \
  extern "C" const char name##_end[] __attribute__((visibility("hidden")));

EMBED(sallyport_digits_csv, SALLYPORT_DATA_DIR "/digits.csv")
EMBED(sallyport_breast_cancer_csv, SALLYPORT_DATA_DIR "/breast_cancer.csv")
EMBED(sallyport_diabetes_csv, SALLYPORT_DATA_DIR "/diabetes.csv")

namespace sallyport::drills {
namespace {

Dataset parse(std::string_view csv, const formats::csv::Options& options) {
  auto table = formats::csv::parse(csv, options);
  SP_CHECK(table.has_value());
  return *std::move(table);
}

}  // namespace

std::string_view digits_csv() { return {sallyport_digits_csv_begin, sallyport_digits_csv_end}; }
std::string_view breast_cancer_csv() {
  return {sallyport_breast_cancer_csv_begin, sallyport_breast_cancer_csv_end};
}

const Dataset& digits() {
  static const Dataset table = parse(digits_csv(), {.name = "digits",
                                                    .roles = {.label = "digit", .id = "id"},
                                                    .image = {.height = 8, .width = 8, .max_value = 16}});
  return table;
}

const Dataset& breast_cancer() {
  static const Dataset table =
      parse(breast_cancer_csv(), {.name = "breast_cancer", .roles = {.label = "diagnosis", .id = "id"}});
  return table;
}

const Dataset& diabetes() {
  static const Dataset table = parse({sallyport_diabetes_csv_begin, sallyport_diabetes_csv_end},
                                     {.name = "diabetes", .roles = {.label = "progression", .id = "id"}});
  return table;
}

}  // namespace sallyport::drills
