#include "formats/html.h"

#include <gtest/gtest.h>

#include <random>

namespace sallyport::formats::html {
namespace {

std::string hazards(std::string_view html) {
  std::string out;
  for (const Sighting& sighting : hazards_of(html)) out += std::string(name_of(sighting.hazard)) + ";";
  return out;
}

TEST(html, finds_what_acts_however_it_is_spelled) {
  EXPECT_EQ(hazards("<script>alert(1)</script>"), "element;");
  EXPECT_EQ(hazards("<ScRiPt\n/x>"), "element;");
  EXPECT_EQ(hazards("<img/src=x/onerror=alert(1)>"), "fetch;");
  EXPECT_EQ(hazards("<img src=x onerror=alert(1)>"), "fetch;handler;");
  EXPECT_EQ(hazards("<p title=\"a>b\"onclick=x>"), "handler;");
  EXPECT_EQ(hazards("<a href=' &#x6a;ava\tscript&colon;alert(1)'>x</a>"), "scheme;");
  EXPECT_EQ(hazards("<a href=java&#0000115;cript:x>x</a>"), "scheme;");
  EXPECT_EQ(hazards("<a href=data:text/html,x>x</a>"), "scheme;");
  EXPECT_EQ(hazards("<svg><g/onload=x></svg>"), "element;handler;");
  EXPECT_EQ(hazards("<div style='background:u/**/rl(//x)'>"), "fetch;");
  EXPECT_EQ(hazards("<div style='background:\\75rl(//x)'>"), "fetch;");
  EXPECT_EQ(hazards("<!--><img src=//x>-->"), "fetch;");
  EXPECT_EQ(hazards("<!-- --!><img src=//x>-->"), "fetch;");
  EXPECT_EQ(hazards("<![CDATA[><img src=//x>]]>"), "fetch;");
  EXPECT_EQ(hazards("<custom-x onfocus=y>"), "handler;");
  EXPECT_EQ(hazards("<img src=//x "), "fetch;") << "what follows on the page may close it";
  EXPECT_EQ(hazards(std::string_view("<b>a\0b</b>", 10)), "confusion;");
}

TEST(html, is_silent_on_what_cannot_act) {
  EXPECT_EQ(hazards("<!-- <img src=//x> -->"), "");
  EXPECT_EQ(hazards("vector<T> a; if (a < b && c > d) <3"), "");
  EXPECT_EQ(hazards("<pre><code>&lt;script&gt;</code></pre> <a href='https://e.org/?a=1&lt=2#x'>e</a>"), "");
  EXPECT_EQ(hazards("<a href='notes/2:3.html'>e</a><a href='#javascript:'>x</a>"), "");
  EXPECT_EQ(hazards("<table><tr><td style='color:red'>1</td></tr></table>"), "");
  EXPECT_EQ(hazards("<img alt=x src='data:image/png;base64,iVBORw0KGgo='>"), "");
}

TEST(html, sanitize_keeps_tables_links_and_code) {
  const std::string kept =
      "<h2>Results</h2><table><thead><tr><th scope=\"col\">n</th></tr></thead><tbody><tr><td "
      "align=\"right\">1</td>"
      "</tr></tbody></table><p>See <a href=\"https://example.org/a?b=1&amp;c=2\" rel=\"noopener "
      "noreferrer\">this</a>"
      " &amp; caf&eacute;</p><pre><code "
      "class=\"language-html\">&lt;script&gt;alert(1)&lt;/script&gt;</code></pre>"
      "<ul><li>one</li><li>two</li></ul><img alt=\"dot\" src=\"data:image/png;base64,iVBORw0KGgo=\">";
  EXPECT_EQ(sanitize(kept), kept);
}

TEST(html, sanitize_drops_what_acts_and_keeps_the_text) {
  EXPECT_EQ(sanitize("a<script>x</script>b"), "ab");
  EXPECT_EQ(sanitize("<p onclick=x>a<p>b"), "<p>a</p><p>b</p>");
  EXPECT_EQ(sanitize("<a href='javascript:x'>a</a>"), "<a>a</a>");
  EXPECT_EQ(sanitize("<img src=//x alt='a <b>'>"), "a &lt;b&gt;");
  EXPECT_EQ(sanitize("1 < 2 & 3 <4 unclosed"), "1 &lt; 2 &amp; 3 &lt;4 unclosed");
  EXPECT_EQ(sanitize("x <y and more"), "x &lt;y and more");
  EXPECT_EQ(sanitize("<b>a<i>b</b>c</i>"), "<b>a<i>b</i></b>c");
  EXPECT_EQ(sanitize("<td>a</td><table><td>b</table>"), "a<table><tr><td>b</td></tr></table>");
  EXPECT_EQ(sanitize("<table><tr><td><table><tr><td>x</table>y</table>"),
            "<table><tr><td><table><tr><td>x</td></tr></table>y</td></tr></table>");
  EXPECT_EQ(sanitize("<li>a<li>b<ul><li>c</ul>"), "<li>a</li><li>b<ul><li>c</li></ul></li>");
  EXPECT_EQ(sanitize("<math><mtext></p><style><!--</style><img src=x onerror=y>"), "");
  EXPECT_EQ(sanitize("<b onclick=x>bold</b> > quote `code` & more <y", Around::kMarkdown),
            "<b>bold</b> > quote `code` & more &lt;y");
}

TEST(html, a_link_behind_controls_is_dropped_the_first_time) {
  const std::string link("<a href='\0\1mail'>up</a>", 23);
  const std::string safe = sanitize(link);
  EXPECT_EQ(safe, "<a>up</a>");
  EXPECT_EQ(sanitize(safe), safe);
}

TEST(html, depth_is_bounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  const std::string out = sanitize(deep);
  EXPECT_EQ(out.size(), 64U * 11);
}

// Whatever goes in, what comes out cannot act and is its own sanitized edition.
TEST(html, any_soup_comes_out_harmless_and_idempotent) {
  const std::string kNul(1, '\0');
  const std::vector<std::string> parts{
      "<",           ">",           "</",          "/>",         "\"",
      "'",           "`",           "=",           " ",          "\n",
      "&",           "&lt;",        "&#60;",       "&quot",      "<!--",
      "-->",         "--!>",        "<![CDATA[",   "]]>",        "<?",
      "script",      "<script>",    "</script>",   "<svg>",      "</svg>",
      "<math>",      "<mtext>",     "<style>",     "</style>",   "<title>",
      "</title>",    "<noscript>",  "<p title=\"", "onerror=",   "<img src=x onerror=y>",
      "<a href=",    "javascript:", "<table>",     "<tr>",       "<td>",
      "</td>",       "</table>",    "<caption>",   "<col>",      "<li>",
      "<ul>",        "</ul>",       "<p>",         "</p>",       "<b>",
      "</b>",        "<a>",         "<h1>",        "<template>", "<textarea>",
      "</textarea>", "<xmp>",       "<plaintext>", "<select>",   "<form>",
      "text",        "\xff",        "\1",          kNul};
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 20'000; ++trial) {
    std::string soup;
    for (int i = 0; i < 12; ++i) soup += parts[random() % parts.size()];
    for (const Around around : {Around::kHtml, Around::kMarkdown}) {
      const std::string once = sanitize(soup, around);
      ASSERT_EQ(hazards(once), "") << soup << "\n" << once;
      ASSERT_EQ(sanitize(once, around), once) << soup;
    }
  }
}

TEST(html, encodes_by_context) {
  EXPECT_EQ(encode_text("<b>&amp;"), "&lt;b&gt;&amp;amp;");
  EXPECT_EQ(encode_attribute("\"'`"), "&quot;&#39;&#96;");
  EXPECT_EQ(encode_json("{\"a\":\"</script>&\xE2\x80\xA8\"}"),
            "{\"a\":\"\\u003c/script\\u003e\\u0026\\u2028\"}");
}

}  // namespace
}  // namespace sallyport::formats::html
