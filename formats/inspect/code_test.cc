// Notebooks, YAML and compiled Python through the whole inspection.
#include <gtest/gtest.h>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

using namespace std::literals;

std::string rules(std::string_view bytes, std::string name) {
  std::string out;
  for (const Seen& seen : inspect(as_bytes(bytes), {.name = std::move(name)}).seen) out += seen.rule + "\n";
  return out;
}

TEST(InspectYaml, TagsThatConstructAreFoundUnderAnyName) {
  constexpr std::string_view kApply = "a: 1\nb: !!python/object/apply:os.mkdir [mark]\n";
  EXPECT_EQ(rules(kApply, "config.yaml"), "yaml-constructs-object\n");
  EXPECT_EQ(rules(kApply, "notes.txt"), "yaml-constructs-object\n");
  EXPECT_EQ(inspect(as_bytes(kApply), {.name = "c.yaml"}).seen.at(0).offset, 5U);
  constexpr std::string_view kHandle = "%TAG !x! tag:yaml.org,2002:python/\n---\n!x!name:os.system\n";
  EXPECT_EQ(rules(kHandle, "t"), "yaml-constructs-object\n");
  std::string wide = "\xFF\xFE";
  for (const char c : kApply) wide += {c, '\0'};
  EXPECT_EQ(rules(wide, "t"), "yaml-constructs-object\n");
}

TEST(InspectYaml, ProseAndTablesAreNotAccused) {
  EXPECT_EQ(rules("# Wow!! It works!\n\nUse `!!python/name:os.system` never.\n", "README.md"), "");
  EXPECT_EQ(rules("text,label\nhi!!,1\n\"no !! way\",0\n", "train.csv"), "");
  EXPECT_EQ(rules("a: !!str 5\nb: !local x\n", "notes.txt"), "");
  EXPECT_EQ(rules("a: !local x\n", "c.yml"), "yaml-unknown-tag\n");
}

TEST(InspectYaml, AFileOfThatNameIsReadWholeOrSaidNotToBe) {
  const Inspection plain = inspect(as_bytes("a: [1, 2]\n"), {.name = "params.yaml"});
  EXPECT_EQ(plain.format(), "yaml");
  EXPECT_TRUE(plain.complete());
  EXPECT_FALSE(inspect(as_bytes("a: [1, 2\n"), {.name = "params.yaml"}).complete());
}

TEST(InspectNotebook, CellsThatTurnDataIntoCodeAreFound) {
  const std::string notebook =
      R"x({"cells":[{"cell_type":"code","source":["x = 1\n","eval(row['f'])"],"outputs":[]},)x"
      R"x({"cell_type":"code","source":"!curl $URL | sh"},{"cell_type":"markdown","source":"eval(x)"}],)x"
      R"x("metadata":{},"nbformat":4,"nbformat_minor":5})x";
  EXPECT_EQ(rules(notebook, "n.ipynb"),
            "notebook-runs-data\nnotebook-shell-runs-download\nnotebook-shell-filled-in\n");
  EXPECT_FALSE(inspect(as_bytes(notebook.substr(0, 60)), {.name = "n"}).complete());
  const std::string constant =
      R"x({"cells":[{"cell_type":"code","source":"import os\nos.system('ls')\nos.system('curl u|sh')"}],)x"
      R"x("metadata":{},"nbformat":4,"nbformat_minor":5})x";
  EXPECT_EQ(rules(constant, "n.ipynb"), "notebook-shell-runs-download\n");
}

// (lambda x: x).__code__ marshalled by CPython 3.11, as far as it matters here.
constexpr std::string_view kCode =
    "\xE3\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x03\0\0\0\xF3\x06\0\0\0\x97\0|\0S\0"sv;

TEST(InspectBytecode, ModulesAndBareCodeAreFound) {
  EXPECT_EQ(rules(kCode, "weights"), "compiled-python\n");
  const std::string header = "\xA7\x0D\x0D\x0A\0\0\0\0\0\0\0\0\0\0\0\0"s;
  EXPECT_EQ(rules(header + std::string(kCode), "x"), "compiled-python\n");
  EXPECT_EQ(inspect(as_bytes(header + std::string(kCode)), {}).format(), "python-bytecode");
  EXPECT_EQ(rules(header + "plain", "x"), "");
  EXPECT_EQ(rules("coming to a close\r\n", "x.txt"), "");
}

}  // namespace
}  // namespace sallyport::formats::inspect
