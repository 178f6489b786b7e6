// What a web page shows its readers, and what it holds that only programs read.
//
// Hidden is what the `hidden` attribute, an inline style or a rule of the page's own style sheets takes out
// of sight: display, visibility, opacity, size 0, a place far off the page, letters in the colour of their
// ground. Style sheets are read as far as rules of one class, id or element go; sheets of other files,
// scripts and inherited colours are not followed. Text for screen readers (clipped to a point, or of the
// class names that frameworks give it) is told apart, since honest pages have it. Linear time, no recursion.
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats {

struct HiddenText {
  std::string text = {};       // blanks folded
  std::string_view how = {};   // "display:none"
  bool screen_reader = false;  // hidden as honest pages hide what is read out
  std::size_t offset = 0;      // of its first byte in the page
};

struct PageText {
  std::string shown = {};  // blanks folded
  std::vector<HiddenText> hidden = {};
  // Characters that no reader sees: zero-width ones, tags, changes of direction; those of honest scripts
  // (joiners within a word, marks beside right-to-left letters) are left out.
  std::size_t invisible = 0;
  std::string spelled = {};  // what tag characters spell
};

PageText read_page(std::string_view html);

// Words, divided by blanks.
std::size_t words_in(std::string_view text);

// Whether a text speaks to a language model as to a servant: it names the model, its instructions or its
// prompt, and commands. A heuristic, for text that is suspect already.
bool is_instruction(std::string_view text);

}  // namespace sallyport::formats
