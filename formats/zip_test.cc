#include "formats/zip.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "formats/inflate.h"

namespace sallyport::formats::zip {
namespace {

struct Spec {
  std::string name;
  std::string data;
  std::string local_name = {};  // empty: the same
  bool listed = true;
  std::uint16_t flags = 0;
};

void put_fields(Bytes& out, const Spec& spec, const std::string& name) {
  append_le(out, spec.flags, 2);
  append_le(out, kStored, 2);
  append_le(out, 0, 4);           // time and date
  append_le(out, 0xDEADBEEF, 4);  // a wrong checksum
  append_le(out, spec.data.size(), 4);
  append_le(out, spec.data.size(), 4);
  append_le(out, name.size(), 2);
  append_le(out, 0, 2);
}

void put_text(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

Bytes make(const std::vector<Spec>& specs, std::string_view comment = "") {
  Bytes out;
  Bytes directory;
  std::size_t listed = 0;
  for (const Spec& spec : specs) {
    if (spec.listed) {
      append_le(directory, 0x02014B50, 4);
      append_le(directory, 20, 2);
      append_le(directory, 20, 2);
      put_fields(directory, spec, spec.name);
      append_le(directory, 0, 2 + 2 + 2 + 4);
      directory.erase(directory.end() - 2, directory.end());
      append_le(directory, 0, 2);
      append_le(directory, out.size(), 4);
      put_text(directory, spec.name);
      ++listed;
    }
    const std::string& local = spec.local_name.empty() ? spec.name : spec.local_name;
    append_le(out, 0x04034B50, 4);
    append_le(out, 20, 2);
    put_fields(out, spec, local);
    put_text(out, local);
    put_text(out, spec.data);
  }
  const std::size_t at = out.size();
  out.insert(out.end(), directory.begin(), directory.end());
  append_le(out, 0x06054B50, 4);
  append_le(out, 0, 4);
  append_le(out, listed, 2);
  append_le(out, listed, 2);
  append_le(out, directory.size(), 4);
  append_le(out, at, 4);
  append_le(out, comment.size(), 2);
  put_text(out, comment);
  return out;
}

Bytes join(const Bytes& a, const Bytes& b) {
  Bytes out = a;
  out.insert(out.end(), b.begin(), b.end());
  return out;
}

std::string contents(const Archive& archive) {
  std::string out;
  for (const Member& member : archive.members) {
    out += member.name + "=" + std::string(as_text(member.data)) + (member.listed ? "\n" : " (unlisted)\n");
  }
  return out;
}

std::string complaints(const Archive& archive) {
  std::string out;
  for (const Disagreement& d : archive.disagreements) out += d.what + "\n";
  return out;
}

TEST(Zip, PlainArchiveHasNoGapsAndNoDisagreements) {
  const Bytes bytes = make({{"a", "one"}, {"b/c", "two"}, {"empty", ""}}, "a comment");
  const auto archive = parse(bytes);
  ASSERT_TRUE(archive);
  EXPECT_EQ(contents(*archive), "a=one\nb/c=two\nempty=\n");
  EXPECT_EQ(complaints(*archive), "");
  EXPECT_TRUE(archive->gaps.empty());
}

TEST(Zip, ChecksumsFlagsAndEncryptionBitsAreIgnored) {
  const Bytes bytes = make({{.name = "a", .data = "one", .flags = 0x61}});
  EXPECT_EQ(contents(*parse(bytes)), "a=one\n");
}

TEST(Zip, NamesThatDifferAndMembersThatHideAreNamed) {
  const Bytes bytes = make({{.name = "data.txt", .data = "x", .local_name = "data.pkl"},
                            {.name = "hidden", .data = "y", .listed = false}});
  const auto archive = parse(bytes);
  ASSERT_TRUE(archive);
  EXPECT_EQ(contents(*archive), "data.txt=x\nhidden=y (unlisted)\n");
  EXPECT_EQ(complaints(*archive),
            "central directory says name data.txt, local header says data.pkl\n"
            "local header of hidden is in no central directory\n");
}

TEST(Zip, PrefixedAndConcatenatedArchivesAreReadWhole) {
  const Bytes one = make({{"a", "one"}});
  const Bytes two = make({{"b", "two"}});
  const Bytes script = join(to_bytes("#!/bin/sh\n"), two);
  const auto prefixed = parse(script);
  ASSERT_TRUE(prefixed);
  EXPECT_EQ(contents(*prefixed), "b=two\n");
  ASSERT_EQ(prefixed->gaps.size(), 1U);
  EXPECT_EQ(prefixed->gaps[0].length, 10U);
  const Bytes both = join(one, two);
  const auto joined = parse(both);
  ASSERT_TRUE(joined);
  EXPECT_NE(contents(*joined).find("a=one"), std::string::npos);
  EXPECT_NE(contents(*joined).find("b=two"), std::string::npos);
  EXPECT_NE(complaints(*joined), "");
}

TEST(Zip, AnArchiveThatIsAMemberIsALayerOfItsOwn) {
  const Bytes inner =
      make({{.name = "archive/data.pkl", .data = "N."}, {.name = "archive/version", .data = "3"}});
  const std::string text(as_text(inner));
  const Bytes bytes =
      make({{.name = "a.pth", .data = text}, {.name = "b", .data = "b"}, {.name = "c.pth", .data = text}});
  const auto outer = parse(bytes);
  ASSERT_TRUE(outer) << outer.error().message;
  EXPECT_EQ(outer->members.size(), 3U);
  EXPECT_TRUE(outer->disagreements.empty()) << outer->disagreements.front().what;
  EXPECT_TRUE(outer->gaps.empty());
}

// Its offsets lead to a directory of the outer file: a loader that takes this end record reads other members.
TEST(Zip, AnEndRecordInAMemberThatLeadsOutOfItIsFollowed) {
  const Bytes hidden = make({{.name = "hidden", .data = "N."}});
  Bytes end;
  append_le(end, 0x06054B50, 4);
  append_le(end, 0, 4);
  append_le(end, 1, 2);
  append_le(end, 1, 2);
  append_le(end, 46 + 6, 4);
  append_le(end, 30 + 6 + 30 + 6 + 2, 4);  // behind two local headers and the hidden member's two bytes
  append_le(end, 0, 2);
  const std::string text = std::string(as_text(hidden)) + std::string(as_text(end));
  const Bytes bytes = make({{.name = "member", .data = text}});
  const auto outer = parse(bytes);
  ASSERT_TRUE(outer);
  EXPECT_FALSE(outer->disagreements.empty());
}

TEST(Zip, AnArchiveInACommentIsFound) {
  const Bytes inner = make({{"evil", "x"}});
  const Bytes outer = make({{"good", "y"}}, as_text(inner));
  const auto archive = parse(outer);
  ASSERT_TRUE(archive);
  EXPECT_NE(contents(*archive).find("evil=x"), std::string::npos);
  EXPECT_NE(contents(*archive).find("good=y"), std::string::npos);
  EXPECT_NE(complaints(*archive).find("more than one end record"), std::string::npos);
}

TEST(Zip, WithoutADirectoryLocalHeadersStillCount) {
  Bytes bytes = make({{"a", "one"}, {"b", "two"}});
  bytes.erase(bytes.end() - 30, bytes.end());
  EXPECT_NE(contents(*parse(bytes)).find("b=two"), std::string::npos);
  EXPECT_FALSE(parse(to_bytes("no archive at all, just text")));
}

TEST(Zip, ManyFalseSignaturesTakeLinearTime) {
  Bytes bytes;
  for (int i = 0; i < 200'000; ++i) {
    append_le(bytes, 0x04034B50, 4);
    bytes.insert(bytes.end(), 26, 0);
    bytes.push_back('x');
  }
  const auto archive = parse(bytes);
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->members.size(), 200'000U);
  bytes.insert(bytes.end(), bytes.begin(), bytes.begin() + 31);
  EXPECT_EQ(parse(bytes).error().kind, ErrorKind::kLimit);
}

Bytes deflated(std::string_view text, int window_bits) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&z, text.size()) + 64);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST(Inflate, ReadsTheThreeWrappersWithinABudget) {
  const std::string text(100'000, 'a');
  for (const auto& [wrapper, bits] :
       {std::pair(Wrapper::kNone, -15), std::pair(Wrapper::kZlib, 15), std::pair(Wrapper::kGzip, 31)}) {
    const Bytes packed = deflated(text, bits);
    const Inflated all = inflate(packed, wrapper, 1 << 20);
    EXPECT_EQ(as_text(all.bytes), text);
    EXPECT_FALSE(all.error);
    EXPECT_EQ(all.consumed, packed.size());
    const Inflated some = inflate(packed, wrapper, 1000);
    EXPECT_TRUE(some.over_budget);
    EXPECT_EQ(some.bytes.size(), 1000U);
    const Inflated cut = inflate(BytesView(packed).first(packed.size() - 12), wrapper, 1 << 20);
    EXPECT_EQ(cut.error.has_value(), true);
  }
}

TEST(Inflate, GzipMembersInARowAreOneStream) {
  const Bytes two = join(deflated("one,", 31), deflated("two", 31));
  EXPECT_EQ(as_text(inflate(two, Wrapper::kGzip, 100).bytes), "one,two");
}

}  // namespace
}  // namespace sallyport::formats::zip
