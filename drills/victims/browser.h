// A stand-in for a page that trusts a model's answer and for the browser that shows it.
//
// It is a lenient reader of its own, not the tokenizer of formats/html.h: every '<' before a letter opens a
// tag, in comments and raw text too, so it sees at least what any browser would run. Nothing is run or
// fetched; what would be is named. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::drills {

// "runs: handler onerror", "fetches: src of img", in order of appearance.
std::vector<std::string> browser_acts(std::string_view html);

// What a dashboard makes of Markdown: fenced and inline code as text, images, links, raw HTML as it stands.
std::string render_markdown(std::string_view markdown);

// What a dashboard does with an answer of that content type: text in JSON goes into the page as it is.
std::vector<std::string> dashboard_acts(std::string_view content_type, std::string_view body);

}  // namespace sallyport::drills
