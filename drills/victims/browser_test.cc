#include "drills/victims/browser.h"

#include <gtest/gtest.h>

#include <set>

#include "catalog/coverage.h"
#include "core/guard.h"
#include "drills/forges/markup.h"
#include "formats/html.h"
#include "formats/markdown.h"

namespace sallyport::drills {
namespace {

// The text of an answer, out of its JSON where it is in one.
std::string text_of(const Answer& answer) {
  if (answer.content_type != "application/json") return answer.body;
  return parse_json(answer.body).value()["outputs"][0]["data"][0];
}

std::string sanitized(const Answer& answer) {
  const std::string text = text_of(answer);
  return answer.content_type == "text/html" ? formats::html::sanitize(text)
                                            : formats::markdown::neutralise(text);
}

TEST(browser, every_vector_acts_unless_it_is_sanitized) {
  std::set<std::string> distinct;
  for (std::size_t i = 0; i < kMarkupVectors; ++i) {
    const Answer answer = forge_markup(i);
    distinct.insert(answer.content_type + answer.body);
    EXPECT_FALSE(dashboard_acts(answer.content_type, answer.body).empty()) << i << " " << answer.body;
    const std::string clean = sanitized(answer);
    const auto left =
        answer.content_type == "text/html" ? browser_acts(clean) : browser_acts(render_markdown(clean));
    EXPECT_TRUE(left.empty()) << i << " " << answer.body << "\n" << clean << "\n" << left.front();
  }
  EXPECT_EQ(distinct.size(), kMarkupVectors);
}

TEST(browser, ordinary_answers_are_left_as_they_are) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Answer answer = ordinary_answer(seed);
    EXPECT_TRUE(dashboard_acts(answer.content_type, answer.body).empty()) << answer.body;
    if (answer.content_type == "text/html") {
      const std::string once = formats::html::sanitize(answer.body);
      for (const char* tag : {"<table>", "<td", "<a href=\"https://example.org", "mailto:", "<pre><code",
                              "&lt;script&gt;", "<li>"}) {
        EXPECT_EQ(once.find(tag) == std::string::npos, answer.body.find(tag) == std::string::npos)
            << tag << once;
      }
    } else {
      EXPECT_EQ(formats::markdown::neutralise(text_of(answer)), text_of(answer));
    }
  }
}

}  // namespace
}  // namespace sallyport::drills
