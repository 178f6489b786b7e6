#include "formats/pickle_scan.h"

#include <gtest/gtest.h>

namespace sallyport::formats::pickle {
namespace {

using namespace std::literals;

std::string concerns(std::string_view bytes) {
  std::string out;
  for (const Concern& c : scan_pickles(as_bytes(bytes)).concerns) {
    out += std::string(name_of(c.how)) + " " + c.call + ": " + c.reason + "\n";
  }
  return out;
}

TEST(PicklePolicy, AnUnknownCallableIsNeverAllowed) {
  EXPECT_EQ(concerns("cfoo\nbar\n)R."), "called foo.bar(): is on no list of allowed globals\n");
  EXPECT_EQ(concerns("cfoo\nbar\n."), "imported foo.bar: is on no list of allowed globals\n");
  EXPECT_EQ(concerns("cos\nsystem\n(S'id'\ntR."),
            "called os.system(\"id\"): runs commands and changes files\n");
  // Dotted names do not inherit what their module or their first part is allowed.
  EXPECT_NE(concerns("\x80\x04\x8c\x0b"
                     "collections\x8c\x14"
                     "OrderedDict.fromkeys\x93)R."sv),
            "");
  EXPECT_NE(concerns("\x80\x04\x8c\x05numpy\x8c\x0bos.system.x\x93)R."sv), "");
}

TEST(PicklePolicy, AllowedGlobalsAreHeldToTheirArguments) {
  EXPECT_EQ(concerns("ccollections\nOrderedDict\n)R."), "");
  EXPECT_EQ(concerns("ccollections\nOrderedDict\n((l(lp0\nS'k'\naI1\naatR."), "");
  EXPECT_EQ(concerns("ccollections\nOrderedDict\n(S'ls -la'\ntR."),
            "called collections.OrderedDict(\"ls -la\"): is allowed, but not with these arguments\n");
  EXPECT_EQ(concerns("c_codecs\nencode\n(S'ab'\nS'latin1'\ntR."), "");
  EXPECT_NE(concerns("c_codecs\nencode\n(S'ab'\nS'rot13'\ntR."), "");
  EXPECT_EQ(concerns("c__builtin__\ngetattr\n(cnumpy\nndarray\nS'T'\ntR."), "");
  EXPECT_EQ(concerns("c__builtin__\ngetattr\n(cfoo\nbar\nS'T'\ntR."),
            "imported foo.bar: is on no list of allowed globals\n"
            "called builtins.getattr(foo.bar, \"T\"): reaches any attribute\n");
}

TEST(PicklePolicy, ChangingWhatWasImportedIsDangerous) {
  const std::string reason = "changes what the rest of the process imports\n";
  EXPECT_NE(concerns("ccollections\nOrderedDict\n}S'x'\nI1\nsb.").find(reason), std::string::npos);
  EXPECT_NE(concerns("csys\nmodules\nS'os'\nNs.").find(reason), std::string::npos);
}

TEST(PicklePolicy, CallingWhatACallReturnedIsNotAllowed) {
  EXPECT_NE(concerns("ccollections\nOrderedDict\n)R)R.").find("calls what another call returned"),
            std::string::npos);
}

TEST(PicklePolicy, ObjectsAreOfTheClassThatTheirRebuilderGot) {
  // copyreg._reconstructor(numpy.ndarray, object, None) and then BUILD; and the same with an unknown class.
  EXPECT_EQ(concerns("ccopy_reg\n_reconstructor\n(cnumpy\nndarray\nc__builtin__\nobject\nNtR}b."), "");
  EXPECT_NE(concerns("ccopy_reg\n_reconstructor\n(cfoo\nBar\nc__builtin__\nobject\nNtR}b."), "");
}

TEST(PickleScan, TextsAreNoPickles) {
  for (const char* text :
       {"count\nalpha\nbeta\n", "class Foo:\n  def x\n", "import os\nprint()\n", "(hello)\n", "", "N",
        "Some text.\nwith lines\n", "{\"a\": 1}\n", "cat,dog\n1,2\n3,4\n"}) {
    const Report report = scan_pickles(as_bytes(text));
    EXPECT_TRUE(report.concerns.empty()) << text << report.concerns[0].call;
    EXPECT_FALSE(report.error) << text;
  }
}

TEST(PickleScan, WhatBreaksOffIsNotClean) {
  const Report cut = scan_pickles(as_bytes("\x80\x02}q\x01(K\x01"sv));
  EXPECT_TRUE(cut.concerns.empty());
  ASSERT_TRUE(cut.error);
  EXPECT_EQ(cut.error->message, "pickle: data ends without STOP at byte 8");
  EXPECT_NE(concerns("cos\nsystem\n(S'id'\ntR\xff"), "");
}

TEST(PickleScan, SeveralPicklesInOneStream) {
  EXPECT_NE(concerns("N.K\x01.cos\nsystem\n(S'id'\ntR."), "");
  EXPECT_EQ(scan_pickles(as_bytes("\x80\x02N.\x80\x02K\x05.raw bytes"sv)).pickles, 2U);
}

TEST(PickleScan, PicklesInBytesLiteralsAreHandedOn) {
  const Report report = scan_pickles(
      as_bytes("\x80\x03"
               "ctorch.storage\n_load_from_bytes\nC\x0f"
               "cos\nsystem\n(NtR\x85R."sv));
  ASSERT_EQ(report.held.size(), 1U);
  EXPECT_NE(concerns(report.held[0]).find("called os.system(None)"), std::string::npos);
}

// joblib's array: wrapper, BUILD, perhaps a length of padding and the padding, raw items, and the stream goes
// on.
std::string joblib_stream(std::string_view items, bool aligned = true) {
  return "\x80\x03"
         "cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}("
         "X\x05\0\0\0shapeK\x04\x85"
         "X\x05\0\0\0dtypecnumpy\ndtype\nX\x02\0\0\0f8\x89\x88\x87R"s +
         (aligned ? "X\x1b\0\0\0numpy_array_alignment_bytesK\x10ub\x03pad"s : "ub"s) + std::string(items);
}

TEST(PickleScan, JoblibArraysAreSkippedExactly) {
  const std::string raw(32, '\xff');
  for (const bool aligned : {true, false}) {
    const std::string clean = joblib_stream(raw, aligned) + ".";
    const Report report = scan_pickles(as_bytes(clean));
    EXPECT_TRUE(report.concerns.empty());
    EXPECT_FALSE(report.error) << report.error->message;
    EXPECT_NE(concerns(joblib_stream(raw, aligned) + "cos\nsystem\n(NtR."), "");
    EXPECT_TRUE(scan_pickles(as_bytes(joblib_stream("short", aligned))).error);
  }
}

TEST(PickleScan, ArraysThatAreOpcodesToAPlainUnpicklerAreFound) {
  std::string items = "cos\nsystem\n(S'id'\ntR.";
  items.resize(32, ' ');
  EXPECT_EQ(concerns(joblib_stream(items, false) + "."),
            "called os.system(\"id\"): runs commands and changes files\n");
}

}  // namespace
}  // namespace sallyport::formats::pickle
