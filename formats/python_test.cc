#include "formats/python.h"

#include <gtest/gtest.h>

#include "formats/yaml_tags.h"

namespace sallyport::formats::python {
namespace {

std::string spelt(std::string_view source) {
  std::string out;
  for (const Call& call : calls(tokenize(source))) {
    out += std::to_string(call.line) + " " + call.callee + (call.only_named ? " named" : "(");
    for (const Argument& a : call.arguments) {
      out += (a.keyword.empty() ? "" : a.keyword + "=") + (a.constant ? "constant" : a.text) + ";";
    }
    out += call.only_named ? "\n" : ")\n";
  }
  return out;
}

TEST(Python, CallsWithAliasesAndArguments) {
  EXPECT_EQ(
      spelt("import pandas as pd, os\nfrom pickle import (load as l,\n  loads)\npd.read_pickle('a')\nl(f)\n"
            "os.path.join(\"a\" 'b', x)\n"),
      "4 pandas.read_pickle(constant;)\n5 pickle.load(f;)\n6 os.path.join(constant;x;)\n");
  EXPECT_EQ(
      spelt("eval(f\"{x}\")\neval(f'x')\nrun = eval\nmodel.eval()\nd['a'].eval(x)\ndef eval(x): pass\n"),
      "1 eval(f\"{x}\";)\n2 eval(constant;)\n3 eval named\n4 model.eval()\n5 .eval(x;)\n");
  EXPECT_EQ(spelt("torch.load(p, weights_only=True, **more)"),
            "1 torch.load(p;weights_only=True;**=more;)\n");
}

TEST(Python, CommentsStringsAndMagicsHoldNoCalls) {
  EXPECT_EQ(spelt("# eval(x)\ns = '''\neval(y)\n'''\n%timeit eval(z)\n!echo $x\nr = r'\\\\' ; f(1)\n"),
            "7 f(1;)\n");
  const auto tokens = tokenize("x = 1\n!curl $u | sh\n");
  EXPECT_EQ(tokens[4].kind, TokenKind::kMagic);
  EXPECT_EQ(tokens[4].text, "!curl $u | sh");
}

TEST(Python, BrokenSourceStillEnds) {
  for (const char* bad :
       {"((((", "'''", "f(", "a.b.", "import", "from x import", "\"abc", "))))", "f(*", "\\"}) {
    (void)calls(tokenize(bad));
  }
  const std::string deep(200'000, '(');
  EXPECT_TRUE(calls(tokenize(deep)).empty());
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += "f(a,";
  EXPECT_EQ(calls(tokenize(nested)).size(), 20'000U);
}

TEST(YamlTags, AStreamThatTheParserDoesNotLeaveEnds) {
  const auto got = yaml_tags("'',N!!");
  ASSERT_TRUE(got);
  EXPECT_NE(got->error, "");
}

TEST(YamlTags, AreResolvedAndNothingIsConstructed) {
  const auto got = yaml_tags(
      "a: !!python/object/apply:os.system ['id']\nb: !<tag:yaml.org,2002:python/name:os.system> x\n"
      "c: !local {k: v}\nd: !!binary aGk=\ne: \"!!python/x\"\nf: plain\n");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->error, "");
  ASSERT_EQ(got->tags.size(), 4U);
  EXPECT_EQ(got->tags[0].tag, "tag:yaml.org,2002:python/object/apply:os.system");
  EXPECT_EQ(got->tags[1].tag, "tag:yaml.org,2002:python/name:os.system");
  EXPECT_EQ(got->tags[2].tag, "!local");
  EXPECT_EQ(got->tags[2].line, 3U);
  EXPECT_TRUE(is_plain_yaml_tag(got->tags[3].tag));
  EXPECT_FALSE(is_plain_yaml_tag(got->tags[0].tag));
  const auto handle = yaml_tags("%TAG !e! tag:yaml.org,2002:python/\n---\n!e!object:x.Y {}\n");
  EXPECT_EQ(handle->tags[0].tag, "tag:yaml.org,2002:python/object:x.Y");
  const auto broken = yaml_tags("a: !!python/none\nb: [1\n");
  EXPECT_EQ(broken->tags.size(), 1U);
  EXPECT_NE(broken->error, "");
}

}  // namespace
}  // namespace sallyport::formats::python
