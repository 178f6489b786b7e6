// Answers of a scripted model that act where they are rendered, 200 of them, and ordinary ones that do not.
//
// The vectors are the families that sanitizers have fallen to: scripts, handlers, schemes, SVG and MathML,
// beacons, parsing that changes on a second look, Markdown, and text in JSON; each in several spellings. They
// are inert: a script would set the page's title, and every host is of the reserved name .example. Pure
// functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sallyport::drills {

struct Answer {
  std::string content_type;
  std::string body;
};

inline constexpr std::size_t kMarkupVectors = 200;
// The vector number `index`, below kMarkupVectors.
Answer forge_markup(std::size_t index);

// Tables, safe links, literal code and plain talk, in HTML, Markdown or JSON.
Answer ordinary_answer(std::uint64_t seed);

}  // namespace sallyport::drills
