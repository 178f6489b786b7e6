// Git's index: the files that are to be committed, as `git add` left them. Versions 2 to 4, without
// extensions. Pure functions, safe from any thread. Source: gitformat-index(5).
#pragma once

#include <map>
#include <string>

#include "formats/git.h"

namespace sallyport::formats::git {

// Paths with the ids of their blobs; of a conflict the last side. Error: it is damaged, of another version,
// or names more than limits::kManifestEntriesMax files.
Result<std::map<std::string, ObjectId>> read_index(BytesView bytes);

}  // namespace sallyport::formats::git
