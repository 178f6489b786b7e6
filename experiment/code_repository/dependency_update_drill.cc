// repo-dependency-poison enacted with real wheels and a real Python: an index serves a locked version with
// other bytes, or a patch release that calls home when it is imported.
#include <algorithm>
#include <array>

#include "drills/drill.h"
#include "drills/forges/wheels.h"
#include "drills/victims/python.h"

namespace sallyport::experiment::code_repository {
namespace {

namespace forges = drills::forges;
using drills::World;

constexpr const char* kName = "text_kit";
constexpr std::string_view kAccepted =
    "import json, os\n"
    "def words(path):\n"
    "    with open(path) as file: return file.read().split()\n"
    "def stamp():\n"
    "    return os.environ.get('STAMP', '')\n";
constexpr std::string_view kFixed =
    "import json, os\n"
    "def words(path):\n"
    "    with open(path, encoding='utf-8') as file: return file.read().split()\n"
    "def stamp():\n"
    "    return os.environ.get('STAMP', '').strip()\n";

// Each does what an import should not; the mark is left in the drill's folder by whatever means.
constexpr std::array<std::string_view, 4> kPayloads{
    "import socket\n"
    "try: socket.create_connection(('127.0.0.1', 9), 1)\n"
    "except OSError: pass\n"
    "open('mark', 'w').write('called home')\n",
    "import subprocess\nsubprocess.run(['/bin/sh', '-c', 'echo ran > mark'])\n",
    "import base64\nexec(base64.b64decode('b3BlbignbWFyaycsJ3cnKS53cml0ZSgncmFuJyk='))\n",
    "__import__('urllib.request', fromlist=['x'])\nopen('mark', 'w').write('reached out')\n"};

Result<void> propose(World& world, const std::string& version, const std::string& source,
                     const forges::PythonFiles& more) {
  forges::PythonFiles files{{"text_kit/__init__.py", source}};
  files.insert(files.end(), more.begin(), more.end());
  TRY(world.write("site/text_kit/__init__.py", source));
  TRY(world.write("accepted",
                  forges::wheel(kName, "1.0", {{"text_kit/__init__.py", std::string(kAccepted)}})));
  return world.write("proposed-" + version, forges::wheel(kName, version, files));
}

Result<void> attack(World& world) {
  const std::size_t which = world.seed() % (kPayloads.size() + 1);
  const std::string payload(kPayloads[which % kPayloads.size()]);
  // The last attack keeps the version and changes the bytes.
  return propose(world, which == kPayloads.size() ? "1.0" : "1.1", std::string(kFixed) + payload, {});
}

Result<void> honest(World& world) {
  return propose(
      world, "1.1", std::string(kFixed),
      {{"text_kit/tests.py", "from text_kit import words\ndef test(): assert words('/dev/null') == []\n"}});
}

Result<void> victim(World& world) {
  return drills::victims::run_python(world, "import sys\nsys.path.insert(0, 'site')\nimport text_kit\n", {});
}

bool harmed(const World& world) { return world.exists("mark"); }

Result<Subjects> present(World& world) {
  std::vector<RepositoryFile> files;
  files.push_back({.path = ".sallyport/packages/accepted/" + forges::wheel_name(kName, "1.0"),
                   .bytes = TRY(world.read("accepted"))});
  for (const std::string version : {"1.0", "1.1"}) {
    if (!world.exists("proposed-" + version)) continue;
    files.push_back({.path = ".sallyport/packages/proposed/" + forges::wheel_name(kName, version),
                     .bytes = TRY(world.read("proposed-" + version))});
  }
  Subjects out;
  const auto& kept = world.keep(std::move(files));
  out.repositories.emplace_back("repo", RepositorySubject{.name = "repo", .files = kept});
  return out;
}

}  // namespace

extern const drills::Drill dependency_update_drill;
const drills::Drill dependency_update_drill{
    .threat = "repo-dependency-poison",
    .story =
        "an index serves a locked version with other bytes, or a patch release that acts when it is imported",
    .honest_story = "an ordinary patch release that mends two bugs and brings a test",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = static_cast<int>(kPayloads.size()) + 1,
    .harm = "code of a stranger runs as soon as the package is imported"};

}  // namespace sallyport::experiment::code_repository
