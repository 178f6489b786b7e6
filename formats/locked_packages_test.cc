#include "formats/locked_packages.h"

#include <gtest/gtest.h>

namespace sallyport::formats {
namespace {

// What a fuzzer found: a pin of which one half is missing.
TEST(LockedPackages, HalfAPinIsNoPackage) {
  for (const char* pin : {"torch=", "torch==", "=1.0", "==", "conda-forge::torch="}) {
    const std::string text = "dependencies:\n- \"" + std::string(pin) + "\"\n- numpy=1.26\n";
    const auto read = read_locked_packages("environment.yml", text, "");
    ASSERT_TRUE(read) << pin;
    ASSERT_EQ(read->size(), 1U) << pin;
    EXPECT_EQ(read->front().name, "numpy");
    EXPECT_EQ(read->front().version, "1.26");
  }
  for (const char* line : {"torch==", "==1.0", "==", "torch== ; python_version > '3'"}) {
    EXPECT_TRUE(read_locked_packages("requirements.txt", line, "")->empty()) << line;
  }
}

}  // namespace
}  // namespace sallyport::formats
