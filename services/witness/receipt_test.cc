// A receipt, a policy and a request as an earlier build wrote them: what was handed out once must hold for
// ever.
#include "services/witness/receipt.h"

#include <gtest/gtest.h>

#include "tests/paths.h"
#include "trust/witness.h"

namespace sallyport::services::witness {
namespace {

constexpr std::int64_t kThatDay = 1'795'970'000;

std::string sample(const std::string& name) {
  const auto bytes = system_env().read_file(fs::path(tests::source_dir()) / "trust/testdata/witness" / name);
  EXPECT_TRUE(bytes) << bytes.error().message;
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

TEST(Receipts, OfAnEarlierDayHold) {
  const auto policy = trust::parse_witness_policy(sample("policy"));
  ASSERT_TRUE(policy) << policy.error().message;
  const auto receipt = check_receipt(sample("receipt.tlog-proof"), *policy, {.now_unix_s = kThatDay});
  ASSERT_TRUE(receipt) << receipt.error().message;
  EXPECT_EQ(receipt->index, 0U);
  EXPECT_EQ(receipt->statement.subjects.front().name, "pipeline.yaml");
  EXPECT_EQ(receipt->by.checkpoint.size, 9U);
  EXPECT_EQ(receipt->by.witnesses, (std::vector<std::string>{"w1", "w2"}));
  const auto note = trust::check_witnessed(sample("cosigned.note"), *policy, {.now_unix_s = kThatDay});
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(note->checkpoint, receipt->by.checkpoint);
  const auto request = trust::parse_add_checkpoint(sample("add-checkpoint"));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->old_size, 9U);
  EXPECT_EQ(request->checkpoint, sample("cosigned.note"));
}

}  // namespace
}  // namespace sallyport::services::witness
