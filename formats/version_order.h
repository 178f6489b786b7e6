// Which of two versions is the newer one, as each ecosystem has it.
//
// PEP 440 for PyPI, Semantic Versioning 2.0 for npm (and what leaves parts out), deb-version(7) for Debian
// and Ubuntu, apk's for Alpine. A version that its ecosystem does not know is compared part by part, numbers
// as numbers, so that an answer is always given and the same everywhere. Pure functions, safe from any
// thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace sallyport::formats {

enum class VersionScheme : std::uint8_t { kPep440, kSemver, kDebian, kAlpine, kGeneric };

// By the name that OSV gives an ecosystem: "PyPI", "npm", "Debian:12", "Alpine:v3.19".
VersionScheme scheme_of(std::string_view ecosystem);

std::weak_ordering compare_versions(VersionScheme scheme, std::string_view a, std::string_view b);

}  // namespace sallyport::formats
