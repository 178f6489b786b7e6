// data check keeps to the memory that it states: on files ten times as large, and on what unpacks to more.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/paths.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMemoryMiB = 128;

class DataMemory : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sallyport-data-memory-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  struct Ran {
    int exit = -1;
    long peak_kib = 0;  // resident, of the largest process
    std::string said = {};
  };
  Ran check(const fs::path& file) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    const std::string program = tests::sallyport();
    const std::string memory = std::to_string(kMemoryMiB);
    const std::string name = file.string();
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(ends[1], 1);
      ::dup2(ends[1], 2);
      ::close(ends[0]);
      ::execl(program.c_str(), "sallyport", "data", "check", name.c_str(), "--memory", memory.c_str(),
              nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    Ran out;
    char buffer[4096];
    for (ssize_t got = 0; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;)
      out.said.append(buffer, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    rusage used{};
    EXPECT_EQ(::wait4(child, &status, 0, &used), child);
    out.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    out.peak_kib = used.ru_maxrss;
    return out;
  }

  fs::path folder_;
};

// 1.25 GiB of doubles, of which the file system keeps only what is written: 400 rows with values.
TEST_F(DataMemory, AnArrayTenTimesAsLargeIsReadThrough) {
  constexpr std::size_t kColumns = 512;
  constexpr std::size_t kRows = 10 * kMemoryMiB * 1024 * 1024 / (8 * kColumns);
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" + std::to_string(kRows) + ", " +
                       std::to_string(kColumns) + "), }";
  header.resize(118, ' ');
  header.back() = '\n';
  const fs::path file = folder_ / "large.npy";
  std::ofstream stream(file, std::ios::binary);
  stream << "\x93NUMPY" << '\x01' << '\x00' << '\x76' << '\x00' << header;
  for (std::size_t row = 0; row < 400; ++row) {
    std::vector<double> values(kColumns);
    for (std::size_t j = 0; j < kColumns; ++j)
      values[j] = static_cast<double>((row * 7919 + j * 104'729) % 1000);
    stream.seekp(static_cast<std::streamoff>(128 + row * (kRows / 400) * 8 * kColumns));
    stream.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(8 * kColumns));
  }
  stream.close();
  fs::resize_file(file, 128 + kRows * kColumns * 8);
  const Ran ran = check(file);
  EXPECT_LE(ran.exit, 1) << ran.said;
  EXPECT_NE(ran.said.find("read through within 128 MiB"), std::string::npos) << ran.said;
  EXPECT_LE(ran.peak_kib, static_cast<long>(kMemoryMiB * 1024));
}

TEST_F(DataMemory, ABombIsRefusedWithinIt) {
  const fs::path file = folder_ / "bomb.csv.gz";
  gzFile out = gzopen(file.c_str(), "wb6");
  const std::string zeros(1 << 20, '0');
  for (int i = 0; i < 400; ++i) gzwrite(out, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(out);
  const Ran ran = check(file);
  EXPECT_EQ(ran.exit, 2) << ran.said;
  EXPECT_NE(ran.said.find("kExpansionRatioMax"), std::string::npos) << ran.said;
  EXPECT_LE(ran.peak_kib, static_cast<long>(kMemoryMiB * 1024));
}

// One line of 10 GiB, most of which takes no space on disk.
TEST_F(DataMemory, OneEndlessLineIsRefusedWithinIt) {
  const fs::path file = folder_ / "line.csv";
  std::ofstream(file) << "a,b\n1,\"" << std::string(3 << 20, 'x');
  fs::resize_file(file, std::uintmax_t{10} << 30);
  const Ran ran = check(file);
  EXPECT_EQ(ran.exit, 2) << ran.said;
  EXPECT_NE(ran.said.find("column b"), std::string::npos) << ran.said;
  EXPECT_LE(ran.peak_kib, static_cast<long>(kMemoryMiB * 1024));
}

}  // namespace
}  // namespace sallyport
