#include "drills/forges/pickles.h"

#include <gtest/gtest.h>

#include <set>

#include "formats/inspect/inspect.h"

namespace sallyport::drills::forges {
namespace {

TEST(HostilePickles, AreManyAndEachIsFoundWithoutAFalseReason) {
  std::set<std::string> names;
  for (const HostilePickle& hostile : hostile_pickles()) {
    EXPECT_TRUE(names.insert(hostile.name).second) << hostile.name;
    const formats::inspect::Inspection inspection =
        formats::inspect::inspect(as_bytes(hostile.bytes), {.name = hostile.name});
    bool acts = false;
    for (const formats::inspect::Seen& seen : inspection.seen) {
      acts = acts || (seen.topic == formats::inspect::Topic::kCode && !seen.rule.ends_with("-import"));
    }
    EXPECT_TRUE(acts) << hostile.name << " is not seen to act";
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kHostilePickles));
}

}  // namespace
}  // namespace sallyport::drills::forges
