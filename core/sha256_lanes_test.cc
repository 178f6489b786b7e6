#include "core/sha256_lanes.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "core/digest_files.h"

namespace sallyport {
namespace {

std::vector<Digest> each(const std::vector<Bytes>& messages) {
  std::vector<Digest> out(messages.size());
  std::array<std::size_t, kSha256Lanes> at{};
  std::size_t next = 0;
  sha256_each(
      [&](std::size_t lane) -> std::optional<BytesView> {
        if (next == messages.size()) return {};
        at[lane] = next;
        return messages[next++];
      },
      [&](std::size_t lane, const Digest& digest) { out[at[lane]] = digest; });
  return out;
}

Digest by_openssl(const Bytes& message) {
  Hasher hasher;
  hasher.add(message);
  return hasher.finish();
}

TEST(Sha256Lanes, EveryLengthAroundABlockAgreesWithOpenSsl) {
  std::mt19937 random(7);
  std::vector<Bytes> messages;
  for (std::size_t size = 0; size < 300; ++size) {
    Bytes message(size);
    for (std::uint8_t& byte : message) byte = static_cast<std::uint8_t>(random());
    messages.push_back(std::move(message));
  }
  const std::vector<Digest> got = each(messages);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(got[i], by_openssl(messages[i])) << i;
    EXPECT_EQ(sha256(messages[i]), got[i]) << i;
  }
}

TEST(Sha256Lanes, LanesOfUnequalLengthDoNotMix) {
  std::mt19937 random(11);
  for (std::size_t count = 0; count < 12; ++count) {
    std::vector<Bytes> messages;
    for (std::size_t i = 0; i < count; ++i) {
      messages.emplace_back(random() % 40'000, static_cast<std::uint8_t>(random()));
    }
    const std::vector<Digest> got = each(messages);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(got[i], by_openssl(messages[i])) << count << " " << i;
  }
}

class DigestFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-files-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::filesystem::path folder_;
};

TEST_F(DigestFiles, GivesWhatOneFileAtATimeGives) {
  std::vector<std::filesystem::path> paths;
  for (std::size_t i = 0; i < 40; ++i) {
    paths.push_back(write(std::to_string(i), std::string(i * i * 997, static_cast<char>('a' + i % 26))));
  }
  for (const unsigned threads : {1U, 3U, 0U}) {
    const auto got = digest_files(system_env(), paths, threads);
    ASSERT_TRUE(got) << got.error().message;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto one = system_env().digest_file(paths[i]);
      ASSERT_TRUE(one);
      EXPECT_EQ((*got)[i].digest, one->digest) << i;
      EXPECT_EQ((*got)[i].size, one->size) << i;
    }
  }
}

TEST_F(DigestFiles, AMissingFileIsAnErrorThatNamesIt) {
  const std::vector<std::filesystem::path> paths{write("a", "a"), folder_ / "missing", write("b", "b")};
  const auto got = digest_files(system_env(), paths, 2);
  ASSERT_FALSE(got);
  EXPECT_NE(got.error().message.find("missing"), std::string::npos);
}

}  // namespace
}  // namespace sallyport
