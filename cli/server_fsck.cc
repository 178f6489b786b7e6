// sallyport server fsck: a server's log, statements, database and artifacts, held against one another.
#include "cli/command.h"
#include "services/tracking/fsck.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {{.name = "DIR", .doc = "the server's folder, as its --root has it"}};
constexpr Flag kFlags[] = {
    {.name = "backend-store-uri", .value = "URL", .doc = "where the tables are, as the server was told"},
};

Result<Exit> run(const Arguments& arguments, Output& output) {
  services::tracking::Backing backing;
  if (arguments.has("backend-store-uri")) {
    backing.database = TRY(services::postgres::parse_address(arguments.text("backend-store-uri")));
  }
  auto found = services::tracking::check_server(system_env(), arguments.word("DIR"), backing);
  if (!found) {
    if (says_nothing(found.error().kind)) return std::unexpected(found.error());
    found = services::tracking::ServerSoundness{.problems = {found.error().message}};
  }
  const bool sound = found->problems.empty();
  std::string text = sound ? "sound: " + with_separators(found->entries) + " entries of the log, " +
                                 with_separators(found->versions) + " versions, " +
                                 with_separators(found->artifacts) + " objects, " + bytes_text(found->bytes) +
                                 "\n"
                           : "not sound\n";
  for (const std::string& problem : found->problems) text += "  " + problem + "\n";
  output.result(text, {{"verdict", sound ? "sound" : "not-sound"},
                       {"entries", found->entries},
                       {"versions", found->versions},
                       {"objects", found->artifacts},
                       {"bytes", found->bytes},
                       {"problems", found->problems}});
  return sound ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command server_fsck_command;
const Command server_fsck_command{
    .name = "server fsck",
    .summary = "hold a server's log, database and artifacts against one another",
    .example =
        "$ sallyport server fsck mlruns\nsound: 37 entries of the log, 12 versions, 96 objects, 1.4 GB",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
