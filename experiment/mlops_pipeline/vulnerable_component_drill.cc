// pipeline-vulnerable-image enacted: an image ships a library whose flaw is published, once as a package and
// once linked into a program that no package database knows of.
#include "drills/repository.h"
#include "services/scan/advisories.h"
#include "services/scan/repository.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using drills::World;

struct Image {
  bool leaked = false;
};

constexpr std::string_view kRelease = "ID=debian\nVERSION_ID=\"11\"\n";
// What the library stand-in does with a length that the sender made up.
constexpr std::string_view kTrusts = "answers with as many bytes as it is asked for\n";
constexpr std::string_view kChecks = "answers with as many bytes as it was sent\n";

std::string status_of(std::string_view version) {
  return "Package: libssl1.1\nStatus: install ok installed\nSource: openssl\nVersion: " +
         std::string(version) +
         "\n\nPackage: zlib1g\nStatus: install ok installed\nSource: zlib\nVersion: "
         "1:1.2.11.dfsg-2+deb11u2\n";
}

Result<void> start(World& world) {
  TRY(world.write("repo/etc/os-release", kRelease));
  TRY(world.write("osv/DSA-1.json",
                  R"({"id": "DSA-1", "modified": "2026-11-01T00:00:00Z", "summary": "a length is trusted",
   "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
   "affected": [{"package": {"ecosystem": "Debian:11", "name": "openssl"},
     "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1.1n-0+deb11u5"}]}]}]})"));
  return world.write("osv/UP-1.json",
                     R"({"id": "UP-1", "modified": "2026-11-01T00:00:00Z", "summary": "a length is trusted",
   "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
   "affected": [{"package": {"ecosystem": "Bitnami", "name": "openssl"},
     "ranges": [{"type": "SEMVER", "events": [{"introduced": "1.1.1"}, {"fixed": "1.1.1t"}]}]}]})");
}

Result<void> attack(World& world) {
  TRY(start(world));
  if (world.seed() % 2 == 0) {
    TRY(world.write("repo/usr/lib/libssl.so", kTrusts));
    return world.write("repo/var/lib/dpkg/status", status_of("1.1.1n-0+deb11u4"));
  }
  TRY(world.write("repo/var/lib/dpkg/status", status_of("1.1.1n-0+deb11u5")));
  TRY(world.write("repo/usr/lib/libssl.so", kChecks));
  return world.write("repo/usr/local/bin/server", std::string("\x7F"
                                                              "ELF") +
                                                      std::string(60, '\0') + "OpenSSL 1.1.1k  25 Mar 2021" +
                                                      std::string(1, '\0') + std::string(kTrusts));
}

// An old number of the project's own, with the fix that the distribution carried back into it.
Result<void> honest(World& world) {
  TRY(start(world));
  TRY(world.write("repo/usr/lib/libssl.so", kChecks));
  return world.write("repo/var/lib/dpkg/status", status_of("1.1.1n-0+deb11u5"));
}

// Whoever sends the image's libraries a length that is not so.
Result<void> victim(World& world) {
  Image& image = world.state<Image>();
  for (const char* path : {"repo/usr/lib/libssl.so", "repo/usr/local/bin/server"}) {
    if (!world.exists(path)) continue;
    const Bytes library = TRY(world.read(path));
    image.leaked = image.leaked || as_text(library).find(kTrusts) != std::string_view::npos;
  }
  return {};
}

bool harmed(const World& world) { return world.state<Image>().leaked; }

Result<Subjects> present(World& world) {
  auto& read = world.keep(TRY(services::scan::read_repository(world.root() / "repo")));
  const auto packages = services::scan::packages_of(read.files);
  for (RepositoryFile& file :
       TRY(services::scan::read_advisories(system_env(), world.root() / "osv", packages)))
    read.files.push_back(std::move(file));
  Subjects out;
  out.repositories.emplace_back("image", read.subject());
  return out;
}

}  // namespace

extern const drills::Drill vulnerable_component_drill;
const drills::Drill vulnerable_component_drill{
    .threat = "pipeline-vulnerable-image",
    .story =
        "an image ships a library with a published flaw, as a package or linked into a program of its own",
    .honest_story = "the distribution's build of an old upstream version, with the fix carried back",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 4,
    .harm = "the server answers with bytes of its memory"};

}  // namespace sallyport::experiment::mlops_pipeline
