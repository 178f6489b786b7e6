// What says which packages a repository or an image holds, and what is known against them: lock files,
// databases of installed packages, banners of libraries, advisories. A package has a name and a version, and
// its order agrees with itself.
#include <algorithm>
#include <cstdlib>

#include "formats/advisories.h"
#include "formats/locked_packages.h"
#include "formats/version_order.h"

namespace {

namespace formats = sallyport::formats;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kPaths[] = {
    "requirements.txt",    "poetry.lock", "uv.lock",         "pdm.lock",   "Pipfile.lock",
    "package-lock.json",   "yarn.lock",   "environment.yml", "a/METADATA", "var/lib/dpkg/status",
    "lib/apk/db/installed"};

// Three lines as three versions: an order, whatever they say.
void compare(std::string_view text) {
  std::string_view versions[3];
  for (std::string_view& version : versions) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    version = text.substr(0, std::min<std::size_t>(end, 64));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto [a, b, c] = versions;
  using formats::VersionScheme;
  for (const VersionScheme scheme : {VersionScheme::kPep440, VersionScheme::kSemver, VersionScheme::kDebian,
                                     VersionScheme::kAlpine, VersionScheme::kGeneric}) {
    const auto at_most = [&](std::string_view x, std::string_view y) {
      return formats::compare_versions(scheme, x, y) <= 0;
    };
    require(at_most(a, a));
    require((formats::compare_versions(scheme, a, b) < 0) == (formats::compare_versions(scheme, b, a) > 0));
    require(!at_most(a, b) || !at_most(b, c) || at_most(a, c));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sallyport::BytesView bytes(data, size);
  const std::string_view text = sallyport::as_text(bytes);
  std::vector<formats::LockedPackage> packages = formats::read_banners(bytes);
  for (const std::string_view path : kPaths) {
    const auto read = formats::read_locked_packages(path, text, "ID=debian\nVERSION_ID=12\n");
    if (read) packages.insert(packages.end(), read->begin(), read->end());
  }
  for (const auto& package : packages) {
    require(!package.name.empty() && !package.version.empty());
    (void)formats::package_url(package);
  }
  if (const auto advisory = formats::read_advisory(text)) {
    for (const auto& package : packages) (void)formats::affects(*advisory, package);
    for (const auto& affected : advisory->affected) {
      for (const std::string& version : affected.versions) {
        (void)formats::affects(*advisory, {affected.ecosystem, affected.name, version, 1});
      }
    }
  }
  compare(text);
  (void)formats::may_name(text, {"left-pad", "torch"});
  return 0;
}
