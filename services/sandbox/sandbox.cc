#include "services/sandbox/sandbox.h"

#include <algorithm>
#include <array>

#include "services/sandbox/filter.h"
#include "services/sandbox/launch.h"

namespace sallyport::services::sandbox {
namespace {

constexpr std::array<std::string_view, 9> kLimitNames{"none", "wall",    "cpu",       "memory", "processes",
                                                      "disk", "denials", "cancelled", "band"};
constexpr std::array<std::string_view, 3> kNewCodeNames{"deny", "in-memory", "anywhere"};

Json to_json(const Limits& limits) {
  return {{"wall_s", limits.wall_s},
          {"cpu_s", limits.cpu_s},
          {"memory_bytes", limits.memory_bytes},
          {"processes", limits.processes},
          {"disk_bytes", limits.disk_bytes},
          {"scratch_bytes", limits.scratch_bytes},
          {"output_bytes", limits.output_bytes},
          {"open_files", limits.open_files}};
}

}  // namespace

std::string_view name_of(Limit limit) { return kLimitNames[static_cast<std::size_t>(limit)]; }

Result<Outcome> run(const Confinement& confinement, const Watch& watch) {
  return detail::run_without(confinement, watch, {});
}

Json to_json(const Confinement& confinement) {
  Json environment = Json::object();
  for (const auto& [name, value] : confinement.environment) {
    const bool secret = std::ranges::find(confinement.secrets, name) != confinement.secrets.end();
    environment[name] = secret ? "secret" : sha256(value).hex();
  }
  Json binds = Json::array();
  for (const Bind& bind : confinement.binds) {
    binds.push_back({{"inside", bind.inside}, {"access", bind.access == Access::kWrite ? "write" : "read"}});
  }
  Json inherited = Json::array();
  for (const Inherited& fd : confinement.inherited) inherited.push_back(fd.inside);
  Json out{{"command", confinement.command},
           {"environment", std::move(environment)},
           {"cwd", confinement.cwd},
           {"binds", std::move(binds)},
           {"hidden", confinement.hidden},
           {"limits", to_json(confinement.limits)},
           {"network", confinement.network == Network::kBroker ? "broker" : "none"},
           {"new_code", kNewCodeNames[static_cast<std::size_t>(confinement.new_code)]},
           {"local_sockets", confinement.local_sockets == LocalSockets::kAny ? "any" : "pairs"},
           {"inherited", std::move(inherited)},
           {"filter", detail::filter_digest().hex()}};
  if (confinement.executes) out["executes"] = *confinement.executes;
  return out;
}

Digest digest_of(const Confinement& confinement) { return sha256(canonical(to_json(confinement))); }

Json to_json(const Outcome& outcome) {
  Json denials = Json::array();
  for (const Denial& denial : outcome.denials)
    denials.push_back({{"what", denial.what}, {"count", denial.count}});
  Json out{{"exit_status", outcome.exit_status}, {"signal", outcome.signal},
           {"limit", name_of(outcome.limit)},    {"denials", std::move(denials)},
           {"degraded", outcome.degraded},       {"confinement", outcome.confinement.hex()}};
  for (const Executable& program : outcome.programs) {
    out["programs"].push_back(
        {{"path", program.path}, {"sha256", program.digest.hex()}, {"executed", program.executed}});
  }
  return out;
}

}  // namespace sallyport::services::sandbox
