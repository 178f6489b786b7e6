// sallyport drill: enacts threats and shows that the attack harms, that it is refused, and that its twin
// passes.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "catalog/coverage.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "drills/runner.h"

namespace sallyport::cli {
namespace {

using drills::DrillEntry;
using drills::DrillReport;

constexpr Flag kFlags[] = {
    {.name = "list", .doc = "print the drills and run none"},
    {.name = "keep", .value = "DIR", .doc = "leave every trial's folders here, to look at what happened"},
    {.name = "seed", .value = "N", .doc = "the seed of the first trial", .fallback = "1"},
    {.name = "trials",
     .value = "N",
     .doc = "trials of each drill; 0 is what the drill itself asks for",
     .fallback = "0"},
};
constexpr Positional kPositionals[] = {
    {.name = "ID", .doc = "a threat or a guard; without one, every drill runs", .arity = Arity::kAny}};
constexpr std::int64_t kTrialsMax = 100'000;

// "0.95 [0.83, 0.99]"
std::string rate_text(std::uint64_t count, std::uint64_t trials) {
  const learn::Interval interval = learn::clopper_pearson(count, trials);
  const double rate = trials == 0 ? 0 : static_cast<double>(count) / static_cast<double>(trials);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.2f [%.2f, %.2f]", rate, interval.low, interval.high);
  return buffer;
}

std::string of_trials(std::uint64_t count, std::uint64_t trials) {
  return std::to_string(count) + " of " + std::to_string(trials) + " trials";
}

std::string joined(std::initializer_list<std::string> parts) {
  std::string out;
  for (const std::string& part : parts) {
    if (!part.empty()) out += (out.empty() ? "" : "; ") + part;
  }
  return out;
}

void print_claim(Output& output, std::string_view who, bool holds, std::string_view word,
                 const std::string& text) {
  std::string head = "  " + std::string(who);
  head.resize(15, ' ');
  std::string verdict(word);
  verdict.resize(9, ' ');
  output.print(head + output.paint(holds ? Tint::kGreen : Tint::kRed, verdict));
  output.print(text.empty() ? "\n" : wrapped(text, 24, 110).substr(24));
}

void print_report(const DrillReport& report, Output& output) {
  const drills::Drill& drill = *report.entry.drill;
  const std::string head = wrapped(std::string(drill.threat) + "  " + std::string(drill.story), 2, 110);
  output.print(output.paint(Tint::kBold, drill.threat) + head.substr(2 + drill.threat.size()));
  if (!report.error.empty()) {
    print_claim(output, "could not run", false, "error", report.error);
    return;
  }
  const std::uint64_t n = report.trials;
  const bool many = n > 1;
  print_claim(output, "undefended", report.undefended_harm(), report.harmed > 0 ? "harmed" : "unharmed",
              joined({std::string(drill.harm), many ? of_trials(report.harmed, n) : ""}));
  print_claim(output, "defended", report.defended_refused(), report.refused > 0 ? "refused" : "passed",
              joined({many ? of_trials(report.refused, n) + ", rate " + rate_text(report.refused, n) : "",
                      report.why}));
  const std::uint64_t wrong = report.refused_honest;
  const std::string_view word = report.harmed_honest > 0 ? "harmed" : wrong == n ? "refused" : "passes";
  print_claim(
      output, "honest twin", report.twin_passes(), word,
      joined({std::string(drill.honest_story),
              many ? "false positives " + of_trials(wrong, n) + ", rate " + rate_text(wrong, n) : ""}));
  if (!report.miss.empty()) print_claim(output, report.holds() ? "missed" : "fails", false, "", report.miss);
}

void print_list(const std::vector<const DrillEntry*>& entries, Output& output) {
  if (output.is_json()) {
    Json list = Json::array();
    for (const DrillEntry* entry : entries) {
      list.push_back({{"id", entry->drill->threat},
                      {"drill", entry->id},
                      {"stage", name_of(entry->stage())},
                      {"guard", entry->guard == nullptr ? Json() : Json(entry->guard->id)},
                      {"trials", entry->drill->trials}});
    }
    return output.json(list);
  }
  for (const DrillEntry* entry : entries) {
    std::string id(entry->drill->threat);
    id.resize(std::max<std::size_t>(id.size(), 30), ' ');
    const std::string by = entry->guard != nullptr ? "guard " + std::string(entry->guard->id)
                                                   : "mechanism " + std::string(entry->mechanism);
    output.line(id + "  " + by);
  }
}

// The drills that an id names: those of a threat, or of a guard or mechanism.
std::vector<const DrillEntry*> drills_named(const std::string& id) {
  std::vector<const DrillEntry*> out = drills::drills_against(id);
  if (!out.empty()) return out;
  for (const DrillEntry& entry : drills::drills()) {
    if (entry.id == id || (entry.guard != nullptr && entry.guard->id == id)) out.push_back(&entry);
  }
  return out;
}

// Error when the threat is known but nothing enacts it; no drills when the id means nothing.
Result<std::vector<const DrillEntry*>> select(const std::vector<std::string>& ids, std::string& unknown) {
  std::vector<const DrillEntry*> out;
  for (const std::string& id : ids) {
    const std::vector<const DrillEntry*> named = drills_named(id);
    if (named.empty() && catalog::find_threat(id) != nullptr) {
      return fail(ErrorKind::kNotFound, "drill: nothing enacts " + id + " yet",
                  "sallyport threats " + id + " says why");
    }
    if (named.empty()) unknown = id;
    for (const DrillEntry* entry : named) {
      if (std::find(out.begin(), out.end(), entry) == out.end()) out.push_back(entry);
    }
  }
  if (ids.empty()) {
    for (const DrillEntry& entry : drills::drills()) out.push_back(&entry);
  }
  return out;
}

Exit unknown_id(const std::string& id, Output& output) {
  std::vector<std::string> ids;
  for (const DrillEntry& entry : drills::drills()) {
    ids.emplace_back(entry.drill->threat);
    ids.emplace_back(entry.id);
  }
  const std::string near = nearest(id, ids);
  return output.usage("drill: no threat or guard '" + id + "'",
                      near.empty() ? "sallyport drill --list shows them" : "did you mean " + near + "?");
}

Exit exit_for(const std::vector<DrillReport>& reports) {
  Exit out = Exit::kClean;
  for (const DrillReport& report : reports) {
    if (!report.error.empty()) return Exit::kCannotTell;
    if (!report.holds()) out = Exit::kFindings;
  }
  return out;
}

void print_summary(const std::vector<DrillReport>& reports, double seconds, Output& output) {
  const auto hold =
      std::count_if(reports.begin(), reports.end(), [](const DrillReport& r) { return r.holds(); });
  char time[32];
  std::snprintf(time, sizeof time, "%.1f s", seconds);
  const std::size_t count = reports.size();
  output.note(std::to_string(count) + (count == 1 ? " drill in " : " drills in ") + time + ": " +
              std::to_string(hold) + " hold, " + std::to_string(count - static_cast<std::size_t>(hold)) +
              " do not");
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  std::string unknown;
  const std::vector<const DrillEntry*> entries = TRY(select(arguments.words("ID"), unknown));
  if (!unknown.empty()) return unknown_id(unknown, output);
  if (arguments.has("list")) {
    print_list(entries, output);
    return Exit::kClean;
  }
  if (arguments.number("trials") > kTrialsMax) return output.usage("drill: --trials is at most 100000");
  drills::RunOptions options{.first_seed = static_cast<std::uint64_t>(arguments.number("seed")),
                             .trials = static_cast<int>(arguments.number("trials")),
                             .keep = arguments.text("keep")};
  std::uint64_t total = 0;
  for (const DrillEntry* entry : entries) {
    total += static_cast<std::uint64_t>(options.trials > 0 ? options.trials : entry->drill->trials);
  }
  const auto start = std::chrono::steady_clock::now();
  std::vector<DrillReport> reports;
  {
    Progress progress(output, "trials", total);
    options.on_trial = [&](std::string_view id) { progress.advance(id); };
    reports = drills::run_drills(entries, options);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (output.is_json()) {
    output.json(drills::to_json(reports));
    for (const DrillReport& report : reports) {
      const std::string& why = report.error.empty() ? report.miss : report.error;
      if (!report.holds()) output.error({ErrorKind::kInvalid, std::string(report.entry.id) + ": " + why});
    }
  } else {
    for (const DrillReport& report : reports) print_report(report, output);
    print_summary(reports, seconds, output);
  }
  return exit_for(reports);
}

}  // namespace

extern const Command drill_command;
const Command drill_command{
    .name = "drill",
    .summary = "enacts threats: the attack harms, the defence refuses it, its honest twin passes",
    .example =
        "$ sallyport drill registry-retag-poison\n"
        "registry-retag-poison  an intruder with write access to the registry moves the alias\n"
        "  undefended   harmed\n"
        "  defended     refused  alias move lacks 2 approvals\n"
        "  honest twin  passes   a promotion approved by lead and audit",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
