#include "trust/store.h"

#include <gtest/gtest.h>

#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

using tests::FaultEnv;
using tests::Survival;

// A folder of three files, one empty directory and one file twice.
Result<void> make_tree(Env& env, const fs::path& at) {
  TRY(env.make_directories(at / "sub"));
  TRY(env.make_directories(at / "empty"));
  TRY(env.write_new(at / "a.txt", as_bytes("alpha"), 0644));
  TRY(env.write_new(at / "sub/run.sh", as_bytes("#!/bin/sh\n"), 0755));
  return env.write_new(at / "sub/again.txt", as_bytes("alpha"), 0644);
}

class Stores : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.create()); }
  FaultEnv env_;
  Store store_{env_, "/store"};
};

TEST_F(Stores, PutsGetsAndVerifies) {
  const auto digest = store_.put(as_bytes("hello"));
  ASSERT_TRUE(digest);
  EXPECT_EQ(*digest, sha256("hello"));
  EXPECT_TRUE(store_.has(*digest));
  EXPECT_EQ(as_text(*store_.get(*digest)), "hello");
  EXPECT_EQ(env_.status(store_.path_of(*digest))->mode, 0444U);
  EXPECT_EQ(store_.path_of(*digest).string(), "/store/objects/sha256/2c/" + digest->hex().substr(2));
  EXPECT_EQ(*store_.put(as_bytes("hello")), *digest) << "again is no error";
  EXPECT_EQ(store_.list()->size(), 1U);
  EXPECT_TRUE(env_.list("/store/tmp")->empty()) << "nothing is left over";
  EXPECT_EQ(store_.get(sha256("absent")).error().kind, ErrorKind::kNotFound);
}

TEST_F(Stores, ADirectoryComesBackAsItWas) {
  ASSERT_TRUE(make_tree(env_, "/in"));
  const auto digest = store_.put_directory("/in");
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, *digest_of_path(env_, "/in"));
  EXPECT_TRUE(*store_.is_directory(*digest));
  EXPECT_EQ(store_.list()->size(), 3U) << "equal files are stored once";
  ASSERT_TRUE(store_.materialise(*digest, "/out"));
  EXPECT_EQ(*scan_directory(env_, "/out"), *scan_directory(env_, "/in"));
  EXPECT_TRUE(store_.verify(*digest));
  EXPECT_FALSE(store_.materialise(*digest, "/out")) << "what is there is not overwritten";
  const Digest file = sha256("alpha");
  EXPECT_FALSE(*store_.is_directory(file));
  ASSERT_TRUE(store_.materialise(file, "/one"));
  EXPECT_EQ(as_text(*env_.read_file("/one", 100)), "alpha");
}

TEST_F(Stores, NoChangedBitIsHandedOut) {
  ASSERT_TRUE(make_tree(env_, "/in"));
  const Digest directory = *store_.put_directory("/in");
  int round = 0;
  const std::vector<Digest> objects = *store_.list();
  for (const Digest& object : objects) {
    const std::size_t size = env_.status(store_.path_of(object))->size;
    for (std::size_t byte = 0; byte < size; ++byte) {
      ASSERT_TRUE(env_.flip(store_.path_of(object), byte, static_cast<int>(byte % 8)));
      EXPECT_EQ(store_.get(object).error().kind, ErrorKind::kDenied);
      EXPECT_FALSE(store_.verify(object));
      EXPECT_FALSE(store_.verify(directory));
      const fs::path out = "/out" + std::to_string(++round);
      EXPECT_FALSE(store_.materialise(directory, out));
      EXPECT_FALSE(store_.materialise(object, out));
      EXPECT_FALSE(env_.exists(out)) << "nothing is left of a refused copy";
      auto reader = store_.open(object);
      ASSERT_TRUE(reader);
      Bytes buffer(3);
      Result<std::size_t> got = reader->read(buffer);
      while (got && *got > 0) got = reader->read(buffer);
      EXPECT_FALSE(got) << "the end is reported only when the whole was right";
      ASSERT_TRUE(env_.flip(store_.path_of(object), byte, static_cast<int>(byte % 8)));
    }
  }
  EXPECT_TRUE(store_.materialise(directory, "/good"));
}

TEST_F(Stores, AReaderReportsTheEndOfAGoodObject) {
  const Digest digest = *store_.put(as_bytes("hello"));
  auto reader = store_.open(digest);
  Bytes buffer(2);
  std::string text;
  Result<std::size_t> got = reader->read(buffer);
  for (; got && *got > 0; got = reader->read(buffer)) text += as_text(BytesView(buffer).first(*got));
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(text, "hello");
}

TEST_F(Stores, PuttingAgainMendsAChangedObject) {
  const Digest digest = *store_.put(as_bytes("hello"));
  ASSERT_TRUE(env_.flip(store_.path_of(digest), 0, 0));
  EXPECT_FALSE(store_.get(digest));
  ASSERT_TRUE(store_.put(as_bytes("hello")));
  EXPECT_EQ(as_text(*store_.get(digest)), "hello");
}

TEST_F(Stores, AFileThatReadsAsAManifestIsNoFile) {
  const Manifest manifest{{{"etc/passwd", EntryMode::kFile, 1, sha256("x")}}};
  const std::string text = serialize(manifest);
  EXPECT_FALSE(store_.put(as_bytes(text)));
  ASSERT_TRUE(env_.write_new("/m.json", as_bytes(text), 0644));
  EXPECT_FALSE(store_.put_file("/m.json"));
  EXPECT_FALSE(store_.has(sha256(text)));
  EXPECT_TRUE(env_.list("/store/tmp")->empty());
  EXPECT_TRUE(store_.put(as_bytes(text + " "))) << "only a manifest to the letter";
}

TEST_F(Stores, APathThatIsNoDirectoryOrFileIsRefused) {
  EXPECT_FALSE(store_.put_path("/nothing"));
  ASSERT_TRUE(make_tree(env_, "/in"));
  EXPECT_TRUE(store_.put_path("/in"));
  EXPECT_TRUE(store_.put_path("/in/a.txt"));
}

// The acknowledged puts must be there, whole; whatever else there is must hash to its name; and work goes on.
void expect_sound(FaultEnv& env, Store& store, const std::vector<Digest>& acknowledged,
                  const std::string& where) {
  for (const Digest& digest : acknowledged) {
    const auto good = store.verify(digest);
    EXPECT_TRUE(good) << where << ": " << good.error().message;
  }
  const auto objects = store.list();
  ASSERT_TRUE(objects) << where << ": " << objects.error().message;
  // A torn object may lie there under its name, never acknowledged; it must not be handed out.
  for (const Digest& digest : *objects) {
    const auto bytes = store.get(digest);
    if (bytes) {
      EXPECT_EQ(sha256(*bytes), digest) << where;
    }
  }
  ASSERT_TRUE(store.sweep()) << where;
  EXPECT_TRUE(env.list("/store/tmp")->empty()) << where;
  const auto again = store.put_directory("/in");
  ASSERT_TRUE(again) << where << ": " << again.error().message;
  EXPECT_TRUE(store.verify(*again)) << where;
}

Result<void> puts(Store& store, std::vector<Digest>& acknowledged) {
  acknowledged.push_back(TRY(store.put(as_bytes("first"))));
  acknowledged.push_back(TRY(store.put_file("/in/sub/run.sh")));
  acknowledged.push_back(TRY(store.put_directory("/in")));
  acknowledged.push_back(TRY(store.put(as_bytes("last"))));
  return {};
}

TEST(StoreFaults, APowerCutAtAnyOperationLosesNothingAcknowledged) {
  int cuts = 0;
  for (const Survival survival : {Survival::kAll, Survival::kSynced, Survival::kSome}) {
    const std::uint64_t seeds = survival == Survival::kSome ? 8 : 1;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      for (std::uint64_t cut = 1;; ++cut) {
        FaultEnv env(seed);
        Store store(env, "/store");
        ASSERT_TRUE(make_tree(env, "/in"));
        ASSERT_TRUE(store.create());
        for (const char* path : {"/in/a.txt", "/in/sub/run.sh", "/in/sub/again.txt"})
          ASSERT_TRUE(env.sync_file(path));
        for (const char* path : {"/in", "/in/sub", "/"}) ASSERT_TRUE(env.sync_directory(path));
        env.cut_at(cut);
        std::vector<Digest> acknowledged;
        const bool finished = puts(store, acknowledged).has_value();
        env.reboot(survival);
        ++cuts;
        expect_sound(env, store, acknowledged,
                     "cut " + std::to_string(cut) + " seed " + std::to_string(seed) + " survival " +
                         std::to_string(static_cast<int>(survival)));
        if (testing::Test::HasFailure()) return;
        if (finished) break;
      }
    }
  }
  EXPECT_GT(cuts, 300);
}

TEST(StoreFaults, AFullDiskIsAnErrorAndLosesNothing) {
  for (std::uint64_t room = 0; room < 700; room += 5) {
    FaultEnv env;
    Store store(env, "/store");
    ASSERT_TRUE(make_tree(env, "/in"));
    ASSERT_TRUE(store.create());
    env.set_capacity(20 + room);
    std::vector<Digest> acknowledged;
    const auto done = puts(store, acknowledged);
    if (!done) {
      EXPECT_EQ(done.error().kind, ErrorKind::kIo) << done.error().message;
    }
    EXPECT_TRUE(env.list("/store/tmp")->empty()) << "a failed put must give its space back";
    env.set_capacity(UINT64_MAX);
    expect_sound(env, store, acknowledged, "room " + std::to_string(room));
  }
}

}  // namespace
}  // namespace sallyport::trust
