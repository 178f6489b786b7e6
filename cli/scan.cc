// sallyport scan: what files would do when they are loaded, and what of them nobody can tell.
#include "services/scan/scan.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/scan_view.h"
#include "cli/scan_watch.h"
#include "core/env.h"
#include "services/scan/accept.h"
#include "services/scan/attest.h"
#include "services/scan/bom.h"
#include "services/scan/cache.h"
#include "services/scan/review.h"
#include "services/scan/sarif.h"
#include "services/scan/settings.h"
#include "services/version.h"
#include "trust/keys.h"

namespace sallyport::cli {
namespace {

namespace scanning = services::scan;

constexpr Positional kPositionals[] = {
    {.name = "PATH", .doc = "model files, folders, repositories", .arity = Arity::kSome}};

constexpr Flag kFlags[] = {
    {.name = "format",
     .value = "plain|json|sarif|cyclonedx",
     .doc = "how results are printed",
     .fallback = "plain"},
    {.name = "policy", .value = "FILE", .doc = "thresholds and waivers (policy.yaml); waivers expire"},
    {.name = "packs",
     .value = "DIR",
     .doc = "signed packs of further globals that pickles may use (*.pack.json); needs --packs-key"},
    {.name = "packs-key", .value = "PEM", .doc = "the public key that signed the packs"},
    {.name = "watch", .doc = "stay, and scan each file that appears or changes below the folders"},
    {.name = "explain", .doc = "also print what each pickle holds, byte by byte, as Python would say it"},
    {.name = "sarif", .value = "FILE", .doc = "also write SARIF 2.1; - prints it instead of the result"},
    {.name = "cyclonedx",
     .value = "FILE",
     .doc = "also write a CycloneDX 1.6 ML-BOM; - prints it instead of the result"},
    {.name = "attest",
     .value = "FILE",
     .doc = "also write a signed attestation of the scan (DSSE); needs --key"},
    {.name = "key", .value = "PEM", .doc = "the private key that signs the attestation"},
    {.name = "diff",
     .value = "BASE",
     .doc = "of repositories only what changed since HEAD forked from this branch, tag or commit"},
    {.name = "baseline", .value = "FILE", .doc = "findings that are known, as --write-baseline wrote them"},
    {.name = "write-baseline", .value = "FILE", .doc = "write what was found as a baseline, and exit 0"},
    {.name = "advisories",
     .value = "PATH",
     .doc = "a folder or a zip of OSV advisories: packages that one is about are findings"},
    {.name = "wheels",
     .value = "DIR",
     .doc = "wheels of a change of dependencies: proposed/ is held against accepted/"},
    {.name = "registry",
     .value = "DIR",
     .doc = "a project: weights in a repository are held against the versions that its registry has"},
    {.name = "review",
     .value = "FILE",
     .doc = "rules for a repository's history: who may sign commits, and where two persons must"},
    {.name = "cache",
     .value = "DIR",
     .doc = "where what was said of a repository's files is kept; else the user's cache folder"},
    {.name = "no-cache", .doc = "search everything, and keep nothing"},
    {.name = "threads", .value = "N", .doc = "files at once; 0: one a core", .fallback = "0"},
    {.name = "max-depth", .value = "N", .doc = "how deep archives are opened in archives", .fallback = "8"},
    {.name = "max-layers", .value = "N", .doc = "members and layers of one file", .fallback = "400000"},
    {.name = "max-unpacked-mb",
     .value = "N",
     .doc = "how much one file may unpack to, in MiB",
     .fallback = "2048"},
    {.name = "max-file-mb",
     .value = "N",
     .doc = "larger files are not read, in MiB; 0: no limit",
     .fallback = "0"},
};

scanning::Settings settings_of(const Arguments& arguments) {
  return {.policy_file = arguments.text("policy"),
          .packs_folder = arguments.text("packs"),
          .packs_key_file = arguments.text("packs-key"),
          .explain = arguments.has("explain"),
          .threads = arguments.number("threads"),
          .depth_max = arguments.number("max-depth"),
          .layers_max = arguments.number("max-layers"),
          .unpacked_mb_max = arguments.number("max-unpacked-mb"),
          .file_mb_max = arguments.number("max-file-mb")};
}

// Writes a document beside the result; true when it went to stdout in the result's place.
Result<bool> write_document(const std::string& target, const Json& document, Output& output) {
  if (target == "-") {
    output.print(pretty(document));
    return true;
  }
  if (!target.empty()) TRY(write_durably(system_env(), target, as_bytes(pretty(document))));
  return false;
}

// Where the document goes: to the file that its flag names, or in the place of the result.
std::string target_of(const Arguments& arguments, std::string_view document) {
  return arguments.text("format") == document ? "-" : arguments.text(document);
}

Result<bool> write_documents(const Arguments& arguments, const scanning::ScanReport& report, Output& output) {
  bool printed = false;
  const std::string sarif = target_of(arguments, "sarif"), bom = target_of(arguments, "cyclonedx");
  if (!sarif.empty()) {
    printed = TRY(write_document(sarif, scanning::to_sarif(report, services::kVersion), output));
  }
  if (!bom.empty()) {
    printed = TRY(write_document(bom, scanning::to_cyclonedx(report, services::kVersion), output)) || printed;
  }
  if (const std::string file = arguments.text("attest"); !file.empty()) {
    const trust::PrivateKey key = TRY(trust::load_private_key(system_env(), arguments.text("key")));
    const std::string envelope = TRY(scanning::attest(report, key));
    TRY(write_durably(system_env(), file, as_bytes(envelope)));
  }
  return printed;
}

// What of the command line does not go together, and what would.
std::optional<std::pair<std::string, std::string>> contradiction(const Arguments& arguments) {
  if (arguments.has("attest") != arguments.has("key")) {
    return {{"scan: --attest and --key go together", "sallyport keygen makes a key"}};
  }
  if (arguments.has("packs") != arguments.has("packs-key")) {
    return {{"scan: --packs and --packs-key go together", "sallyport sign-pack makes signed packs"}};
  }
  const std::string sarif = target_of(arguments, "sarif"), bom = target_of(arguments, "cyclonedx");
  if (sarif == "-" && bom == "-") {
    return {{"scan: only one document can go to stdout", "name a file for the other"}};
  }
  const bool documents = !sarif.empty() || !bom.empty() || arguments.has("attest");
  if (arguments.has("watch") && documents) {
    return {{"scan: --watch never ends, and a document is of a scan that did",
             "leave out --sarif, --cyclonedx and --attest"}};
  }
  return {};
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (const auto wrong = contradiction(arguments)) return output.usage(wrong->first, wrong->second);
  scanning::ScanOptions options = TRY(scanning::read_options(system_env(), settings_of(arguments)));
  if (!arguments.has("no-cache")) {
    options.cache_folder =
        arguments.has("cache") ? fs::path(arguments.text("cache")) : scanning::user_cache_folder();
  }
  options.since = arguments.text("diff");
  options.frames = !output.is_json();
  options.advisories = arguments.text("advisories");
  options.wheels = arguments.text("wheels");
  options.registry = arguments.text("registry");
  if (const std::string rules = arguments.text("review"); !rules.empty()) {
    options.review =
        std::make_shared<const scanning::ReviewRules>(TRY(scanning::read_review_rules(system_env(), rules)));
  }
  options.list_packages = !target_of(arguments, "cyclonedx").empty();
  if (arguments.has("baseline"))
    options.baseline = TRY(scanning::read_baseline(system_env(), arguments.text("baseline")));
  std::vector<std::filesystem::path> paths;
  for (const std::string& word : arguments.words("PATH")) paths.emplace_back(word);
  if (arguments.has("watch")) return watch_folders(paths, options, output);
  std::unique_ptr<Progress> progress;
  options.on_count = [&](std::size_t count) {
    if (count > 1) progress = std::make_unique<Progress>(output, "files", count);
  };
  options.on_file = [&](const scanning::ScannedFile& file) {
    if (progress) progress->advance(file.path);
  };
  const scanning::ScanReport report = TRY(scanning::scan(paths, options));
  progress.reset();
  if (!TRY(write_documents(arguments, report, output))) {
    if (output.is_json()) {
      output.json(scanning::to_json(report));
    } else {
      print_scan(report, output);
    }
  }
  if (const std::string file = arguments.text("write-baseline"); !file.empty()) {
    TRY(write_durably(system_env(), file, as_bytes(pretty(scanning::to_baseline(report)))));
    return report.exit_code() == 1 ? Exit::kClean : static_cast<Exit>(report.exit_code());
  }
  return static_cast<Exit>(report.exit_code());
}

}  // namespace

extern const Command scan_command;
const Command scan_command{
    .name = "scan",
    .summary = "search model files, folders and repositories for what loading them would do",
    .example =
        "$ sallyport scan downloads/\n"
        "critical  export-deserialize-exec           downloads/bert.bin (pytorch-zip)\n"
        "  byte 1,204: archive/data.pkl: loading would call posix.system(\"curl -s http://203.0...\")\n"
        "  do  load a safetensors edition of this model, or ask its publisher for one\n"
        "\n"
        "312 files, 41.7 GB in 19 s: 311 read whole with nothing found, 1 with findings, 0 could not tell",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
