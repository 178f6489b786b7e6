#include "services/sandbox/doctor.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "services/sandbox/cgroup.h"
#include "services/sandbox/inside.h"
#include "services/sandbox/launch.h"

namespace sallyport::services::sandbox {
namespace {

namespace fs = std::filesystem;

// A mechanism that an outcome lists as lacking under `prefix`.
struct Mechanism {
  std::string_view name;
  std::string_view prefix;
  std::string_view detail;
  std::string_view holds;
  std::string_view remedy;
};

constexpr std::array kMechanisms{
    Mechanism{"user namespace", "user namespace", "a confined command owns nothing outside its own",
              "mounts, processes and network are still the command's own, and it has no capability",
              "set user.max_user_namespaces above 0"},
    Mechanism{"id mapping", "id mapping", "the owner's files are the command's, and its files the owner's",
              "outputs are written, but belong to nobody; inputs must be readable by everybody",
              "use Linux 5.12 or later, and a file system that maps ids"},
    Mechanism{"landlock", "landlock", "", "mounts alone keep files apart: read-only and absent stay so",
              "use a kernel with Landlock in its list of security modules (lsm=)"},
    Mechanism{"seccomp notification", "seccomp notification", "every refused call is counted and attested",
              "calls are refused all the same, but not reported", "use Linux 5.5 or later"},
    Mechanism{
        "execution allow-list", "execution",
        "a step executes its own program and those that it declares: mounts, Landlock and notification",
        "mounts refuse programs outside folders of libraries, and what else is present refuses the rest",
        "use a kernel with Landlock (lsm=) and notification (Linux 5.5 or later), and a whole /proc"},
    Mechanism{"new code control", "new code", "written memory never becomes code, unless a step asks for it",
              "the system-call filter refuses the usual ways", "use Linux 6.3 or later"},
    Mechanism{"cgroup memory", "cgroup memory", "", "memory is limited per process, and its sum sampled",
              "run as root, or let systemd delegate the memory controller to your user"},
    Mechanism{"cgroup pids", "cgroup pids", "", "processes are limited by a resource limit and by samples",
              "run as root, or let systemd delegate the pids controller to your user"},
    Mechanism{"cgroup cpu", "cgroup cpu", "", "processor time is sampled",
              "run as root, or mount the cgroup file system"},
    Mechanism{"proc", "proc", "a confined command sees its own processes alone",
              "a confined command has an empty /proc; some programs miss it",
              "run outside a container that masks /proc"},
    Mechanism{"hidden processes", "hidepid", "the sandbox's init is out of sight",
              "init can be seen in /proc, but neither read nor traced", "use Linux 5.8 or later"},
    Mechanism{"decoys", "decoys", "opening a file that no computation needs is reported",
              "such a file is empty all the same, but opening it is not reported",
              "raise fs.inotify.max_user_instances"},
};

std::string detail_of(const Mechanism& mechanism, const std::string& groups) {
  if (mechanism.name == "landlock") return "ABI " + std::to_string(detail::landlock_abi());
  if (mechanism.name.starts_with("cgroup")) return groups;
  return std::string(mechanism.detail);
}

Fact program(const std::string& name, const fs::path& path, Standing without, std::string holds,
             std::string remedy) {
  if (::access(path.c_str(), X_OK) == 0) return {.name = name, .detail = path.string()};
  return {.name = name,
          .standing = without,
          .detail = "not at " + path.string(),
          .holds = std::move(holds),
          .remedy = std::move(remedy)};
}

void add_programs(const fs::path& folder, std::vector<Fact>& facts) {
  facts.push_back(program("worker openvino", folder / "sallyport-openvino", Standing::kMissing,
                          "everything but serving and inference works; the server refuses to start",
                          "run ./dev build, or install it beside sallyport"));
  facts.push_back(
      program("worker torch", folder / "sallyport-torch", Standing::kMissing,
              "the built-in training and validation refuse; a command of your own can take their place",
              "run ./dev build, or install it beside sallyport"));
  facts.push_back(program("worker duckdb", folder / "sallyport-duckdb", Standing::kMissing,
                          "the built-in analysis refuses; a command of your own can take its place",
                          "run ./dev build, or install it beside sallyport"));
  facts.push_back(program("python3", "/usr/bin/python3", Standing::kWeaker,
                          "only steps that are Python scripts need it", "install python3"));
}

}  // namespace

std::string_view name_of(Standing standing) {
  constexpr std::array<std::string_view, 3> kNames{"present", "weaker", "missing"};
  return kNames[static_cast<std::size_t>(standing)];
}

std::vector<Fact> detail::examine_without(const fs::path& binary_folder, const Without& without) {
  Confinement confinement{.command = {"/bin/true"},
                          .binds = {{binary_folder, "/binaries", Access::kRead}},
                          .executes = std::vector<std::string>{}};
  confinement.limits = {.wall_s = 10, .cpu_s = 10};
  const Result<Outcome> outcome = run_without(confinement, {}, without);
  std::vector<Fact> facts;
  Fact& sandbox = facts.emplace_back(Fact{.name = "sandbox", .detail = "a confined command runs"});
  if (!outcome) {
    sandbox = {.name = "sandbox",
               .standing = Standing::kMissing,
               .detail = outcome.error().message,
               .holds = "no step and no worker runs; scan, verify and log work",
               .remedy = outcome.error().hint};
  } else if (!outcome->succeeded()) {
    sandbox = {.name = "sandbox",
               .standing = Standing::kMissing,
               .detail = "/bin/true failed in it: " + to_json(*outcome).dump(),
               .holds = "no step and no worker can be relied on; scan, verify and log work",
               .remedy = "report this with the line above"};
  }
  const std::string groups = outcome ? Group::make(confinement.limits).summary() : "";
  for (const Mechanism& mechanism : kMechanisms) {
    if (!outcome) break;
    const auto lacking = std::find_if(
        outcome->degraded.begin(), outcome->degraded.end(),
        [&](const std::string& text) { return text.starts_with(std::string(mechanism.prefix) + ":"); });
    Fact fact{.name = std::string(mechanism.name), .detail = detail_of(mechanism, groups)};
    if (lacking != outcome->degraded.end()) {
      fact = {.name = fact.name,
              .standing = Standing::kWeaker,
              .detail = *lacking,
              .holds = std::string(mechanism.holds),
              .remedy = std::string(mechanism.remedy)};
    }
    facts.push_back(std::move(fact));
  }
  add_programs(binary_folder, facts);
  return facts;
}

std::vector<Fact> examine(const fs::path& binary_folder) {
  return detail::examine_without(binary_folder, {});
}

Json to_json(const std::vector<Fact>& facts) {
  Json all = Json::array();
  for (const Fact& fact : facts) {
    all.push_back({{"name", fact.name},
                   {"standing", name_of(fact.standing)},
                   {"detail", fact.detail},
                   {"holds", fact.holds},
                   {"remedy", fact.remedy}});
  }
  return all;
}

}  // namespace sallyport::services::sandbox
