// What is wrong with the name of a file that another file gives, before anybody looks at a file system.
//
// A name is fine when every system reads it as a file below the folder of the file that gives it. Pure
// functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace sallyport::formats {

// "is absolute", "climbs out of its folder with '..'"; empty when nothing is wrong.
std::string path_problem(std::string_view path);

}  // namespace sallyport::formats
