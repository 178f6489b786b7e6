// MessagePack as Flax writes it, cut, changed and misused.
#include "formats/msgpack.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::msgpack {
namespace {

using namespace std::string_literals;

std::string text(const std::string& value) { return static_cast<char>(0xA0 + value.size()) + value; }
std::string blob(const std::string& value) { return "\xC4"s + static_cast<char>(value.size()) + value; }
std::string extension(char type, const std::string& value) {
  return "\xC7"s + static_cast<char>(value.size()) + type + value;
}
// [shape, type, bytes]
std::string array(int rows, const std::string& type, const std::string& data) {
  return extension(1, "\x93\x91"s + static_cast<char>(rows) + text(type) + blob(data));
}
std::string map(const std::string& key, const std::string& value) { return "\x81" + text(key) + value; }

inspect::Inspection look(const std::string& bytes) {
  return inspect::inspect(as_bytes(bytes), {.name = "flax_model.msgpack"});
}

TEST(Msgpack, WeightsOfFlaxAreAccountedForWhole) {
  const std::string honest = map("params", "\x82" + text("w") + array(2, "float32", std::string(8, '\0')) +
                                               text("step") + "\xCD\x01\x02"s);
  const auto read = msgpack::read(as_bytes(honest));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->arrays, 1U);
  EXPECT_TRUE(may_begin(as_bytes(honest)));
  const inspect::Inspection got = look(honest);
  EXPECT_EQ(got.format(), "flax-msgpack");
  EXPECT_TRUE(got.complete());
  EXPECT_TRUE(got.seen.empty());
  for (std::size_t size = 1; size < honest.size(); ++size) {
    EXPECT_FALSE(msgpack::read(as_bytes(honest.substr(0, size)))) << size;
    EXPECT_FALSE(look(honest.substr(0, size)).complete()) << size;
  }
  EXPECT_FALSE(look(honest + "x").complete());
}

TEST(Msgpack, ArraysThatDoNotFitAndStrangersAreSaid) {
  const auto rule = [](const std::string& bytes, std::string_view name) {
    const inspect::Inspection got = look(bytes);
    return std::ranges::any_of(got.seen, [&](const auto& seen) { return seen.rule == name; });
  };
  EXPECT_TRUE(rule(map("w", array(3, "float32", std::string(8, '\0'))), "msgpack-array"));
  EXPECT_TRUE(rule(map("w", array(1, "object", std::string(8, '\0'))), "msgpack-array"));
  EXPECT_FALSE(look(map("w", extension(42, "abc"))).complete());
  EXPECT_TRUE(rule(map("data", blob("cos\nsystem\n(S'true'\ntR.")), "pickle-dangerous-call"));
  EXPECT_TRUE(look(map("data", blob("abc."))).seen.empty());
}

TEST(Msgpack, DepthAndCountsAreBounded) {
  EXPECT_FALSE(msgpack::read(as_bytes(std::string(100'000, '\x91') + "\xC0")));
  EXPECT_FALSE(msgpack::read(as_bytes("\xDF\xFF\xFF\xFF\xFF"s)));
  EXPECT_FALSE(msgpack::read(as_bytes("\xC1"s)));
  EXPECT_FALSE(msgpack::read(as_bytes("\x81\x90\xC0"s))) << "a list is no key";
}

}  // namespace
}  // namespace sallyport::formats::msgpack
