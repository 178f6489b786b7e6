// sallyport scan: what files would do when they are loaded, and what of them nobody can tell.
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/scan_view.h"
#include "core/env.h"
#include "services/scan/attest.h"
#include "services/scan/bom.h"
#include "services/scan/packs.h"
#include "services/scan/sarif.h"
#include "services/scan/scan.h"
#include "services/version.h"
#include "trust/keys.h"

namespace sallyport::cli {
namespace {

namespace scanning = services::scan;

constexpr Positional kPositionals[] = {
    {.name = "PATH", .doc = "model files, folders, repositories", .arity = Arity::kSome}};

constexpr Flag kFlags[] = {
    {.name = "policy", .value = "FILE", .doc = "thresholds and waivers (policy.yaml); waivers expire"},
    {.name = "packs",
     .value = "DIR",
     .doc = "signed packs of further globals that pickles may use (*.pack.json); needs --packs-key"},
    {.name = "packs-key", .value = "PEM", .doc = "the public key that signed the packs"},
    {.name = "explain", .doc = "also print what each pickle holds, byte by byte, as Python would say it"},
    {.name = "sarif", .value = "FILE", .doc = "also write SARIF 2.1; - prints it instead of the result"},
    {.name = "cyclonedx",
     .value = "FILE",
     .doc = "also write a CycloneDX 1.6 ML-BOM; - prints it instead of the result"},
    {.name = "attest",
     .value = "FILE",
     .doc = "also write a signed attestation of the scan (DSSE); needs --key"},
    {.name = "key", .value = "PEM", .doc = "the private key that signs the attestation"},
    {.name = "threads", .value = "N", .doc = "files at once; 0: one a core", .fallback = "0"},
    {.name = "max-depth", .value = "N", .doc = "how deep archives are opened in archives", .fallback = "8"},
    {.name = "max-layers", .value = "N", .doc = "members and layers of one file", .fallback = "400000"},
    {.name = "max-unpacked-mb",
     .value = "N",
     .doc = "how much one file may unpack to, in MiB",
     .fallback = "2048"},
    {.name = "max-file-mb", .value = "N", .doc = "larger files are not read, in MiB; 0: no limit",
     .fallback = "0"},
};

Result<scanning::ScanOptions> read_options(const Arguments& arguments) {
  scanning::ScanOptions out;
  Env& env = system_env();
  out.now_unix_s = env.now_unix_s();
  if (const std::string file = arguments.text("policy"); !file.empty()) {
    const Bytes text = TRY(env.read_file(file, limits::kYamlBytesMax));
    out.policy = TRY(parse_policy(as_text(text), file));
  }
  if (const std::string packs = arguments.text("packs"); !packs.empty()) {
    const trust::PublicKey key = TRY(trust::load_public_key(env, arguments.text("packs-key")));
    out.packs = TRY(scanning::load_packs(env, packs, key));
  }
  out.explain = arguments.has("explain");
  out.threads = static_cast<unsigned>(std::min<std::int64_t>(arguments.number("threads"), 256));
  out.depth_max = static_cast<int>(std::min<std::int64_t>(arguments.number("max-depth"), 64));
  out.layers_max = static_cast<std::uint64_t>(arguments.number("max-layers"));
  out.unpacked_bytes_max = static_cast<std::uint64_t>(arguments.number("max-unpacked-mb")) * limits::kMiB;
  if (const std::int64_t mb = arguments.number("max-file-mb"); mb > 0) {
    out.file_bytes_max = static_cast<std::uint64_t>(mb) * limits::kMiB;
  }
  return out;
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

Result<bool> write_documents(const Arguments& arguments, const scanning::ScanReport& report, Output& output) {
  bool printed = false;
  const std::string sarif = arguments.text("sarif"), bom = arguments.text("cyclonedx");
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

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (arguments.has("attest") != arguments.has("key")) {
    return output.usage("scan: --attest and --key go together", "sallyport keygen makes a key");
  }
  if (arguments.has("packs") != arguments.has("packs-key")) {
    return output.usage("scan: --packs and --packs-key go together",
                        "sallyport sign-pack makes signed packs");
  }
  if (arguments.text("sarif") == "-" && arguments.text("cyclonedx") == "-") {
    return output.usage("scan: only one document can go to stdout", "name a file for the other");
  }
  scanning::ScanOptions options = TRY(read_options(arguments));
  std::unique_ptr<Progress> progress;
  options.on_count = [&](std::size_t count) {
    if (count > 1) progress = std::make_unique<Progress>(output, "files", count);
  };
  options.on_file = [&](const scanning::ScannedFile& file) {
    if (progress) progress->advance(file.path);
  };
  std::vector<std::filesystem::path> paths;
  for (const std::string& word : arguments.words("PATH")) paths.emplace_back(word);
  const scanning::ScanReport report = TRY(scanning::scan(paths, options));
  progress.reset();
  if (!TRY(write_documents(arguments, report, output))) {
    if (output.is_json()) {
      output.json(scanning::to_json(report));
    } else {
      print_scan(report, output);
    }
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
