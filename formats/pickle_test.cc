#include "formats/pickle.h"

#include <gtest/gtest.h>

#include "formats/pickle_memo.h"
#include "formats/pickle_numbers.h"
#include "formats/pickle_opcodes.h"

namespace sallyport::formats::pickle {
namespace {

using namespace std::literals;

// Writes down each use in one line.
class Notebook : public Observer {
 public:
  void on_use(const Use& use, const Heap& heap) override {
    lines += std::string(name_of(use.how)) + " " + heap.describe_call(use) + "\n";
  }
  std::string lines;
};

struct Got {
  std::string uses;
  Outcome outcome;
  std::string error;
};

Got run(std::string_view bytes) {
  Notebook notebook;
  Got got;
  got.outcome = interpret(as_bytes(bytes), 0, notebook);
  got.uses = notebook.lines;
  got.error = got.outcome.error ? got.outcome.error->message : "";
  return got;
}

TEST(Pickle, KnowsAll68Opcodes) {
  int known = 0;
  for (const OpcodeInfo& info : kOpcodes) known += info.layout != Layout::kUnknown;
  EXPECT_EQ(known, 68);
}

TEST(Pickle, EveryWayToCall) {
  EXPECT_EQ(run("cos\nsystem\n(S'id'\ntR.").uses, "imported os.system\ncalled os.system(\"id\")\n");
  EXPECT_EQ(run("(S'id'\nios\nsystem\n.").uses, "imported os.system\ncalled os.system(\"id\")\n");
  EXPECT_EQ(run("(cos\nsystem\nS'id'\no.").uses, "imported os.system\ncalled os.system(\"id\")\n");
  EXPECT_EQ(run("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."sv).uses,
            "imported os.system\ncalled os.system(\"id\")\n");
  EXPECT_EQ(run("\x80\x02"
                "ca\nB\nK\x01\x85\x81."sv)
                .uses,
            "imported a.B\nconstructed a.B(1)\n");
  EXPECT_EQ(run("\x80\x04\x8c\x01"
                "a\x8c\x01"
                "B\x93)}\x8c\x01kK\x05s\x92."sv)
                .uses,
            "imported a.B\nconstructed a.B(, **{\"k\": 5})\n");
  EXPECT_EQ(run("cos\n_wrap_close\n}S'x'\nI1\nsb.").uses,
            "imported os._wrap_close\nbuilt os._wrap_close.__setstate__({\"x\": 1})\n");
  EXPECT_EQ(run("csys\nmodules\nS'os'\nNs.").uses,
            "imported sys.modules\nfilled sys.modules filled with ((\"os\", None))\n");
}

TEST(Pickle, NamesComeFromTheMemoEscapesAndPython2) {
  EXPECT_EQ(run("\x80\x04\x8c\x06system\x94"
                "0\x8c\x02os\x94"
                "0h\x01h\x00\x93."sv)
                .uses,
            "imported os.system\n");
  EXPECT_EQ(run("\x80\x04S'o\\x73'\nV\\u0073ystem\n\x93."sv).uses, "imported os.system\n");
  EXPECT_EQ(run("c__builtin__\nexecfile\n.").uses, "imported builtins.execfile\n");
  EXPECT_EQ(run("ccommands\ngetoutput\n.").uses, "imported subprocess.getoutput\n");
  EXPECT_EQ(run("\x80\x03"
                "c__builtin__\neval\n."sv)
                .uses,
            "imported __builtin__.eval\n");
}

TEST(Pickle, ComputedNamesAndTheExtensionRegistry) {
  EXPECT_EQ(run("\x80\x04\x8c\x02os\x8c\x01"
                "a\x8c\x01"
                "b\x93)R\x93."sv)
                    .uses.find("computed") != std::string::npos,
            true);
  EXPECT_EQ(run("\x80\x02\x82\x07."sv).uses, "imported copyreg.<extension registry, code 7>\n");
  EXPECT_EQ(run("ccopyreg\nadd_extension\n(S'os'\nS'system'\nK\x07tR0\x82\x07(S'id'\ntR."sv).uses,
            "imported copyreg.add_extension\ncalled copyreg.add_extension(\"os\", \"system\", 7)\n"
            "imported os.system\ncalled os.system(\"id\")\n");
}

TEST(Pickle, ActsThenCorruptsItself) {
  const Got got = run("cos\nsystem\n(S'id'\ntR\xff");
  EXPECT_EQ(got.uses, "imported os.system\ncalled os.system(\"id\")\n");
  EXPECT_EQ(got.error, "pickle: unknown opcode 255 at byte 20");
  EXPECT_EQ(run("(S'id'\nios\nsystemX").uses, "imported os.system\ncalled os.system(\"id\")\n");
}

TEST(Pickle, PlainDataNeedsNoSymbols) {
  const Got got =
      run("\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94(\x8c\x01"
          "aK\x01\x8c\x01"
          "b]\x94us."sv);
  EXPECT_EQ(got.error, "pickle: SETITEM with too little on the stack at byte 25");
  const Got good = run("(dp0\nS'a'\n(lp1\nI1\naL2L\naF3.5\nasS'b'\n(I01\nI00\nttp2\ns."sv);
  EXPECT_EQ(good.error, "pickle: TUPLE without a mark at byte 46");
  EXPECT_TRUE(run("(dp0\nS'a'\n(lp1\nI1\naL2L\naF3.5\nasS'b'\n(I01\nI00\ntp2\ns."sv).outcome.plain);
}

TEST(Pickle, StopsWhereEveryLoaderWould) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"", "pickle: data ends without STOP at byte 0"},
      {".", "pickle: STOP with too little on the stack at byte 0"},
      {"(.", "pickle: STOP with too little on the stack at byte 1"},
      {"h\x05.", "pickle: BINGET of an empty memo entry at byte 0"},
      {"g-1\n.", "pickle: GET of no memo index at byte 0"},
      {"t.", "pickle: TUPLE without a mark at byte 0"},
      {"N(R.", "pickle: REDUCE with too little on the stack at byte 2"},
      {"K\x01)R.", "pickle: REDUCE of a int at byte 3"},
      {"cos\nsystem\nK\x01R.", "pickle: REDUCE with a int for arguments at byte 13"},
      {"X\xff\xff\xff\xff"
       "a",
       "pickle: BINUNICODE past end at byte 0"},
      {"\x8a\x05"
       "ab",
       "pickle: LONG1 past end at byte 0"},
      {"T\xff\xff\xff\xff", "pickle: BINSTRING past end at byte 0"},
      {"\x8b\xff\xff\xff\xff", "pickle: LONG4 with a negative length at byte 0"},
      {"I1x\n.", "pickle: INT that is no number at byte 0"},
      {"S'a\n.", "pickle: STRING that is no text at byte 0"},
      {"(K\x01"
       "d.",
       "pickle: DICT of an odd number of items at byte 3"},
      {"\x80\x06.", "pickle: protocol 6 is unknown at byte 0"},
      {"K\x01K\x02"
       "a.",
       "pickle: APPEND to a int at byte 4"},
      {"K\x01K\x02\x93.", "pickle: STACK_GLOBAL of what is no text at byte 4"},
      {"cos\nsystem", "pickle: GLOBAL past end at byte 0"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(run(bytes).error, error);
}

TEST(Pickle, MarksGuardTheStackAsInCPython) {
  EXPECT_EQ(run("N(0.").error, "");         // POP takes a mark
  EXPECT_EQ(run("N(N1.").error, "");        // POP_MARK
  EXPECT_NE(run("K\x01(\x85.").error, "");  // TUPLE1 cannot reach below the mark
  EXPECT_EQ(run("(((t(t\x86.").error, "");
}

TEST(Pickle, NumbersThatOnlySomeLoadersRead) {
  struct Case {
    std::string_view line;
    bool c, python, tools;
  };
  const Case ints[] = {{"7", true, true, true},
                       {"0x10", true, true, false},
                       {"010", true, false, true},  // 8 and 10
                       {"0b11", true, true, false},
                       {"7\0junk"sv, true, false, false},
                       {"1_0", true, true, true},
                       {"", false, false, false},
                       {" 7 ", true, true, true},
                       {"7L", false, false, false},
                       {"00", true, true, true},
                       {"99999999999999999999", true, true, true}};
  for (const Case& c : ints) {
    const Accepted got = accept_int(c.line);
    EXPECT_EQ(std::tuple(got.c, got.python, got.tools), std::tuple(c.c, c.python, c.tools)) << c.line;
  }
  const Case floats[] = {{"1.5", true, true, true},     {"1_0.0", false, true, true},
                         {" 1", false, true, true},     {"inf", true, true, true},
                         {"1e", false, false, false},   {".", false, false, false},
                         {"0x1p3", false, false, false}};
  for (const Case& c : floats) {
    const Accepted got = accept_float(c.line);
    EXPECT_EQ(std::tuple(got.c, got.python, got.tools), std::tuple(c.c, c.python, c.tools)) << c.line;
  }
  EXPECT_TRUE(accept_long("0x10L").c);
  EXPECT_EQ(run("I0x10\n0cos\nsystem\n(S'id'\ntR.").outcome.divergences.size(), 1U);
}

TEST(Pickle, FramesThatLoadersReadDifferentlyAreNoted) {
  EXPECT_EQ(run("\x80\x04\x95\x02\0\0\0\0\0\0\0N."sv).outcome.divergences.size(), 0U);
  EXPECT_EQ(run("\x80\x04\x95\x02\0\0\0\0\0\0\0X\x01\0\0\0a."sv).outcome.divergences.size(), 1U);
  EXPECT_EQ(run("\x80\x04\x95\xff\0\0\0\0\0\0\0N."sv).outcome.divergences.size(), 1U);
}

TEST(Pickle, ScatteredAndHugeMemoIndices) {
  EXPECT_EQ(run("Nr\xff\xff\xff\xff"
                "0j\xff\xff\xff\xff."sv)
                .error,
            "");
  EXPECT_EQ(run("Np99999999999999999999999\n0g0099999999999999999999999\n.").error, "");
}

TEST(Pickle, MemoRoomGrowsWithEntriesNotWithIndices) {
  Memo<std::uint64_t, ~std::uint64_t{0}> memo;
  for (std::uint64_t i = 0; i < 62; ++i) memo.put(std::uint64_t{1} << i, i);
  EXPECT_EQ(memo.count(), 62U);
  EXPECT_LT(memo.memory(), 100'000U);
  for (std::uint64_t i = 0; i < 62; ++i) EXPECT_EQ(*memo.get(std::uint64_t{1} << i), i);
  for (std::uint64_t i = 0; i < 10'000; ++i) memo.put(i, i + 1);
  for (std::uint64_t i = 0; i < 10'000; ++i) EXPECT_EQ(*memo.get(i), i + 1);
  for (std::uint64_t i = 14; i < 62; ++i) EXPECT_EQ(*memo.get(std::uint64_t{1} << i), i);
  EXPECT_EQ(memo.count(), 10'000U + 62 - 14);
}

TEST(Pickle, DescribesDeepAndCyclicValuesBriefly) {
  std::string deep(100000, ']');
  for (int i = 0; i < 99999; ++i) deep += 'a';
  const Got got = run("cos\nsystem\n(" + deep + "tR.");
  EXPECT_NE(got.uses.find("called os.system([[[["), std::string::npos);
  EXPECT_LT(got.uses.size(), 1000U);
  EXPECT_LT(run("cos\nsystem\n(]p0\ng0\nag0\natR.").uses.size(), 1000U);
  EXPECT_EQ(run("cos\nsystem\n(B\x04\0\0\0\x1b[2J(F1.5\nG?\xf8\0\0\0\0\0\0NI01\nttR."sv).uses,
            "imported os.system\ncalled os.system(b\"\\x1b[2J\", (1.5, 1.5, None, True))\n");
}

TEST(Pickle, ManyElementsAreCountedAndFewKept) {
  std::string bytes = "cm\nf\n(](";
  for (int i = 0; i < 1000; ++i) bytes += "K\x01";
  bytes += "e";
  for (int i = 0; i < 1000; ++i) bytes += "Na";
  bytes += "tR.";
  class Check : public Observer {
   public:
    void on_use(const Use& use, const Heap& heap) override {
      if (use.how != How::kCalled) return;
      const Value list = heap.elements(use.arguments)[0];
      size = heap.size(list);
      kept = heap.elements(list).size();
      kinds = heap.kinds(list);
    }
    std::uint64_t size = 0, kept = 0, kinds = 0;
  } check;
  interpret(as_bytes(bytes), 0, check);
  EXPECT_EQ(check.size, 2000U);
  EXPECT_EQ(check.kept, kElementsKept);
  EXPECT_EQ(check.kinds, 1U << static_cast<int>(Kind::kInt) | 1U << static_cast<int>(Kind::kNone));
}

}  // namespace
}  // namespace sallyport::formats::pickle
