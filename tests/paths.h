// Where the checkout and its build lie.
//
// One object alone is compiled with these paths (tests/paths.cc), so that all others are the same in every
// checkout and a compiler's cache serves them all.
#pragma once

#include <string>

namespace sallyport::tests {

// The root of the checkout, and the folder of the build that this program is part of.
std::string source_dir();
std::string build_dir();
// The program that was built there.
inline std::string sallyport() { return build_dir() + "/sallyport"; }

}  // namespace sallyport::tests
