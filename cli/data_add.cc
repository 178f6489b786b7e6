// sallyport data add: a file or a folder into the store, staged for the next version.
#include "cli/data_view.h"
#include "cli/progress.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "name", .value = "NAME", .doc = "the data set", .fallback = "the path's last part"}};
constexpr Positional kPositionals[] = {{.name = "PATH", .doc = "a file or a folder"}};

std::string name_of(const fs::path& path) {
  std::error_code error;
  std::string out = fs::weakly_canonical(path, error).filename().string();
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A folder without a project gets one: a trust root of its own, whose keys stay in it.
Result<trust::Workspace> workspace_of(const Arguments& arguments, Output& output) {
  Result<trust::Workspace> found = data_workspace(arguments);
  if (found || found.error().kind != ErrorKind::kNotFound) return found;
  const fs::path folder = arguments.workspace();
  const std::string made = (folder / trust::kWorkspaceFolder).string();
  output.note("made " + made + ", with keys and a trust root of its own");
  return trust::create_workspace(system_env(), folder);
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const fs::path path = arguments.word("PATH");
  TRY(system_env().status(path));
  const std::string name = arguments.has("name") ? arguments.text("name") : name_of(path);
  const trust::Workspace workspace = TRY(workspace_of(arguments, output));
  Progress progress(output, "files", 0);
  const auto report = TRY(services::data::add(
      workspace, path, name, [&](const std::string& file, std::uint64_t) { progress.advance(file); }));
  output.result("staged " + name + ": " + with_separators(report.files) + " files, " +
                    bytes_text(report.bytes) + ", " + bytes_text(report.stored) + " of it new (sha256:" +
                    report.manifest.brief() + "...)\n",
                {{"name", name},
                 {"files", report.files},
                 {"bytes", report.bytes},
                 {"stored", report.stored},
                 {"manifest", report.manifest.hex()},
                 {"root", report.root.hex()}});
  return Exit::kClean;
}

}  // namespace

extern const Command data_add_command;
const Command data_add_command{
    .name = "data add",
    .summary = "take a file or a folder into the store, for the next version of a data set",
    .example =
        "$ sallyport data add images/ --name digits\n"
        "staged digits: 1,797 files, 7.4 MB, 7.4 MB of it new (sha256:9f2c41aa0b77...)",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
