// sallyport data take: a data set from outside, by the pin of data.lock.
#include <charconv>

#include "cli/data_view.h"
#include "services/data/intake.h"
#include "services/pipeline/runner.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "name", .value = "NAME", .doc = "what data.lock calls it"},
    {.name = "lock",
     .value = "FILE",
     .doc = "the lock file, made when it is missing",
     .fallback = "data.lock"},
    {.name = "publisher",
     .value = "PEM",
     .doc = "the public key to believe, for a name that is not pinned yet"},
    {.name = "label", .value = "COL", .doc = "the column of labels, for the first look at it"},
    {.name = "id", .value = "COL", .doc = "the column that names the rows"},
    {.name = "image", .value = "HxW", .doc = "the features are the pixels of a picture of this size"},
};
constexpr Positional kPositionals[] = {{.name = "DIR", .doc = "the folder that was downloaded or mirrored"}};

Result<ImageShape> shape_in(const std::string& text) {
  if (text.empty()) return ImageShape{};
  const std::size_t at = text.find('x');
  ImageShape out;
  const auto read = [](std::string_view digits, int& into) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), into).ec == std::errc() &&
           into > 0 && into <= 4096;
  };
  if (at == std::string::npos || !read(std::string_view(text).substr(0, at), out.height) ||
      !read(std::string_view(text).substr(at + 1), out.width)) {
    return invalid("--image: HEIGHTxWIDTH was expected");
  }
  return out;
}

Result<services::data::Taken> take(const Arguments& arguments, const trust::Workspace& workspace) {
  Env& env = system_env();
  const fs::path lock_file = arguments.text("lock");
  trust::DataLock lock;
  if (env.exists(lock_file)) {
    lock = TRY(trust::parse_data_lock(TRY(env.read_file(lock_file, limits::kStatementBytesMax))));
  }
  services::data::IntakeOptions options{
      .roles = {.label = arguments.text("label"), .id = arguments.text("id")}};
  options.image = TRY(shape_in(arguments.text("image")));
  if (arguments.has("publisher")) {
    options.publisher = TRY(trust::load_public_key(env, arguments.text("publisher"))).pem();
  }
  const std::string name = arguments.text("name");
  const Policy policy = TRY(services::pipeline::project_policy(env, workspace.root.parent_path()));
  const fs::path folder = arguments.word("DIR");
  auto taken = TRY(services::data::take(env, folder, name, lock, options, policy));
  const auto added = TRY(services::data::add(workspace, folder, name));
  if (added.manifest != taken.folder) {
    return fail(ErrorKind::kDenied, folder.string() + ": changed while it was taken");
  }
  lock.pins[name] = taken.pin;
  TRY(write_durably(env, lock_file, as_bytes(trust::serialize(lock))));
  return taken;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("name")) return output.usage("data take: --name is missing", "--name digits");
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const auto taken = take(arguments, workspace);
  if (!taken) {
    if (taken.error().kind != ErrorKind::kDenied) return std::unexpected(taken.error());
    output.error(taken.error());
    return Exit::kFindings;
  }
  const std::string name = arguments.text("name");
  const std::string how = taken->first      ? "pinned"
                          : taken->advanced ? "moved on to version " + std::to_string(taken->pin.version)
                                            : "as pinned";
  output.result("took " + name + ", " + how + " (sha256:" + taken->pin.manifest.hex() + "); it is staged\n",
                {{"name", name},
                 {"first", taken->first},
                 {"advanced", taken->advanced},
                 {"version", taken->pin.version},
                 {"manifest", taken->pin.manifest.hex()}});
  return Exit::kClean;
}

}  // namespace

extern const Command data_take_command;
const Command data_take_command{
    .name = "data take",
    .summary = "take a data set from outside as data.lock pins it, and stage it",
    .example =
        "$ sallyport data take downloads/digits --name digits --publisher uci.pub --label digit --image 8x8\n"
        "took digits, pinned (sha256:9f2c41aa...); it is staged",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
