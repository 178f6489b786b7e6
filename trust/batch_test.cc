// Every way of changing a batch on its way, at sampled places, against the honest batch. Prints what the
// catalogue asks of acq-ingest-tamper: tampered batches accepted, benign ones rejected, and the speed of the
// check.
#include "trust/batch.h"
#include "tests/paths.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "core/env.h"
#include "trust/workspace.h"

namespace sallyport::trust {
namespace {

constexpr std::int64_t kLastSequence = 7;

class Batch : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    auto workspace = create_workspace(system_env(), folder_);
    ASSERT_TRUE(workspace) << workspace.error().message;
    workspace_ = *workspace;
    auto root = workspace_.load_root();
    ASSERT_TRUE(root);
    root_.emplace(*std::move(root));
    auto file = system_env().read_file(fs::path(tests::source_dir()) / "tests/data/digits.csv");
    ASSERT_TRUE(file);
    data_ = *std::move(file);
    manifest_ = manifest_of(data_, "digits", kLastSequence + 1, "producer");
    auto ledger = workspace_.open_ledger(*root_);
    ASSERT_TRUE(ledger);
    for (std::int64_t sequence = 1; sequence <= kLastSequence; ++sequence) {
      const auto old = parse_envelope(manifest_of(data_, "digits", sequence, "producer"));
      ASSERT_TRUE(ledger->add(*old, *workspace_.load_key("log", *root_)));
    }
    ledger_.emplace(*std::move(ledger));
  }
  void TearDown() override { fs::remove_all(folder_); }

  Bytes manifest_of(BytesView data, const std::string& feed, std::int64_t sequence,
                    const std::string& signer) {
    const auto key = workspace_.load_key(signer, *root_);
    EXPECT_TRUE(key);
    const Statement statement = batch_statement("digits.csv", data, feed, sequence);
    return to_bytes(serialize(sign_statement(statement, std::span(&*key, 1))));
  }

  bool accepted(BytesView manifest, BytesView data) {
    const auto batch = verify_batch(manifest, data, *root_);
    return batch && check_sequence(*batch, *ledger_, Again::kRefused);
  }

  // Tries one change and counts it under its class.
  void tamper(BytesView manifest, BytesView data) {
    ++tried_;
    accepted_ += accepted(manifest, data) ? 1 : 0;
  }
  void print(const char* what) {
    std::printf("  %s: %zu tampered batches accepted of %zu\n", what, accepted_, tried_);
    EXPECT_EQ(accepted_, 0U) << what;
    EXPECT_GT(tried_, 0U) << what;
    tried_ = accepted_ = 0;
  }

  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    std::string_view rest = as_text(data_);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n') + 1;
      out.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    return out;
  }
  static Bytes joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += line;
    return to_bytes(out);
  }

  const fs::path folder_ = fs::temp_directory_path() / ("sallyport-batch-" + std::to_string(getpid()));
  Workspace workspace_;
  std::optional<Root> root_;
  std::optional<Ledger> ledger_;
  Bytes data_;
  Bytes manifest_;
  std::size_t tried_ = 0;
  std::size_t accepted_ = 0;
};

TEST_F(Batch, HonestBatchIsAcceptedAsOftenAsItIsRead) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(accepted(manifest_, data_));
  const auto verified = verify_batch(manifest_, data_, *root_);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->predicate.rows, 1798);
  EXPECT_EQ(verified->data, sha256(data_));
}

TEST_F(Batch, BitFlipsAreRefused) {
  Bytes data = data_;
  for (std::size_t at = 0; at < data.size(); at += 997) {
    data[at] = static_cast<std::uint8_t>(data[at] ^ (1U << (at % 8)));
    tamper(manifest_, data);
    data[at] = data_[at];
  }
  print("one bit of the data");
  Bytes manifest = manifest_;
  for (std::size_t at = 0; at < manifest.size(); ++at) {
    for (const unsigned bit : {0U, 5U}) {
      manifest[at] = static_cast<std::uint8_t>(manifest[at] ^ (1U << bit));
      tamper(manifest, data_);
      manifest[at] = manifest_[at];
    }
  }
  print("one bit of the manifest");
}

TEST_F(Batch, RowsThatAreDroppedRepeatedSwappedOrAddedAreRefused) {
  const std::vector<std::string> lines = this->lines();
  for (std::size_t row = 0; row + 1 < lines.size(); row += 61) {
    const auto at = static_cast<std::ptrdiff_t>(row);
    std::vector<std::string> changed = lines;
    changed.erase(changed.begin() + at);
    tamper(manifest_, joined(changed));
    changed = lines;
    changed.insert(changed.begin() + at, lines[row]);
    tamper(manifest_, joined(changed));
    changed = lines;
    std::swap(changed[row], changed[row + 1]);
    tamper(manifest_, joined(changed));
    changed = lines;
    changed[row].insert(changed[row].size() - 1, 1, '\r');
    tamper(manifest_, joined(changed));
    changed = lines;
    changed[row].pop_back();  // two records become one
    tamper(manifest_, joined(changed));
  }
  print("a row dropped, repeated, swapped, ended otherwise or joined to the next");
  Bytes data = data_;
  data.pop_back();
  tamper(manifest_, data);
  data = data_;
  data.push_back('\n');
  tamper(manifest_, data);
  tamper(manifest_, Bytes{});
  tamper(manifest_, BytesView(data_).first(data_.size() / 2));
  print("the end of the data");
}

TEST_F(Batch, ReplaysAndForeignSignaturesAreRefused) {
  for (std::int64_t sequence = 1; sequence <= kLastSequence; ++sequence) {
    Bytes other = data_;
    other[other.size() - 2] = '7';
    tamper(manifest_of(other, "digits", sequence, "producer"), other);
  }
  print("another batch under a sequence number that was used");
  for (std::int64_t sequence = 1; sequence <= kLastSequence; ++sequence) {
    tamper(manifest_of(data_, "digits", sequence, "producer"), data_);
  }
  print("a batch that was collected before, played again");
  tamper(manifest_of(data_, "digits", kLastSequence + 1, "audit"), data_);
  tamper(manifest_of(data_, "digits", kLastSequence + 1, "runner"), data_);
  const auto stranger = PrivateKey::from_ed25519_seed(Bytes(32, 9));
  const Statement statement = batch_statement("digits.csv", data_, "digits", kLastSequence + 1);
  tamper(to_bytes(serialize(sign_statement(statement, std::span(&*stranger, 1)))), data_);
  Statement other_kind = statement;
  other_kind.predicate_type = predicate::kSeal;
  const auto producer = workspace_.load_key("producer", *root_);
  tamper(to_bytes(serialize(sign_statement(other_kind, std::span(&*producer, 1)))), data_);
  print("a signature that is no producer's, or of another statement");
}

TEST_F(Batch, TheLastBatchMayBeReadAgainWhereThatIsAskedFor) {
  for (const std::int64_t sequence : {kLastSequence - 1, kLastSequence}) {
    const auto batch = verify_batch(manifest_of(data_, "digits", sequence, "producer"), data_, *root_);
    ASSERT_TRUE(batch);
    EXPECT_EQ(check_sequence(*batch, *ledger_, Again::kAllowed).has_value(), sequence == kLastSequence);
  }
}

TEST_F(Batch, ChecksFasterThanADiskReads) {
  Bytes large;
  while (large.size() < 8U << 20) large.insert(large.end(), data_.begin(), data_.end());
  const Bytes manifest = manifest_of(large, "digits", kLastSequence + 1, "producer");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(accepted(manifest, large));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("  verified %.0f MB/s\n", static_cast<double>(large.size()) / 1e6 / seconds);
  EXPECT_LT(seconds, 5);
}

}  // namespace
}  // namespace sallyport::trust
