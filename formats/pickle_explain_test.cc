#include "formats/pickle_explain.h"

#include <gtest/gtest.h>

namespace sallyport::formats::pickle {
namespace {

using namespace std::literals;

std::string explained(std::string_view bytes, const ExplainOptions& options = {}) {
  std::string out;
  for (const std::string& line : explain(as_bytes(bytes), 0, options).lines) out += line + "\n";
  return out;
}

TEST(PickleExplain, ShowsTheTreeWithBytesAndOpcodes) {
  EXPECT_EQ(explained("\x80\x04}\x94(\x8c\x01"
                      "aK\x01\x8c\x01"
                      "b](K\x02h\x00"
                      "eu."sv),
            "pickle of bytes 0 to 22, protocol 4, 14 opcodes\n"
            "loading imports and calls nothing\n"
            "and return\n"
            "  dict of 2  (byte 2 EMPTY_DICT)\n"
            "    \"a\": 1  (byte 8 BININT1)\n"
            "    \"b\": list of 2  (byte 13 EMPTY_LIST)\n"
            "      2  (byte 15 BININT1)\n"
            "      the dict of byte 2\n");
}

TEST(PickleExplain, WritesCallsAsPythonWould) {
  EXPECT_EQ(explained("(cm\nMake\n(lp0\nI1\na(dS'k'\nI2\nsoS'x'\nb."),
            "pickle of bytes 0 to 37, protocol 0, 16 opcodes\n"
            "loading would\n"
            "  byte 1 GLOBAL  imported  m.Make\n"
            "  byte 29 OBJ  called  m.Make([1], {\"k\": 2})\n"
            "  byte 35 BUILD  built  m.Make([1], {\"k\": 2}).__setstate__(\"x\")\n"
            "and return\n"
            "  m.Make([1], {\"k\": 2})  (byte 29 OBJ)\n"
            "    argument 1 list of 1  (byte 10 LIST)\n"
            "      1  (byte 14 INT)\n"
            "    argument 2 dict of 1  (byte 19 DICT)\n"
            "      \"k\": 2  (byte 25 INT)\n"
            "    state, byte 35 BUILD, with \"x\"  (byte 30 STRING)\n");
}

TEST(PickleExplain, SaysWhereItBreaksOffAndWhereLoadersDisagree) {
  EXPECT_EQ(explained("I0x10\n0cos\nsystem\n)R\xff"),
            "pickle of bytes 0 to 20, protocol 0, 5 opcodes\n"
            "breaks off: pickle: unknown opcode 255 at byte 20\n"
            "loaders disagree: byte 0 INT: INT that not every loader takes for the same number\n"
            "loading would\n"
            "  byte 7 GLOBAL  imported  os.system\n"
            "  byte 19 REDUCE  called  os.system()\n");
}

TEST(PickleExplain, EscapesWhatTheStreamSays) {
  EXPECT_EQ(explained("c\x1b[2J\nx\n.").find('\x1b'), std::string::npos);
  EXPECT_EQ(explained("}V\x1b]0;x\x07\nNs.").find('\x07'), std::string::npos);
}

TEST(PickleExplain, IsBoundedHoweverDeepWideOrDoubled) {
  const ExplainOptions small{.lines_max = 50, .depth_max = 5};
  std::string deep(200'000, ']');
  deep += std::string(199'999, 'a');
  EXPECT_LE(explain(as_bytes(deep + "."), 0, small).lines.size(), 51U);
  EXPECT_NE(explained(deep + ".", small).find("… deeper"), std::string::npos);
  std::string doubled = "N";
  for (int i = 0; i < 100'000; ++i) doubled += "2\x86";
  EXPECT_LE(explain(as_bytes(doubled + "."), 0).lines.size(), 120U);
  std::string wide = "](";
  for (int i = 0; i < 300; ++i) wide += "](NNNNe";
  EXPECT_LE(explain(as_bytes(wide + "e."), 0, small).lines.size(), 55U);
  std::string calls;
  for (int i = 0; i < 100'000; ++i) calls += "cm\nf\n)R0";
  const std::string out = explained(calls + "N.", small);
  EXPECT_NE(out.find("  … and 199975 more\n"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::formats::pickle
