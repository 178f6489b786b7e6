// What lies where no structure explains it, archives in archives, and what is known by its mark alone.
#include "formats/inspect/hidden.h"

#include <gtest/gtest.h>

#include "tests/text_vectors.h"

namespace sallyport::formats::inspect {
namespace {

using namespace std::string_literals;

Inspection look(const std::string& text) { return inspect(as_bytes(text), {}); }

bool has_rule(const Inspection& inspection, std::string_view rule) {
  return std::ranges::any_of(inspection.seen, [&](const Seen& seen) { return seen.rule == rule; });
}

const std::string kOld = "cos\nsystem\n(S'true'\ntR.";
const std::string kNew = "\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."s;

TEST(Hidden, PicklesBehindOtherFormatsAreFound) {
  const std::string png = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s;
  for (const std::string& front : {png, "\xff\xd8\xff\xe0"s, "hello world\n\0"s, std::string(512, '\0')}) {
    for (const std::string& pickle : {kOld, kNew}) {
      const Inspection got = look(front + pickle);
      EXPECT_TRUE(has_rule(got, "pickle-hidden")) << front;
      EXPECT_FALSE(got.complete());
    }
  }
}

TEST(Hidden, BytesThatOnlyLookAlikeAreNot) {
  std::string noise = "\x01\x02";
  std::uint64_t state = 88172645463325252ULL;
  for (int i = 0; i < 200'000; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    noise.push_back(static_cast<char>(state));
  }
  EXPECT_FALSE(has_rule(look(noise), "pickle-hidden"));
  EXPECT_FALSE(has_rule(look(noise), "code-unexplained"));
  EXPECT_FALSE(has_rule(look("\x01\x02\x80\x04}.c code\nof a\nprogram\n"), "pickle-hidden"));
}

TEST(Hidden, CodeInFormatsThatNobodyReadsIsNamed) {
  const std::string engine = "\x00\x01ptrt engine\0\0"s;
  const Inspection lua = look(engine + "os.execute('true')" + "\0\0 and os.execute('again')"s);
  EXPECT_TRUE(has_rule(lua, "code-unexplained"));
  EXPECT_EQ(std::ranges::count(lua.seen, "code-unexplained", &Seen::rule), 1);
  EXPECT_EQ(lua.seen.front().offset, engine.size());
  EXPECT_TRUE(has_rule(look(engine + "\x7f"
                                     "ELF\x02\x01\x01"),
                       "code-unexplained"));
  EXPECT_TRUE(has_rule(look("X\n\0\0\0\3\0\0\0\x06system"s), "code-unexplained"));
  EXPECT_FALSE(has_rule(look(engine + "os.executes no more, a system of its own"), "code-unexplained"));
}

TEST(Hidden, WhatTextSpellsOutIsUnpacked) {
  const std::string packed = "gASMAm9zlIwGc3lzdGVtlJOUjAR0cnVllIWUUpQu";  // os.system('true')
  EXPECT_TRUE(has_rule(look("model = " + packed + "\n"), "pickle-dangerous-call"));
  EXPECT_TRUE(look("digest = " + packed.substr(0, 20) + "\n").complete());
}

TEST(Hidden, WhatAStructurePointsAtIsSaidOfAPlaceInTheFile) {
  // A central directory whose one member is far behind the end.
  const std::string central =
      "PK\1\2"s + std::string(24, '\0') + "\1\0"s + std::string(12, '\0') + "\0\0\x80\1"s + "a";
  const std::string end = "PK\5\6"s + std::string(4, '\0') + "\1\0\1\0"s +
                          std::string(1, static_cast<char>(central.size())) + std::string(9, '\0');
  const Inspection got = look(central + end);
  ASSERT_FALSE(got.seen.empty());
  for (const Seen& seen : got.seen) EXPECT_LE(seen.offset + seen.length, central.size() + end.size());
}

TEST(Hidden, AScriptNamedAsWeightsIsADisguise) {
  const std::string script = "#!/bin/sh\necho hello\n";
  Options options;
  options.name = "model.bin";
  EXPECT_TRUE(has_rule(inspect(as_bytes(script), options), "script-disguised"));
  options.name = "download.sh";
  EXPECT_FALSE(has_rule(inspect(as_bytes(script), options), "script-disguised"));
}

TEST(Hidden, ManyBeginningsEndSoon) {
  std::string many = "\x01";
  for (int i = 0; i < 400'000; ++i) many += "\x80\x04(";
  EXPECT_FALSE(look(many).complete());
}

TEST(Hidden, JavaObjectsAndProgramsAreNamed) {
  EXPECT_TRUE(has_rule(look("\xAC\xED\0\x05sr\0\x11java.util.HashSet"s), "java-objects"));
  const Inspection program = look("MZqFpD='\n" + std::string(64, '\0') + "/bin/sh");
  EXPECT_TRUE(has_rule(program, "native-code"));
  EXPECT_FALSE(has_rule(program, "code-unexplained"));
}

}  // namespace
}  // namespace sallyport::formats::inspect
