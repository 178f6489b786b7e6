// repo-config-recon-leak enacted: a repository is published, and an intruder reads where to go next.
#include <array>

#include "drills/repository.h"

namespace sallyport::experiment::code_repository {
namespace {

using drills::World;

struct Published {
  bool found = false;
};

// What the intruder would go on with: it exists inside, and nobody outside knows it.
constexpr std::array<std::string_view, 5> kInside{"10.42.7.19", "gpu-07.train.corp",
                                                  "s3://nightly-features-eu/v3",
                                                  "eu-train.azurecr.io/trainer", "10.42.7.20:5000"};

struct Place {
  std::string_view path;
  std::string_view before;
  std::string_view after;
};
constexpr std::array<Place, 8> kPlaces{{{"train.py", "import os\n# moved to ", " last week\nrate = 0.1\n"},
                                        {"train.py", "def load():\n    return open_store('", "')\n"},
                                        {"settings.yaml", "store:\n  address: ", "\n  retries: 3\n"},
                                        {"settings.ini", "[store]\naddress = ", "\n"},
                                        {".env", "STORE=", "\n"},
                                        {"notes.md", "# Notes\n\nThe store is at ", ", ask there.\n"},
                                        {"app.ts", "// ask ", " for the weights\nexport const rate = 1;\n"},
                                        {"config.json", "{\"store\": \"", "\"}\n"}}};

Result<void> start(World& world) {
  TRY(world.write("repo/LICENSE", "Copyright (c) 2026 Ana Example <ana@plant.example>\n"));
  return world.write(
      "repo/README.md",
      "# Trainer\n\nListens on http://localhost:8080 and 127.0.0.1; in the examples 192.0.2.7 and "
      "host.example.com stand for yours. Buckets are written s3://your-bucket/path.\n");
}

Result<void> attack(World& world) {
  TRY(start(world));
  const Place& place = kPlaces[world.seed() % kPlaces.size()];
  const std::string_view inside = kInside[world.seed() / kPlaces.size() % kInside.size()];
  return world.write("repo/" + std::string(place.path),
                     std::string(place.before) + std::string(inside) + std::string(place.after));
}

Result<void> honest(World& world) {
  TRY(start(world));
  TRY(world.write("repo/train.py",
                  "import os\n# the store is where STORE says\nstore = os.environ['STORE']\n"));
  return world.write("repo/settings.yaml",
                     "store:\n  address: ${STORE}\n  fallback: http://store.example.org:9000\n");
}

// Whoever can read the repository.
Result<void> victim(World& world) {
  Published& published = world.state<Published>();
  for (const std::string_view path : {"train.py", "settings.yaml", "settings.ini", ".env", "notes.md",
                                      "app.ts", "config.json", "README.md"}) {
    if (!world.exists("repo/" + std::string(path))) continue;
    const Bytes bytes = TRY(world.read("repo/" + std::string(path)));
    for (const std::string_view inside : kInside)
      published.found = published.found || as_text(bytes).find(inside) != std::string_view::npos;
  }
  return {};
}

bool harmed(const World& world) { return world.state<Published>().found; }

}  // namespace

extern const drills::Drill recon_leak_drill;
const drills::Drill recon_leak_drill{
    .threat = "repo-config-recon-leak",
    .story = "a repository is published whose comments and settings name a private host, bucket or registry",
    .honest_story = "documentation ranges, example domains, localhost and the author's line of a licence",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::present_repository,
    .trials = static_cast<int>(kPlaces.size() * kInside.size()),
    .harm = "the intruder knows which private machine to go to"};

}  // namespace sallyport::experiment::code_repository
