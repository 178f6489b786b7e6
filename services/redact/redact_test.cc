#include "services/redact/redact.h"

#include <gtest/gtest.h>

#include <random>

#include "core/bytes.h"
#include "services/redact/step_log.h"

namespace sallyport::services::redact {
namespace {

// Made of parts, so that no scanner of secrets sees one in this file.
const std::string kKey = std::string("s3cr/t+") + "Kq8\"v<2&mXz'9";

Redactor redactor() { return *Redactor::make({{"KEY", kKey}, {"OTHER", "plain-other-value"}}); }

std::string in_chunks(const Redactor& redactor, std::string_view text, std::size_t size) {
  Redactor::Stream stream = redactor.stream();
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size())))
    out += stream.take(text.substr(0, size));
  return out + stream.finish();
}

std::string base64_of(const std::string& text) { return to_base64(as_bytes(text)); }

TEST(Redact, EachFormIsTakenOutWhateverTheChunks) {
  const Redactor one = redactor();
  for (const std::string& form : forms_of(kKey)) {
    const std::string text = "before " + form + "\nbehind " + form + form + ".";
    for (const std::size_t size : {1U, 2U, 3U, 7U, 1000U}) {
      EXPECT_EQ(in_chunks(one, text, size), "before [redacted KEY]\nbehind [redacted KEY][redacted KEY].")
          << form << " " << size;
    }
    std::string folded;
    for (const char c : form) folded += std::string(1, c) + "\r\n";
    EXPECT_EQ(one.redact("a " + folded), "a [redacted KEY]\r\n") << form;
  }
}

// Whatever stands before and behind it in the encoded text.
TEST(Redact, Base64IsFoundAtEachAlignment) {
  const Redactor one = redactor();
  for (std::size_t before = 0; before < 7; ++before) {
    for (std::size_t behind = 0; behind < 7; ++behind) {
      const std::string text = base64_of(std::string(before, 'x') + kKey + std::string(behind, 'y'));
      const std::string out = one.redact(text);
      EXPECT_NE(out.find("[redacted KEY]"), std::string::npos) << before << " " << behind << " " << out;
      EXPECT_LE(out.size(), text.size() - kKey.size() * 4 / 3 + 4 + 14);
    }
  }
}

TEST(Redact, OrdinaryTextPassesAsItIs) {
  const Redactor one = redactor();
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += static_cast<char>(random() % 256);
  text += "plain-other-valu s3cr/t+ cGxhaW4tb3RoZXI";
  for (const std::size_t size : {1U, 13U, 4096U}) EXPECT_EQ(in_chunks(one, text, size), text) << size;
}

// A secret within another, one that begins where another ends, and one that never ends.
TEST(Redact, OverlapsShowNothing) {
  const Redactor one =
      *Redactor::make({{"LONG", "abcdefghijklmnop"}, {"INNER", "defghijk"}, {"NEXT", "mnopqrstuv"}});
  EXPECT_EQ(one.redact("-abcdefghijklmnop-").find("defg"), std::string::npos);
  const std::string both = one.redact("-abcdefghijklmnopqrstuv-");
  EXPECT_EQ(both.find("abc"), std::string::npos) << both;
  EXPECT_EQ(both.find("tuv"), std::string::npos) << both;
  EXPECT_EQ(one.redact("-abcdefghijklm"), "-abc[redacted INNER]lm");
  EXPECT_EQ(one.redact("-abcdef"), "-abcdef");
}

TEST(Redact, EndsOfLinesAloneAreNotHeldForEver) {
  const Redactor one = redactor();
  Redactor::Stream stream = one.stream();
  std::string out = stream.take("s3cr");
  const std::string lines(1 << 20, '\n');
  out += stream.take(lines);
  EXPECT_GT(out.size(), lines.size() / 2);
  EXPECT_EQ(out + stream.finish(), "s3cr" + lines);
}

TEST(Redact, ASecretThatIsTooShortIsRefused) {
  EXPECT_FALSE(Redactor::make({{"PIN", "1234567"}}));
  EXPECT_TRUE(Redactor::make({}));
  EXPECT_EQ(Redactor::make({})->redact("text"), "text");
}

TEST(StepLog, KeepsTheLastLinesOfBothStreamsWithoutSecrets) {
  StepLog log(redactor(), 5);
  log.add(StepLog::From::kOut, "dropped");
  log.add(StepLog::From::kOut, "loss 0.5");
  log.add(StepLog::From::kOut, "key " + kKey.substr(0, 9));
  log.add(StepLog::From::kErr, "token " + std::string("ghp_") + "pW6gQhWBd1VwD7xkX6CHT9Tt8DNSMb0lE5vC");
  log.add(StepLog::From::kOut, kKey.substr(9) + " behind");
  log.add(StepLog::From::kErr, std::string("-----BEGIN RSA ") + "PRIVATE KEY-----");
  log.add(StepLog::From::kErr, "MIIEowIBAAKCAQEA");
  log.add(StepLog::From::kErr, std::string("-----END RSA ") + "PRIVATE KEY-----");
  const std::vector<std::string> lines = log.finish();
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[0], "loss 0.5");
  EXPECT_TRUE(lines[1].starts_with("token [redacted: ")) << lines[1];
  EXPECT_EQ(lines[2], "key [redacted KEY] behind");
  EXPECT_EQ(lines[3], "[redacted: a private key]");
  EXPECT_EQ(lines[4], "[redacted: a private key]");
}

}  // namespace
}  // namespace sallyport::services::redact
