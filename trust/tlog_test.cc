#include "trust/tlog.h"

#include <gtest/gtest.h>

#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

using tests::FaultEnv;
using tests::Survival;

Bytes entry(std::uint64_t i) { return to_bytes("entry " + std::to_string(i) + std::string(i % 7, '.')); }

struct Fixture {
  FaultEnv env;
  PrivateKey key;
  LogKeys keys;
  explicit Fixture(std::uint64_t seed = 1)
      : env(seed), key(*PrivateKey::generate(env)), keys{"example.org/log", {key.public_key()}} {}

  Result<Log> create() { return Log::create(env, "/log", keys, key); }
  Result<Log> open() { return Log::open(env, "/log", keys); }
  Result<std::uint64_t> append(Log& log, std::uint64_t count) {
    std::vector<Bytes> batch;
    for (std::uint64_t i = 0; i < count; ++i) batch.push_back(entry(log.size() + i));
    return log.append(batch, key);
  }
};

Hash root_of(std::uint64_t size) {
  MemoryTree tree;
  for (std::uint64_t i = 0; i < size; ++i) tree.append(leaf_hash(entry(i)));
  return tree.root();
}

TEST(TileNumbers, AreSpelledAsTheSpecificationDoes) {
  EXPECT_EQ(tile_number_path(0), "000");
  EXPECT_EQ(tile_number_path(999), "999");
  EXPECT_EQ(tile_number_path(1000), "x001/000");
  EXPECT_EQ(tile_number_path(1'234'067), "x001/x234/067");
}

TEST(TileLog, HasTheLayoutOfTlogTiles) {
  Fixture f;
  auto log = f.create();
  ASSERT_TRUE(log);
  ASSERT_TRUE(f.append(*log, 70'000));
  // C2SP tlog-tiles: 70,000 entries are 273 full tiles and one of 112; of these 273 are one full tile of
  // level 1 and 17.
  for (const char* path : {"tile/0/000", "tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17",
                           "tile/2/000.p/1", "tile/entries/272", "tile/entries/273.p/112", "checkpoint"}) {
    EXPECT_TRUE(f.env.exists(fs::path("/log") / path)) << path;
  }
  for (const char* path : {"tile/0/273", "tile/1/001", "tile/3", "tile/entries/273", "tile/0/274.p"}) {
    EXPECT_FALSE(f.env.exists(fs::path("/log") / path)) << path;
  }
  const Bytes tile = *f.env.read_file("/log/tile/0/272", 10'000);
  ASSERT_EQ(tile.size(), 8192U);
  const Hash first = leaf_hash(entry(272 * 256));
  EXPECT_TRUE(std::equal(first.bytes.begin(), first.bytes.end(), tile.begin()));
  const Bytes bundle = *f.env.read_file("/log/tile/entries/000", 100'000);
  EXPECT_EQ(bundle[0], 0);
  EXPECT_EQ(bundle[1], 7);
  EXPECT_EQ(as_text(BytesView(bundle).subspan(2, 7)), "entry 0");
  EXPECT_EQ(log->checkpoint().root, root_of(70'000));
  EXPECT_TRUE(log->fsck());
  const auto again = f.open();
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->checkpoint(), log->checkpoint());
}

TEST(TileLog, EverySizeAndBatchGivesTheSameTree) {
  for (const std::uint64_t step : {1U, 3U, 50U, 255U, 256U, 257U, 600U}) {
    Fixture f;
    auto log = f.create();
    ASSERT_TRUE(log);
    while (log->size() < 600) {
      const std::uint64_t before = log->size();
      ASSERT_EQ(*f.append(*log, step), before);
      EXPECT_EQ(log->checkpoint().root, root_of(log->size())) << step << " " << log->size();
      if (step >= 50) {
        EXPECT_TRUE(log->fsck());
      }
    }
    const auto reopened = f.open();
    ASSERT_TRUE(reopened) << step << ": " << reopened.error().message;
    const auto entries = log->entries(0, 600);
    ASSERT_TRUE(entries);
    for (std::uint64_t i = 0; i < 600; ++i) EXPECT_EQ((*entries)[i], entry(i));
    EXPECT_TRUE(log->fsck()) << log->fsck().error().message;
  }
}

TEST(TileLog, ProofsFromTilesHold) {
  Fixture f;
  auto log = f.create();
  std::vector<Hash> roots{empty_tree_hash()};
  for (std::uint64_t size = 0; size < 700; size += 7) {
    ASSERT_TRUE(f.append(*log, 7));
    roots.push_back(log->checkpoint().root);
  }
  for (std::uint64_t index = 0; index < log->size(); ++index) {
    const auto proof = log->prove_inclusion(index);
    ASSERT_TRUE(proof);
    EXPECT_TRUE(check_inclusion(*proof, index, leaf_hash(entry(index)), log->size(), log->checkpoint().root));
  }
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const auto proof = log->prove_consistency(i * 7);
    ASSERT_TRUE(proof);
    EXPECT_TRUE(check_consistency(*proof, i * 7, roots[i], log->size(), log->checkpoint().root));
  }
  EXPECT_FALSE(log->prove_inclusion(log->size()));
  EXPECT_FALSE(log->entries(0, log->size() + 1));
}

TEST(TileLog, EveryChangedByteOfEveryFileIsFound) {
  Fixture f;
  auto log = f.create();
  ASSERT_TRUE(f.append(*log, 250));
  ASSERT_TRUE(f.append(*log, 20));
  ASSERT_TRUE(f.append(*log, 3));
  std::size_t files = 0;
  for (const fs::path& path : f.env.files()) {
    if (path.filename() == ".lock") continue;
    ++files;
    const std::size_t size = f.env.status(path)->size;
    for (std::size_t byte = 0; byte < size; byte += 1 + size / 97) {
      ASSERT_TRUE(f.env.flip(path, byte, static_cast<int>(byte % 8)));
      auto opened = f.open();
      EXPECT_FALSE(opened && opened->fsck()) << path << " byte " << byte;
      ASSERT_TRUE(f.env.flip(path, byte, static_cast<int>(byte % 8)));
    }
  }
  // checkpoint; entries 000, 001.p/14, 001.p/17; tile 0 the same; tile 1 000.p/1.
  EXPECT_EQ(files, 8U);
  auto opened = f.open();
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->fsck());
}

TEST(TileLog, AMissingTileIsFound) {
  Fixture f;
  auto log = f.create();
  ASSERT_TRUE(f.append(*log, 600));
  for (const fs::path& path : f.env.files()) {
    if (path.filename() == ".lock") continue;
    const Bytes bytes = *f.env.read_file(path, SIZE_MAX);
    ASSERT_TRUE(f.env.remove(path));
    auto opened = f.open();
    EXPECT_FALSE(opened && opened->fsck()) << path;
    ASSERT_TRUE(f.env.write_new(path, bytes, 0644));
  }
}

TEST(TileLog, AnotherKeyNeitherWritesNorIsBelieved) {
  Fixture f;
  auto log = f.create();
  const PrivateKey other = *PrivateKey::generate(f.env);
  const std::vector<Bytes> batch{entry(0)};
  EXPECT_FALSE(log->append(batch, other));
  EXPECT_EQ(log->size(), 0U);
  EXPECT_FALSE(Log::open(f.env, "/log", {"example.org/log", {other.public_key()}}));
  EXPECT_FALSE(Log::open(f.env, "/log", {"example.org/other", f.keys.keys}));
  EXPECT_FALSE(f.create()) << "a log is not created over another";
  const std::vector<Bytes> large{Bytes(65'536)};
  EXPECT_FALSE(log->append(large, f.key));
}

TEST(TileLog, TwoWritersTakeTurns) {
  Fixture f;
  auto first = f.create();
  auto second = f.open();
  for (std::uint64_t i = 0; i < 300; ++i) {
    Log& log = i % 3 == 0 ? *second : *first;
    const std::vector<Bytes> batch{entry(i)};
    ASSERT_EQ(*log.append(batch, f.key), i);
  }
  auto fresh = f.open();
  EXPECT_EQ(fresh->checkpoint().root, root_of(300));
  EXPECT_TRUE(fresh->fsck());
}

TEST(Pins, RefuseRollbackAndForkAndMoveForward) {
  Fixture f;
  auto log = f.create();
  ASSERT_TRUE(f.append(*log, 5));
  ASSERT_TRUE(advance_pin(f.env, "/pin", *log, f.keys));
  const std::string at_five = *read_pin(f.env, "/pin");
  ASSERT_TRUE(f.append(*log, 300));
  ASSERT_TRUE(advance_pin(f.env, "/pin", *log, f.keys));
  EXPECT_NE(*read_pin(f.env, "/pin"), at_five);
  EXPECT_TRUE(check_pin(at_five, *log, f.keys));

  Fixture same;  // the same key and the same seed, another history
  auto fork = same.create();
  std::vector<Bytes> batch;
  for (int i = 0; i < 400; ++i) batch.push_back(to_bytes("forked"));
  ASSERT_TRUE(fork->append(batch, same.key));
  const auto forked = check_pin(*read_pin(f.env, "/pin"), *fork, f.keys);
  ASSERT_FALSE(forked);
  EXPECT_NE(forked.error().message.find("forked"), std::string::npos) << forked.error().message;

  Fixture shorter;
  auto old = shorter.create();
  ASSERT_TRUE(shorter.append(*old, 10));
  const auto rolled = check_pin(*read_pin(f.env, "/pin"), *old, f.keys);
  ASSERT_FALSE(rolled);
  EXPECT_NE(rolled.error().message.find("rolled back"), std::string::npos) << rolled.error().message;
}

TEST(Pins, EveryChangedByteIsRefused) {
  Fixture f;
  auto log = f.create();
  ASSERT_TRUE(f.append(*log, 5));
  ASSERT_TRUE(advance_pin(f.env, "/pin", *log, f.keys));
  const std::size_t size = f.env.status("/pin")->size;
  for (std::size_t byte = 0; byte < size; ++byte) {
    ASSERT_TRUE(f.env.flip("/pin", byte, static_cast<int>(byte % 8)));
    EXPECT_FALSE(advance_pin(f.env, "/pin", *log, f.keys)) << byte;
    ASSERT_TRUE(f.env.flip("/pin", byte, static_cast<int>(byte % 8)));
  }
  ASSERT_TRUE(f.env.remove("/pin"));
  ASSERT_TRUE(f.env.write_new("/pin", {}, 0644));
  EXPECT_FALSE(advance_pin(f.env, "/pin", *log, f.keys)) << "an emptied pin is no first use";
}

// Batches that cross tile boundaries; after each the pin moves, as a client's would.
Result<void> work(Fixture& f, std::uint64_t& acknowledged, std::uint64_t& pinned) {
  Log log = TRY(f.open());
  for (const std::uint64_t count : {1U, 2U, 252U, 1U, 3U, 300U}) {
    TRY(f.append(log, count));
    acknowledged = log.size();
    TRY(advance_pin(f.env, "/pin", log, f.keys));
    pinned = log.size();
  }
  return {};
}

void expect_sound(Fixture& f, std::uint64_t acknowledged, std::uint64_t pinned, const std::string& where) {
  auto log = f.open();
  ASSERT_TRUE(log) << where << ": " << log.error().message;
  EXPECT_GE(log->size(), acknowledged) << where;
  EXPECT_EQ(log->checkpoint().root, root_of(log->size())) << where << ": torn or reordered";
  ASSERT_TRUE(log->fsck()) << where << ": " << log->fsck().error().message;
  const auto pin = read_pin(f.env, "/pin");
  ASSERT_TRUE(pin) << where << ": " << pin.error().message;
  if (pinned > 0) {
    const auto at = open_checkpoint(*pin, f.keys.origin, f.keys.keys);
    ASSERT_TRUE(at) << where << ": " << at.error().message;
    EXPECT_GE(at->size, pinned) << where;
  }
  EXPECT_TRUE(advance_pin(f.env, "/pin", *log, f.keys)) << where;
  ASSERT_TRUE(f.append(*log, 260)) << where;
  EXPECT_EQ(log->checkpoint().root, root_of(log->size())) << where;
  EXPECT_TRUE(log->fsck()) << where << ": " << log->fsck().error().message;
  EXPECT_TRUE(f.open()) << where;
}

TEST(LogFaults, APowerCutAtAnyOperationLosesNothingAcknowledged) {
  int cuts = 0;
  for (const Survival survival : {Survival::kAll, Survival::kSynced, Survival::kSome}) {
    const std::uint64_t seeds = survival == Survival::kSome ? 4 : 1;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      for (std::uint64_t cut = 1;; ++cut) {
        Fixture f(seed);
        ASSERT_TRUE(f.create());
        f.env.cut_at(cut);
        std::uint64_t acknowledged = 0;
        std::uint64_t pinned = 0;
        const bool finished = work(f, acknowledged, pinned).has_value();
        f.env.reboot(survival);
        ++cuts;
        expect_sound(f, acknowledged, pinned,
                     "cut " + std::to_string(cut) + " seed " + std::to_string(seed) + " survival " +
                         std::to_string(static_cast<int>(survival)));
        if (testing::Test::HasFailure()) return;
        if (finished) break;
      }
    }
  }
  EXPECT_GT(cuts, 600);
}

TEST(LogFaults, AFullDiskIsAnErrorAndLosesNothing) {
  int refused = 0;
  for (std::uint64_t room = 500; room < 60'000; room += 997) {
    Fixture f;
    ASSERT_TRUE(f.create());
    f.env.set_capacity(room);
    std::uint64_t acknowledged = 0;
    std::uint64_t pinned = 0;
    const auto done = work(f, acknowledged, pinned);
    if (!done) {
      EXPECT_EQ(done.error().kind, ErrorKind::kIo) << done.error().message;
      ++refused;
    }
    f.env.set_capacity(UINT64_MAX);
    expect_sound(f, acknowledged, pinned, "room " + std::to_string(room));
  }
  EXPECT_GT(refused, 10);
}

}  // namespace
}  // namespace sallyport::trust
