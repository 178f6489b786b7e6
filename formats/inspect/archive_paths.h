// Names of members that lead out of the folder an archive is unpacked to.
//
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

// Whether `path`, read from `folder` levels below the top, is absolute, names a drive or climbs out; with the
// separators of every system.
bool leads_out(std::string_view path, int folder = 0);
// How many folders a member lies below the top.
int folders_of(std::string_view name);

// archive-path-escapes, when the member's name or its link leads out.
void observe_paths(Probe& probe, std::uint64_t offset, const std::string& name, const std::string& link,
                   bool from_its_folder);

}  // namespace sallyport::formats::inspect
