#include "services/tracking/uses.h"

#include <algorithm>

#include "core/json.h"
#include "core/limits/tracking.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::int64_t kDayS = 24 * 3600;
constexpr std::int64_t kDayMax = 1'000'000;
constexpr std::string_view kKinds[] = {"server", "experiment", "model"};

std::string line_of(const Use& use, std::int64_t day) {
  return canonical(Json{{"day", day},
                        {"kind", kKinds[static_cast<std::size_t>(use.resource.kind)]},
                        {"name", use.resource.name},
                        {"principal", use.principal},
                        {"verb", name_of(use.verb)}}) +
         "\n";
}

Result<std::int64_t> day_in(const Json& json, std::string_view name) {
  const std::int64_t day = TRY(get_int(json, name));
  if (day < 1 || day > kDayMax) return invalid(std::string(name) + ": no day");
  return day * kDayS;
}

Result<void> read_line(std::string_view line, UseRecord& record) {
  const Json json = TRY(parse_json(line));
  if (json.is_object() && json.contains("since")) {
    TRY(only_members(json, {"since"}));
    record.since_unix_s = TRY(day_in(json, "since"));
    return {};
  }
  TRY(only_members(json, {"day", "kind", "name", "principal", "verb"}));
  const auto kind = std::ranges::find(kKinds, TRY(get_string(json, "kind")));
  if (kind == std::end(kKinds)) return invalid("kind: neither server, experiment nor model");
  const Verb verb = TRY(verb_named(TRY(get_string(json, "verb"))));
  const std::int64_t at = TRY(day_in(json, "day"));
  Use use{.principal = TRY(get_string(json, "principal")), .verb = verb, .resource = {}};
  use.resource = {static_cast<Kind>(kind - kKinds), TRY(get_string(json, "name"))};
  std::int64_t& last = record.last_unix_s[std::move(use)];
  last = std::max(last, at);
  return {};
}

}  // namespace

Result<UseRecord> read_uses(Env& env, const fs::path& file) {
  UseRecord out;
  if (!env.exists(file)) return out;
  const Bytes bytes = TRY(env.read_file(file, limits::kUsesBytesMax));
  std::string_view text = as_text(bytes);
  while (!text.empty() && out.last_unix_s.size() < limits::kUsesMax) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::ignore = read_line(text.substr(0, end), out);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<std::unique_ptr<Uses>> Uses::open(Env& env, fs::path file) {
  UseRecord record = TRY(read_uses(env, file));
  if (record.since_unix_s == 0) record.since_unix_s = env.now_unix_s() / kDayS * kDayS;
  std::string text = canonical(Json{{"since", record.since_unix_s / kDayS}}) + "\n";
  for (const auto& [use, last] : record.last_unix_s) text += line_of(use, last / kDayS);
  TRY(write_durably(env, file, as_bytes(text), 0600));
  return std::unique_ptr<Uses>(new Uses(env, std::move(file), std::move(record)));
}

void Uses::note(const std::string& principal, Verb verb, const Resource& resource) {
  const std::int64_t day = env_.now_unix_s() / kDayS;
  Use use{.principal = principal, .verb = verb, .resource = resource};
  const std::lock_guard hold(mutex_);
  const auto known = record_.last_unix_s.find(use);
  if (known != record_.last_unix_s.end() && known->second >= day * kDayS) return;
  if (known == record_.last_unix_s.end() && record_.last_unix_s.size() >= limits::kUsesMax) return;
  std::ignore = env_.append(file_, as_bytes(line_of(use, day)));
  record_.last_unix_s[std::move(use)] = day * kDayS;
}

}  // namespace sallyport::services::tracking
