#include "trust/batcher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/fault_env.h"
#include "trust/tlog.h"

namespace sallyport::trust {
namespace {

using Numbers = Batcher<int, int>;

TEST(Batchers, OneCommitAtATimeForAllWhoWait) {
  std::atomic<int> inside = 0;
  std::atomic<int> commits = 0;
  bool overlapped = false;
  std::size_t largest = 0;
  Numbers batcher(
      [&](std::span<const int> items) -> Result<std::vector<int>> {
        overlapped = overlapped || inside.fetch_add(1) != 0;
        largest = std::max(largest, items.size());
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        ++commits;
        inside.fetch_sub(1);
        std::vector<int> out;
        for (const int item : items) out.push_back(item + 1);
        return out;
      },
      16);
  constexpr int kThreads = 32;
  constexpr int kEach = 20;
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const int item = t * kEach + i;
          const auto done = batcher.submit(item);
          if (!done || *done != item + 1) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_FALSE(overlapped);
  EXPECT_LE(largest, 16U);
  EXPECT_GT(largest, 1U) << "nobody shared a commit";
  EXPECT_LT(commits, kThreads * kEach);
}

TEST(Batchers, ABadItemFailsNobodyElse) {
  std::atomic<int> full = 0;
  Numbers batcher(
      [&](std::span<const int> items) -> Result<std::vector<int>> {
        if (full != 0) return fail(ErrorKind::kIo, "the disk is full");
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        for (const int item : items) {
          if (item < 0) return invalid("negative");
        }
        return std::vector<int>(items.begin(), items.end());
      },
      64);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 1; t <= 24; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          const bool bad = t % 6 == 0;
          if (batcher.submit(bad ? -t : t).has_value() == bad) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  full = 1;
  EXPECT_EQ(batcher.submit(1).error().kind, ErrorKind::kIo);
  full = 0;
  EXPECT_EQ(*batcher.submit(7), 7) << "the next goes on";
}

TEST(Batchers, EveryIndexOfALogIsGivenOnce) {
  tests::FaultEnv env;
  const PrivateKey key = *PrivateKey::generate(env);
  Log log = *Log::create(env, "/log", {"example.org/log", {key.public_key()}}, key);
  Batcher<Bytes, std::uint64_t> batcher(
      [&](std::span<const Bytes> entries) -> Result<std::vector<std::uint64_t>> {
        const std::uint64_t first = TRY(log.append(entries, key));
        std::vector<std::uint64_t> out;
        for (std::size_t i = 0; i < entries.size(); ++i) out.push_back(first + i);
        return out;
      },
      256);
  std::mutex mutex;
  std::map<std::uint64_t, Bytes> said;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 16; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 30; ++i) {
          const Bytes entry = to_bytes("entry " + std::to_string(t) + " " + std::to_string(i));
          const auto index = batcher.submit(entry);
          const std::scoped_lock lock(mutex);
          ASSERT_TRUE(index);
          ASSERT_TRUE(said.emplace(*index, entry).second);
        }
      });
    }
  }
  ASSERT_EQ(log.size(), 480U);
  const auto entries = log.entries(0, 480);
  ASSERT_TRUE(entries);
  for (std::uint64_t i = 0; i < 480; ++i) EXPECT_EQ(said.at(i), (*entries)[i]);
  EXPECT_TRUE(log.fsck());
}

}  // namespace
}  // namespace sallyport::trust
