// Paths that a file names, judged by their letters alone; who knows the folder resolves them.
//
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace sallyport::formats::inspect {

// Why a path leaves the folder it is relative to: "is absolute", "climbs out of the folder"; empty when it
// stays. Both kinds of slash count, since a loader may run anywhere.
std::string leaves_folder(std::string_view path);

}  // namespace sallyport::formats::inspect
