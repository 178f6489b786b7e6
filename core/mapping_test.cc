#include "core/mapping.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace sallyport {
namespace {

namespace fs = std::filesystem;

class Mapped : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sallyport-mapping-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(std::string_view text) {
    const fs::path path = folder_ / "file";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  fs::path folder_;
};

TEST_F(Mapped, ShowsTheBytesOfAFile) {
  const auto mapping = Mapping::open(write("abc"));
  ASSERT_TRUE(mapping);
  EXPECT_EQ(as_text(mapping->bytes()), "abc");
  EXPECT_TRUE(mapping->unchanged());
  const auto empty = Mapping::open(write(""));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->bytes().empty());
}

TEST_F(Mapped, RefusesWhatIsNoFile) {
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  fs::create_symlink(write("x"), folder_ / "link");
  EXPECT_NE(Mapping::open(folder_ / "fifo").error().message.find("is a FIFO"), std::string::npos);
  EXPECT_NE(Mapping::open(folder_ / "link").error().message.find("symbolic link"), std::string::npos);
  EXPECT_NE(Mapping::open(folder_).error().message.find("is a directory"), std::string::npos);
  EXPECT_EQ(Mapping::open(folder_ / "none").error().kind, ErrorKind::kNotFound);
}

TEST_F(Mapped, AFileThatIsCutShortMeanwhileEndsNobody) {
  const fs::path path = write(std::string(1 << 20, 'x'));
  const auto mapping = Mapping::open(path);
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->bytes()[10], 'x');
  ASSERT_EQ(::truncate(path.c_str(), 5000), 0);
  std::uint64_t sum = 0;
  for (const std::uint8_t byte : mapping->bytes()) sum += byte;
  EXPECT_LE(sum, std::uint64_t{'x'} * (1 << 20));
  EXPECT_FALSE(mapping->unchanged());
}

}  // namespace
}  // namespace sallyport
