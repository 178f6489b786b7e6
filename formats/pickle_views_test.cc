// What CPython's loaders read differently, and what a hostile stream costs.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>

#include "core/limits.h"
#include "formats/pickle.h"
#include "formats/pickle_framed.h"

namespace sallyport::formats::pickle {
namespace {

using namespace std::literals;

class UseNotes : public Observer {
 public:
  void on_use(const Use& use, const Heap& heap) override {
    ++uses;
    if (lines.size() < 4000) lines += std::string(name_of(use.how)) + " " + heap.describe_call(use) + "\n";
  }
  std::string lines;
  std::uint64_t uses = 0;
};

struct GotUses {
  std::string uses;
  std::string error;
  std::string divergences;
  Outcome outcome;
};

GotUses uses_of(std::string_view bytes) {
  UseNotes notebook;
  GotUses got;
  got.outcome = interpret(as_bytes(bytes), 0, notebook);
  got.uses = notebook.lines;
  got.error = got.outcome.error ? got.outcome.error->message : "";
  for (const Divergence& divergence : got.outcome.divergences) got.divergences += divergence.what + "\n";
  return got;
}

std::string frame(std::uint64_t size) {
  std::string out = "\x95";
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(size >> 8 * i));
  return out;
}

TEST(PickleViews, WhatOnlySomeLoadersTakeGoesOnAndIsNoted) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"Np5\0x\n0g5\n."sv, "PUT to what not every loader takes for a memo index\n"},
      {"Np5\n0g5\0x\n."sv, "GET of what not every loader takes for a memo index\n"},
      {"I+1\n.", "INT that not every loader takes for the same number\n"},
      {"F1e999\n.", "FLOAT that not every loader takes for the same number\n"},
      {"K\x01(e.", "APPENDS of no items to a int\n"},
      {"K\x01(\x90.", "ADDITEMS of no items to a int\n"},
      {"K\x01(u.", ""},
      {"K\x01}b.", "BUILD of a int\n"},
      {"K\x01Nb.", ""},
      {"K\x01K\0b."sv, "BUILD of a int\n"},
      {"K\x01(N}tb.", ""},
      {"K\x01(NNtb.", "BUILD of a int\n"},
      {"Np0\nNp0\n.",
       "PUT to a memo entry that is in use, which pickletools refuses\n"
       "STOP leaves values behind, which pickletools refuses\n"},
      {"Nr\xff\xff\xff\xff.", "memo index that not every loader has room for\n"},
      {"(N.", "STOP leaves values behind, which pickletools refuses\n"},
      {"c\nx\n.", "GLOBAL of an empty name\n"},
      {"cbuilt\\x69ns\nlist\n.", "GLOBAL of a name that pickletools reads differently\n"},
      {"PC:\\temp\n.", "PERSID that pickletools reads differently\n"},
  };
  for (const auto& [bytes, divergences] : cases) {
    const GotUses got = uses_of(bytes);
    EXPECT_EQ(got.error, "") << bytes;
    EXPECT_EQ(got.divergences, divergences) << bytes;
  }
  const std::string digits = "L" + std::string(4301, '1') + "L\n.";
  EXPECT_EQ(uses_of(digits).divergences, "LONG that not every loader takes for the same number\n");
}

TEST(PickleViews, CallsWithAnythingThatPythonCanIterateOver) {
  const GotUses got = uses_of("cos\nsystem\n](S'id'\neR.");
  EXPECT_EQ(got.uses, "imported os.system\ncalled os.system(*[\"id\"])\n");
  EXPECT_EQ(got.divergences, "REDUCE with arguments that are no tuple\n");
  EXPECT_EQ(uses_of("ca\nB\nS'id'\n\x81.").uses, "imported a.B\nconstructed a.B(*\"id\")\n");
  EXPECT_EQ(uses_of("ca\nB\nN\x81.").error, "pickle: NEWOBJ with a None for arguments at byte 6");
  EXPECT_EQ(uses_of("ca\nB\n)N\x92.").error, "pickle: NEWOBJ_EX with a None for keywords at byte 7");
}

TEST(PickleViews, WhatPythonDoesBeforeItFails) {
  // pickle.py sets the pairs that are whole; extends by nothing; persists and imports lines without an end.
  const GotUses odd = uses_of("csys\nmodules\n(S'os'\nNNu.");
  EXPECT_EQ(odd.uses, "imported sys.modules\nfilled sys.modules filled with ((\"os\", None))\n");
  EXPECT_EQ(odd.error, "pickle: SETITEMS of an odd number of items at byte 22");
  EXPECT_EQ(uses_of("ca\nb\n(e.").uses, "imported a.b\nfilled a.b filled with (())\n");
  EXPECT_EQ(uses_of("Pid").divergences, "PERSID in a line without an end\n");
}

TEST(PickleViews, BytesAtTheEndOfAFrameAreLostWhenReadFromAFile) {
  // From memory this is os.xxsystem; from a file the frame's last two bytes are thrown away.
  const GotUses got = uses_of("\x80\x04" + frame(6) + "cos\nxxsystem\n(S'id'\ntR.");
  EXPECT_EQ(got.uses,
            "imported os.xxsystem\ncalled os.xxsystem(\"id\")\n"
            "imported os.system\ncalled os.system(\"id\")\n");
  EXPECT_EQ(got.divergences, "GLOBAL crosses the end of its frame\n");
  // A frame that ends between two parts of an argument crosses nothing.
  EXPECT_EQ(uses_of("\x80\x04" + frame(5) + "X\x01\0\0\0a."s).divergences, "");
  // Bytes are read in two parts, from the frame and from behind it.
  const Framed framed = as_read_from_file(as_bytes("\x80\x04" + frame(3) + "C\x04" "abcd."s), 0);
  EXPECT_EQ(framed.bytes, "\x80\x04" "C\x04" "abcd.");
  EXPECT_EQ(framed.original(2), 11U);
}

TEST(PickleViews, AFrameThatReachesBeyondItsFrameDropsTheRest) {
  const Framed framed = as_read_from_file(as_bytes(frame(11) + frame(3) + "ab" + "N0N."s), 0);
  EXPECT_EQ(framed.bytes, "N0N.");
  EXPECT_EQ(uses_of(frame(11) + frame(3) + "ab" + "N0N."s).divergences.substr(0, 20), "FRAME inside a frame");
}

TEST(PickleViews, AnUnpicklerObjectKeepsItsMemo) {
  const std::string first = "\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x86.";
  const std::string second = "\x80\x04h\x00h\x01\x93\x8c\x02id\x85R."s;
  const std::string bytes = first + second;
  UseNotes alone;
  EXPECT_TRUE(interpret(as_bytes(bytes), first.size(), alone).error);
  UseNotes kept;
  Unpickler unpickler(as_bytes(bytes));
  EXPECT_FALSE(unpickler.load(0, kept).error);
  EXPECT_FALSE(unpickler.load(first.size(), kept).error);
  EXPECT_EQ(kept.lines, "imported os.system\ncalled os.system(\"id\")\n");
}

TEST(PickleViews, TheCUnpicklerTakesBinstringsOfMoreThanTwoGigabytes) {
  const std::size_t length = std::size_t{1} << 31;
  const std::size_t size = length + 64;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  auto* const bytes = static_cast<std::uint8_t*>(pages);
  std::memcpy(bytes, "T\0\0\0\x80", 5);
  const std::string_view tail = "0cos\nsystem\n)R.";
  std::memcpy(bytes + 5 + length, tail.data(), tail.size());
  UseNotes notebook;
  const Outcome outcome = interpret({bytes, size}, 0, notebook);
  EXPECT_EQ(notebook.lines, "imported os.system\ncalled os.system()\n");
  ASSERT_EQ(outcome.divergences.size(), 1U);
  EXPECT_EQ(outcome.divergences[0].what, "BINSTRING with a negative length");
  ::munmap(pages, size);
}

// Streams made to cost much: every one ends within seconds, in memory that is a small multiple of its bytes.
struct Cost {
  double seconds;
  std::uint64_t uses;
  std::string error;
};

Cost cost_of(const std::string& bytes) {
  UseNotes notebook;
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = interpret(as_bytes(bytes), 0, notebook);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return {seconds, notebook.uses, outcome.error ? outcome.error->message : ""};
}

std::string repeat(std::string_view part, std::size_t count) {
  std::string out;
  out.reserve(part.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += part;
  return out;
}

constexpr double kSecondsMax = 20;  // of a few megabytes on a busy machine; each takes well under one

TEST(PickleCost, DoublingIsLinear) {
  // A tuple of itself twice, two million times over: 2^2000000 leaves when written out.
  const Cost cost = cost_of("cm\nf\nN" + repeat("2\x86", 2'000'000) + "\x85R.");
  EXPECT_EQ(cost.error, "");
  EXPECT_EQ(cost.uses, 2U);
  EXPECT_LT(cost.seconds, kSecondsMax);
  // And each level handed to a call, which describes it.
  const Cost calls = cost_of("N" + repeat("2\x86q\x01" "0cm\nf\nh\x01\x85Rq\x02" "0h\x01", 50'000) + ".");
  EXPECT_EQ(calls.uses, 100'000U);
  EXPECT_LT(calls.seconds, kSecondsMax);
}

TEST(PickleCost, MillionsOfMarksAndEntries) {
  EXPECT_EQ(cost_of(std::string(8'000'000, '(')).error, "pickle: data ends without STOP at byte 8000000");
  EXPECT_EQ(cost_of("cm\nf\n" + repeat("(", 4'000'000) + repeat("1", 4'000'000) + ".").error, "");
  EXPECT_EQ(cost_of("cm\nf\n" + repeat("N\x94", 4'000'000) + ".").error, "");
  std::string scattered = "cm\nf\nN";
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    const std::uint32_t index = i * 2654435761U;
    scattered += "r" + std::string(reinterpret_cast<const char*>(&index), 4);
  }
  EXPECT_LT(cost_of(scattered + ".").seconds, kSecondsMax);
}

TEST(PickleCost, LongNamesFetchedAgainAndAgain) {
  // A thousand spellings of long modules and names, and every pair of them.
  std::string bytes = "\x80\x04";
  const std::string name(5'000, 'a');
  for (int i = 0; i < 600; ++i) bytes += "X\x88\x13\0\0"s + name + "\x94" "0";
  for (std::uint32_t i = 0; i < 600; ++i) {
    for (std::uint32_t k = 0; k < 600; ++k) {
      bytes += "j" + std::string(reinterpret_cast<const char*>(&i), 4) + "j" +
               std::string(reinterpret_cast<const char*>(&k), 4) + "\x93" "0";
    }
  }
  const Cost cost = cost_of(bytes + "N.");
  EXPECT_EQ(cost.uses, 360'000U);
  EXPECT_LT(cost.seconds, kSecondsMax);
}

TEST(PickleCost, ManyFramesThatAreCrossed) {
  const Cost cost = cost_of("cm\nf\n" + repeat(frame(3) + "X\x01\0\0\0a0X\0\0\0\0" "00"s, 100'000) + "N.");
  EXPECT_LT(cost.seconds, kSecondsMax);
}

TEST(PickleCost, MemoryIsCapped) {
  // Lists of one: 24 bytes each for 3 bytes of stream, as bad as it gets, stop at the limit and say so.
  std::string bytes = "cm\nf\n" + repeat("]Na0", 20'000'000) + ".";
  Heap heap(as_bytes(bytes));
  UseNotes notebook;
  const Outcome outcome = interpret_in_full(as_bytes(bytes), 0, heap, notebook);
  EXPECT_LT(heap.memory(), limits::kPickleMemoryMax + limits::kPickleMemoryMax / 2);
  EXPECT_TRUE(!outcome.error || outcome.error->kind == ErrorKind::kLimit);
}

}  // namespace
}  // namespace sallyport::formats::pickle
