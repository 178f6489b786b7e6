#include "drills/forges/pickles.h"

#include <gtest/gtest.h>

#include <set>

#include "formats/pickle_scan.h"

namespace sallyport::drills::forges {
namespace {

TEST(HostilePickles, AreManyAndEachIsFoundWithoutAFalseReason) {
  std::set<std::string> names;
  for (const HostilePickle& hostile : hostile_pickles()) {
    EXPECT_TRUE(names.insert(hostile.name).second) << hostile.name;
    const formats::pickle::Report report = formats::pickle::scan_pickles(as_bytes(hostile.bytes));
    EXPECT_FALSE(report.concerns.empty()) << hostile.name;
    bool acts = false;
    for (const auto& concern : report.concerns) acts = acts || concern.how != formats::pickle::How::kImported;
    EXPECT_TRUE(acts) << hostile.name << " is only seen to import";
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kHostilePickles));
}

}  // namespace
}  // namespace sallyport::drills::forges
