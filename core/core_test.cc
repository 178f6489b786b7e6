#include <gtest/gtest.h>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/env.h"
#include "core/gate.h"
#include "core/hasher_beside.h"
#include "core/policy.h"
#include "core/yaml.h"

namespace sallyport {
namespace {

TEST(Bytes, Base64RoundTripsAndIsStrict) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    const auto back = from_base64(to_base64(as_bytes(text)));
    ASSERT_TRUE(back);
    EXPECT_EQ(as_text(*back), text);
  }
  EXPECT_EQ(to_base64(as_bytes("foobar")), "Zm9vYmFy");
  for (const char* bad : {"Zg=", "Zg", "Zh==", "Z===", "Zg==Zg==", " Zg=", "Zm9="}) {
    EXPECT_FALSE(from_base64(bad)) << bad;
  }
}

// Beside the caller or not, in whatever pieces it comes.
TEST(Digest, AStreamHashedBesideIsHashedAlike) {
  Bytes bytes(9'000'001);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i >> 5);
  for (const std::size_t size : {0UL, 1UL, 4UL << 20, (4UL << 20) + 1, 9'000'001UL}) {
    for (const std::size_t piece : {65'537UL, 700'000UL, 9'000'001UL}) {
      HasherBeside hasher;
      for (std::size_t at = 0; at < size; at += piece) {
        hasher.add(BytesView(bytes).subspan(at, std::min(piece, size - at)));
      }
      EXPECT_EQ(hasher.finish(), sha256(BytesView(bytes).first(size))) << size << " by " << piece;
    }
  }
  HasherBeside abandoned;
  abandoned.add(bytes);
}

TEST(Digest, MatchesPublishedVectors) {
  EXPECT_EQ(sha256("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Hasher hasher;
  hasher.add(as_bytes("a"));
  hasher.add(as_bytes("bc"));
  EXPECT_EQ(hasher.finish(), sha256("abc"));
  EXPECT_EQ(hasher.finish(), sha256(""));
  EXPECT_FALSE(Digest::parse("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
}

TEST(Json, RefusesWhatHostileTextExploits) {
  EXPECT_FALSE(parse_json(R"({"a":1,"a":2})"));
  EXPECT_FALSE(parse_json(R"({"a":1} x)"));
  EXPECT_FALSE(parse_json(R"({"a":1e999})"));
  EXPECT_FALSE(parse_json("\"\xff\""));
  EXPECT_FALSE(parse_json(std::string(100, '[') + std::string(100, ']')));
  const auto value = parse_json(R"({"b":[1,2.5,"x"],"a":{"a":null}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(canonical(*value), R"({"a":{"a":null},"b":[1,2.5,"x"]})");
}

TEST(Yaml, ReadsConfigurationAndRefusesTheRest) {
  const auto value = parse_yaml("a: 1\nb: [x, 2.5, 'true', true]\nc: {d: ~}\n", "t.yaml");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(canonical(*value), R"({"a":1,"b":["x",2.5,"true",true],"c":{"d":null}})");
  for (const char* bad : {"a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!python/object:os.system x\n",
                          "a: 1\n---\nb: 2\n", "? [x]\n: 1\n", "a: [1\n"}) {
    const auto got = parse_yaml(bad, "t.yaml");
    ASSERT_FALSE(got) << bad;
    EXPECT_NE(got.error().message.find("t.yaml: line "), std::string::npos) << got.error().message;
  }
}

TEST(Time, RoundTrips) {
  EXPECT_EQ(format_time(*parse_time("2026-11-23T13:05:00Z")), "2026-11-23T13:05:00Z");
  EXPECT_EQ(format_time(*parse_time("2026-11-23")), "2026-11-23T00:00:00Z");
  EXPECT_FALSE(parse_time("2026-02-30"));
}

constexpr Guard kWall{.id = "wall",
                      .threats = {"acq-ingest-tamper"},
                      .summary = "refuses every file",
                      .looks_for = "anything",
                      .file = [](const FileSubject& file, const Parameters&) -> Result<Examination> {
                        return Examination{{{.where = {.path = file.path}, .message = "is a file"}}, {}};
                      }};

TEST(Gate, BlocksWarnsWaivesAndRefusesWhenItCannotTell) {
  const Guard* guards[] = {&kWall};
  const Subjects subjects{.files = {{"a.txt", {"a.txt", {}}}}};
  EXPECT_EQ(pass_gate(Stage::kExport, guards, subjects, {}, 0)->verdict, Verdict::kBlock);

  const auto lenient = parse_policy("block-at: critical\n", "p");
  EXPECT_EQ(pass_gate(Stage::kExport, guards, subjects, *lenient, 0)->verdict, Verdict::kWarn);

  const auto waived = parse_policy(
      "waivers: [{guard: wall, path: a.txt, owner: ana, reason: known, expires: 2027-01-01}]\n", "p");
  ASSERT_TRUE(waived) << waived.error().message;
  EXPECT_EQ(pass_gate(Stage::kExport, guards, subjects, *waived, 0)->verdict, Verdict::kPass);
  EXPECT_EQ(pass_gate(Stage::kExport, guards, subjects, *waived, 1'800'000'000)->verdict, Verdict::kBlock);

  const auto demanding = parse_policy("stages: {export: {require: [other]}}\n", "p");
  EXPECT_EQ(pass_gate(Stage::kExport, guards, {}, *demanding, 0)->verdict, Verdict::kCannotTell);
  EXPECT_FALSE(parse_policy("blok-at: high\n", "p"));
}

}  // namespace
}  // namespace sallyport
