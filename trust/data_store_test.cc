#include "trust/data_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "core/limits/data_versions.h"
#include "tests/fault_env.h"
#include "trust/chunker.h"
#include "trust/data_reader.h"

namespace sallyport::trust {
namespace {

Bytes random_bytes(std::size_t size, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  Bytes out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

std::vector<Digest> blocks_of(BytesView bytes) {
  std::vector<Digest> out;
  while (!bytes.empty()) {
    const std::size_t length = first_block(bytes);
    out.push_back(sha256(bytes.first(length)));
    bytes = bytes.subspan(length);
  }
  return out;
}

TEST(Chunker, BlocksKeepToTheirSizes) {
  EXPECT_EQ(first_block({}), 0U);
  const Bytes bytes = random_bytes(32 << 20);
  std::size_t count = 0;
  for (BytesView rest = bytes; !rest.empty(); ++count) {
    const std::size_t length = first_block(rest);
    ASSERT_LE(length, limits::kBlockBytesMax);
    ASSERT_TRUE(length > limits::kBlockBytesMin || length == rest.size());
    rest = rest.subspan(length);
  }
  EXPECT_NEAR(static_cast<double>(bytes.size()) / static_cast<double>(count), 160.0 * 1024, 40.0 * 1024);
  const Bytes zeros(2 << 20);
  EXPECT_EQ(first_block(zeros), limits::kBlockBytesMax);
}

TEST(Chunker, AnInsertionMovesNoCutButThoseBesideIt) {
  Bytes bytes = random_bytes(32 << 20);
  const std::vector<Digest> before = blocks_of(bytes);
  const std::set<Digest> known(before.begin(), before.end());
  for (const std::size_t at : {std::size_t{0}, std::size_t{7'000'000}, bytes.size()}) {
    Bytes changed = bytes;
    changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(at), 42);
    std::size_t fresh = 0;
    for (const Digest& one : blocks_of(changed)) fresh += known.contains(one) ? 0 : 1;
    EXPECT_GE(fresh, 1U);
    EXPECT_LE(fresh, 3U) << "a byte at " << at;
  }
}

class DataStores : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / ("data_store_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_);
    ASSERT_TRUE(DataStore::create(system_env(), store_path()));
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path store_path() const { return root_ / "data"; }
  DataStore open() const { return *DataStore::open(system_env(), store_path()); }
  void write(const std::string& path, BytesView bytes) const {
    fs::create_directories((root_ / "tree" / path).parent_path());
    fs::remove(root_ / "tree" / path);
    ASSERT_TRUE(system_env().write_new(root_ / "tree" / path, bytes, 0644));
  }
  AddedTree add() const {
    DataStore store = open();
    Result<AddedTree> out = add_tree(store, system_env(), root_ / "tree");
    EXPECT_TRUE(out) << (out ? "" : out.error().message);
    EXPECT_TRUE(DataStore::settle(system_env(), store_path()));
    return *out;
  }
  std::vector<fs::path> packs() const {
    std::vector<fs::path> out;
    for (const auto& item : fs::directory_iterator(store_path() / "packs")) out.push_back(item.path());
    return out;
  }
  void overwrite(const fs::path& path, const Bytes& bytes) const {
    fs::remove(path);
    ASSERT_TRUE(system_env().write_new(path, bytes, 0444));
  }
  fs::path root_;
};

TEST_F(DataStores, ATreeComesBackAsItWas) {
  write("large.bin", random_bytes(20 << 20));
  write("a/small.txt", as_bytes("one"));
  write("empty", {});
  fs::create_directories(root_ / "tree/room");
  const AddedTree tree = add();
  EXPECT_EQ(tree.digest, *digest_of_path(system_env(), root_ / "tree"));
  const DataStore store = open();
  const auto reader = DataReader::open(store, tree.digest, tree.root);
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE(reader->verify());
  ASSERT_TRUE(reader->checkout(system_env(), root_ / "out"));
  EXPECT_EQ(*digest_of_path(system_env(), root_ / "out"), tree.digest);
  EXPECT_FALSE(reader->checkout(system_env(), root_ / "out")) << "nothing is written over";
  EXPECT_FALSE(DataReader::open(store, tree.digest, sha256("another root")));
  EXPECT_TRUE(store.check().empty());
}

TEST_F(DataStores, WhatIsThereIsNotStoredAgain) {
  Bytes large = random_bytes(20 << 20);
  write("large.bin", large);
  add();
  large.insert(large.begin() + 5'000'000, 7);
  write("large.bin", large);
  DataStore store = open();
  ASSERT_TRUE(add_tree(store, system_env(), root_ / "tree"));
  EXPECT_LT(store.stored_bytes(), large.size() / 10);
  DataStore again = open();
  ASSERT_TRUE(add_tree(again, system_env(), root_ / "tree"));
  EXPECT_EQ(again.stored_bytes(), 0U);
}

TEST_F(DataStores, NoByteOfAPackCanChangeUnnoticed) {
  write("a", as_bytes("some bytes"));
  write("b", as_bytes("others"));
  const AddedTree tree = add();
  const fs::path pack = packs().at(0);
  const Bytes good = *system_env().read_file(pack);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes changed = good;
    changed[at] ^= 1;
    overwrite(pack, changed);
    const auto store = DataStore::open(system_env(), store_path());
    EXPECT_TRUE(!store || !store->check().empty()) << "byte " << at;
    overwrite(pack, Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at)));
    EXPECT_FALSE(DataStore::open(system_env(), store_path())) << "cut at " << at;
  }
  overwrite(pack, good);
  EXPECT_TRUE(open().check().empty());
}

// A power cut may take any byte of a pack that was not waited for.
TEST_F(DataStores, WhatAPowerCutToreBeforeItWasSettledIsNotThere) {
  write("a", as_bytes("some bytes"));
  write("b", as_bytes("others"));
  DataStore first = open();
  ASSERT_TRUE(add_tree(first, system_env(), root_ / "tree"));
  const fs::path pack = packs().at(0);
  ASSERT_EQ(pack.extension(), kFreshPack);
  const Bytes good = *system_env().read_file(pack);
  for (std::size_t at = 0; at < good.size(); ++at) {
    Bytes torn = good;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(at), torn.end(), std::uint8_t{0});
    if (torn == good) continue;
    overwrite(pack, torn);
    ASSERT_TRUE(DataStore::settle(system_env(), store_path())) << "zeros from " << at;
    EXPECT_TRUE(packs().empty()) << "zeros from " << at;
  }
  DataStore again = open();
  const AddedTree tree = *add_tree(again, system_env(), root_ / "tree");
  ASSERT_TRUE(DataStore::settle(system_env(), store_path()));
  EXPECT_EQ(packs().at(0).extension(), kSettledPack);
  EXPECT_TRUE(DataReader::open(open(), tree.digest, tree.root)->verify());
}

TEST_F(DataStores, AddingAgainRepairsWhatRotted) {
  write("a", as_bytes("some bytes"));
  const AddedTree tree = add();
  const fs::path pack = packs().at(0);
  Bytes bytes = *system_env().read_file(pack);
  bytes[20] ^= 1;
  overwrite(pack, bytes);
  EXPECT_FALSE(DataReader::open(open(), tree.digest, tree.root)->verify());
  add();
  EXPECT_TRUE(DataReader::open(open(), tree.digest, tree.root)->verify());
}

TEST_F(DataStores, CollectingKeepsWhatIsNeededAndNothingElse) {
  write("kept", random_bytes(3 << 20, 2));
  write("gone", random_bytes(9 << 20, 3));
  const AddedTree both = add();
  fs::remove(root_ / "tree/gone");
  const AddedTree one = add();
  std::set<EntryName> live;
  DataReader::open(open(), one.digest, one.root)->add_names(live);
  DataStore store = open();
  const auto freed = store.collect(live);
  ASSERT_TRUE(freed) << freed.error().message;
  EXPECT_GT(*freed, 8U << 20);
  EXPECT_TRUE(DataReader::open(open(), one.digest, one.root)->verify());
  EXPECT_FALSE(DataReader::open(open(), both.digest, both.root));
  DataStore again = open();
  EXPECT_EQ(*again.collect(live), 0U);
}

// Whichever of two packs comes first by its name, the sound copy of a block is the one that stays.
TEST_F(DataStores, CollectingNeverDropsTheSoundCopy) {
  for (unsigned round = 0; round < 24; ++round) {
    SetUp();
    for (unsigned i = 0; i < 8; ++i) write("f" + std::to_string(i), random_bytes(4096, 100 * round + i));
    const AddedTree tree = add();
    const fs::path pack = packs().at(0);
    Bytes bytes = *system_env().read_file(pack);
    bytes[2000 + 37 * round] ^= 1;
    overwrite(pack, bytes);
    std::set<EntryName> live;
    DataReader::open(open(), tree.digest, tree.root)->add_names(live);
    DataStore rotten = open();
    EXPECT_FALSE(rotten.collect(live)) << "round " << round << ": there is no other copy";
    EXPECT_EQ(packs().size(), 1U);
    add();
    DataStore repaired = open();
    const auto freed = repaired.collect(live);
    ASSERT_TRUE(freed) << "round " << round << ": " << freed.error().message;
    EXPECT_TRUE(open().check().empty()) << "round " << round;
    EXPECT_TRUE(DataReader::open(open(), tree.digest, tree.root)->verify()) << "round " << round;
  }
}

TEST_F(DataStores, AnInterruptedCheckoutGoesOnAndTakesNothingForeign) {
  write("a", as_bytes("some bytes"));
  write("b", as_bytes("others"));
  const AddedTree tree = add();
  const DataStore store = open();
  const DataReader reader = *DataReader::open(store, tree.digest, tree.root);
  const fs::path partial = root_ / (".out.partial-" + tree.digest.brief());
  fs::create_directories(partial);
  ASSERT_TRUE(system_env().write_new(partial / "a", as_bytes("some bytes"), 0644));
  ASSERT_TRUE(system_env().write_new(partial / "b", as_bytes("oth"), 0644));
  ASSERT_TRUE(reader.checkout(system_env(), root_ / "out"));
  EXPECT_EQ(*digest_of_path(system_env(), root_ / "out"), tree.digest);
  fs::remove_all(root_ / "out");
  fs::create_directories(partial);
  ASSERT_TRUE(system_env().write_new(partial / "planted.py", as_bytes("import os"), 0644));
  ASSERT_TRUE(reader.checkout(system_env(), root_ / "out"));
  EXPECT_EQ(*digest_of_path(system_env(), root_ / "out"), tree.digest);
}

TEST(Packs, APowerCutLeavesASettledPackWholeOrNone) {
  const Bytes bytes = random_bytes(3 << 20);
  const EntryName name{EntryKind::kBlock, sha256(bytes)};
  for (std::uint64_t cut = 1;; ++cut) {
    tests::FaultEnv env(cut);
    ASSERT_TRUE(make_directories_durably(env, "/packs"));
    env.cut_at(cut);
    const auto write = [&]() -> Result<std::string> {
      PackWriter writer = TRY(PackWriter::begin(env, "/packs"));
      TRY(writer.add(name, bytes));
      const std::string pack = TRY(writer.finish());
      TRY(settle_packs(env, "/packs", std::vector{pack}));
      return pack;
    };
    const Result<std::string> written = write();
    const bool whole_run = !env.is_off();
    env.reboot(tests::Survival::kSome);
    std::size_t packs = 0;
    const std::vector<std::string> files = *env.list("/packs");
    for (const std::string& file : files) {
      if (!file.ends_with(".pack")) continue;
      ++packs;
      EXPECT_GT(env.read_file("/packs/" + file, limits::kGiB)->size(), bytes.size()) << "cut at " << cut;
    }
    EXPECT_TRUE(!written || packs == 1) << "cut at " << cut;
    if (whole_run) break;
    ASSERT_LT(cut, 100U);
  }
}

TEST(Layouts, EveryTruncationIsAnError) {
  const Layout layout{{{Block{sha256("a"), 1}, Block{sha256("b"), 2}}, {}, {Block{sha256("c"), 3}}}};
  const Bytes bytes = *serialize(layout);
  EXPECT_EQ(*parse_layout(bytes), layout);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_FALSE(parse_layout(BytesView(bytes).first(at)));
    Bytes changed = bytes;
    changed[at] ^= 1;
    const auto read = parse_layout(changed);
    EXPECT_TRUE(!read || root_of(*read) != root_of(layout) || read->files.size() != layout.files.size() ||
                *read != layout)
        << at;
  }
}

}  // namespace
}  // namespace sallyport::trust
