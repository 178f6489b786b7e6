#include <gtest/gtest.h>

#include "formats/notebook.h"
#include "formats/npy.h"
#include "formats/tar.h"

namespace sallyport::formats {
namespace {

Bytes npy(std::string_view header, std::string_view data = "") {
  Bytes out = to_bytes("\x93NUMPY\x01");
  append_le(out, 0, 1);
  append_le(out, header.size(), 2);
  out.insert(out.end(), header.begin(), header.end());
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

TEST(Npy, ReadsHeadersAndFindsObjects) {
  const auto plain =
      read_npy_header(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }   \n", "x"));
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->descr, "<f8");
  EXPECT_EQ(plain->shape, (std::vector<std::uint64_t>{3, 4}));
  EXPECT_FALSE(plain->has_objects);
  for (const char* descr :
       {"'|O'", "'O8'", "[('a', '<i4'), ('b', '|O')]", "[('a', [('b', 'O')])]", "'object'"}) {
    const auto got =
        read_npy_header(npy(std::string("{'descr': ") + descr + ", 'fortran_order': True, 'shape': ()}"));
    ASSERT_TRUE(got) << descr << got.error().message;
    EXPECT_TRUE(got->has_objects) << descr;
  }
}

TEST(Npy, RefusesBrokenHeaders) {
  for (const char* bad : {"", "{}", "{'descr': '<f8'}", "{'descr': '<f8', 'fortran_order': 1, 'shape': ()}",
                          "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
                          "{'descr': '<f8', 'descr': '|O', 'fortran_order': False, 'shape': ()}",
                          "{'descr': [('a', '|O'), 'fortran_order': False, 'shape': ()}",
                          "{'descr': '\\x7cO', 'fortran_order': False, 'shape': ()}"}) {
    EXPECT_FALSE(read_npy_header(npy(bad))) << bad;
  }
}

TEST(Npy, ItemBytes) {
  EXPECT_EQ(item_bytes("<f8"), 8U);
  EXPECT_EQ(item_bytes("<U3"), 12U);
  EXPECT_EQ(item_bytes("|b1"), 1U);
  EXPECT_EQ(item_bytes("<M8[ns]"), 8U);
  EXPECT_EQ(item_bytes("|O"), 0U);
  EXPECT_EQ(item_bytes("<f8,<i4"), 0U);
}

Bytes tar_member(std::string_view name, std::string_view data, char type = '0') {
  Bytes block(512, 0);
  std::copy(name.begin(), name.end(), block.begin());
  char size[13];
  std::snprintf(size, sizeof size, "%011o", static_cast<unsigned>(data.size()));
  std::copy(size, size + 11, block.begin() + 124);
  block[156] = static_cast<std::uint8_t>(type);
  unsigned sum = 8 * ' ';
  for (const std::uint8_t byte : block) sum += byte;
  char checksum[8];
  std::snprintf(checksum, sizeof checksum, "%06o", sum);
  std::copy(checksum, checksum + 7, block.begin() + 148);
  block.insert(block.end(), data.begin(), data.end());
  block.resize((block.size() + 511) / 512 * 512);
  return block;
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

std::string listing(const tar::Archive& archive) {
  std::string out;
  for (const tar::Member& member : archive.members) {
    out += member.name + (member.link.empty() ? "" : "->" + member.link) + "=" +
           std::string(as_text(member.data)) + ";";
  }
  return out;
}

TEST(Tar, ListsMembersWithLongNamesAndGoesOnBehindDamage) {
  const std::string long_name(150, 'n');
  Bytes bytes =
      joined({tar_member("a", "one"), tar_member("././@LongLink", long_name, 'L'), tar_member("cut", "two")});
  ASSERT_TRUE(tar::is_tar(bytes));
  tar::Archive archive = tar::parse(bytes);
  EXPECT_EQ(listing(archive), "a=one;" + long_name + "=two;");
  EXPECT_TRUE(archive.disagreements.empty());
  EXPECT_TRUE(archive.gaps.empty());
  EXPECT_FALSE(archive.error);
  bytes[512 * 2 + 10] ^= 1;
  archive = tar::parse(bytes);
  EXPECT_EQ(listing(archive), "a=one;cut=two;");
  EXPECT_EQ(archive.disagreements.size(), 1U);
  ASSERT_EQ(archive.gaps.size(), 1U);
  EXPECT_EQ(archive.gaps[0].length, 1024U);
}

TEST(Tar, PaxRecordsOverrideNameLinkAndSize) {
  const std::string records = "18 path=b/c/d.pkl\n9 size=2\n";
  const Bytes bytes = joined({tar_member("h", records, 'x'), tar_member("short", "two")});
  const tar::Archive archive = tar::parse(bytes);
  EXPECT_EQ(listing(archive), "b/c/d.pkl=tw;");
  EXPECT_EQ(archive.disagreements.size(), 1U);
}

TEST(Tar, WhatLiesBehindTheEndIsReadAndSaid) {
  const Bytes bytes = joined({tar_member("a", "one"), Bytes(1024), tar_member("b", "two"), Bytes(1024)});
  const tar::Archive archive = tar::parse(bytes);
  EXPECT_EQ(listing(archive), "a=one;b=two;");
  EXPECT_EQ(archive.disagreements.size(), 1U);
}

TEST(Tar, AHeaderWithAWrongChecksumIsReadAsLenientLoadersDo) {
  Bytes damaged = tar_member("b", "two");
  for (std::size_t i = 0; i < 5; ++i) damaged[257 + i] = static_cast<std::uint8_t>("ustar"[i]);
  const Bytes bytes = joined({tar_member("a", "one"), damaged});
  const tar::Archive archive = tar::parse(bytes);
  EXPECT_EQ(listing(archive), "a=one;b=two;");
  EXPECT_FALSE(archive.gaps.empty());
}

TEST(Tar, EveryTruncationEndsInAValueOrAnError) {
  const Bytes bytes = joined({tar_member("a", "one"), tar_member("s", std::string(600, 's'), 'S')});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const tar::Archive archive = tar::parse(BytesView(bytes).first(size));
    EXPECT_LE(archive.end, size);
  }
}

TEST(Notebook, JoinsSourcesAndKeepsEveryOutput) {
  const auto got = read_notebook(as_bytes(R"({"nbformat":4,"cells":[
    {"cell_type":"code","source":["a = 1\n","b"],"outputs":[
      {"output_type":"stream","name":"stdout","text":["x","y"]},
      {"output_type":"display_data","data":{"text/html":"<b>","application/json":{"k":1}}},
      {"output_type":"error","ename":"E","evalue":"v","traceback":["t"]}]},
    {"cell_type":"markdown","source":"text","attachments":{"i.png":{"image/png":"AAAA"}}}]})"));
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_EQ(got->cells.size(), 2U);
  EXPECT_EQ(got->cells[0].source, "a = 1\nb");
  std::string outputs;
  for (const NotebookOutput& output : got->cells[0].outputs) outputs += output.kind + "=" + output.text + ";";
  EXPECT_EQ(outputs, "stream=xy;application/json={\"k\":1};text/html=<b>;error=E;error=v;error=t;");
  EXPECT_EQ(got->cells[1].outputs[0].text, "AAAA");
  EXPECT_FALSE(read_notebook(as_bytes(R"({"cells":[1]})")));
  EXPECT_FALSE(read_notebook(as_bytes(R"({"cells":[],"cells":[]})")));
}

}  // namespace
}  // namespace sallyport::formats
