// Markdown from a model: what of it would act once it is rendered (CommonMark 0.31, GitHub's tables).
//
// Markdown holds raw HTML, links and images. Renderers disagree over where code ends, so a code span or block
// is taken for inert only where all agree: fences at the first column outside HTML blocks, and spans on one
// line before which its paragraph has no '<'. Everything else is judged as if it were live. Pure functions,
// safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/html.h"

namespace sallyport::formats::markdown {

std::vector<html::Sighting> hazards_of(std::string_view text);

// `text` itself when it has no hazard. Otherwise an edition without any: raw HTML sanitized, images that
// would be fetched turned into links, links to other schemes cut off.
std::string neutralise(std::string_view text);

}  // namespace sallyport::formats::markdown
