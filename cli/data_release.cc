// sallyport data release: a publisher signs a folder of data for those who pin their key.
#include "trust/data_release.h"
#include "cli/command.h"
#include "core/env.h"
#include "trust/data_version.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "name", .value = "NAME", .doc = "what the data set is called"},
    {.name = "version", .value = "N", .doc = "the version, from 1, higher than any before", .fallback = "1"},
    {.name = "key", .value = "PEM", .doc = "the publisher's private key"},
    {.name = "valid-days",
     .value = "N",
     .doc = "days until a newer release must be there",
     .fallback = "365"},
};
constexpr Positional kPositionals[] = {{.name = "DIR", .doc = "the folder; release.json is written into it"}};
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kValidDaysMax = 36'500;

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("name") || !arguments.has("key")) {
    return output.usage("data release: --name and --key are needed", "sallyport keygen makes a key");
  }
  const std::int64_t days = arguments.number("valid-days");
  const std::int64_t version = arguments.number("version");
  if (days < 1 || days > kValidDaysMax) return output.usage("data release: --valid-days is from 1 to 36500");
  if (version < 1) return output.usage("data release: --version is at least 1");
  Env& env = system_env();
  const fs::path folder = arguments.word("DIR");
  trust::DataRelease release{.name = arguments.text("name"), .version = version};
  TRY(trust::check_data_word("name", release.name));
  release.expires_unix_s = env.now_unix_s() + days * kDaySeconds;
  release.manifest = trust::digest_of(trust::released_part(TRY(trust::scan_directory(env, folder))));
  const trust::PrivateKey key = TRY(trust::load_private_key(env, arguments.text("key")));
  const trust::Envelope envelope = trust::sign_statement(trust::statement_of(release), {&key, 1});
  const fs::path target = folder / trust::kReleaseFile;
  TRY(write_durably(env, target, as_bytes(trust::serialize(envelope))));
  output.result("released " + release.name + " version " + std::to_string(version) +
                    " (sha256:" + release.manifest.hex() + "): " + target.string() + "\n",
                {{"name", release.name},
                 {"version", version},
                 {"manifest", release.manifest.hex()},
                 {"release", target.string()}});
  return Exit::kClean;
}

}  // namespace

extern const Command data_release_command;
const Command data_release_command{
    .name = "data release",
    .summary = "sign a folder of data as a release, for those who pin your key",
    .example =
        "$ sallyport data release digits/ --name digits --version 3 --key publisher.key\n"
        "released digits version 3 (sha256:9f2c41aa...): digits/release.json",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
