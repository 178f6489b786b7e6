// sallyport notebook: a notebook's kernel, confined, whose one way out is looked at and metered.
#include "services/notebook/session.h"

#include <algorithm>

#include "cli/command.h"
#include "core/limits.h"
#include "services/data_check/source.h"

namespace sallyport::cli {
namespace {

namespace notebooks = services::notebook;
namespace sandbox = services::sandbox;

constexpr Positional kPositionals[] = {
    {.name = "COMMAND", .doc = "the kernel or script, with its arguments, behind --", .arity = Arity::kSome}};

constexpr Flag kFlags[] = {
    {.name = "protect",
     .value = "FILE",
     .doc = "a table whose numbers must not leave, as data check reads it",
     .repeats = true},
    {.name = "canaries", .value = "FILE", .doc = "words of planted rows, one a line: none may leave"},
    {.name = "to",
     .value = "NAME=PLACE",
     .doc = "a destination that it may send to: an https address, which bodies are posted to, or a folder",
     .repeats = true},
    {.name = "budget", .value = "N", .doc = "how many KiB it may send in all", .fallback = "1024"},
    {.name = "in",
     .value = "NAME=PATH",
     .doc = "a file or folder that it reads as /in/NAME",
     .repeats = true},
    {.name = "work", .value = "DIR", .doc = "the folder that it writes and starts in, as /work"},
    {.name = "name",
     .value = "NAME",
     .doc = "what the notebook is called in the report",
     .fallback = "notebook"},
    {.name = "jit", .doc = "memory may become code: just-in-time compilers need it"},
    {.name = "memory", .value = "N", .doc = "how many MiB it may take", .fallback = "4096"},
    {.name = "time", .value = "N", .doc = "how many seconds it may run", .fallback = "3600"},
};

Result<notebooks::Protected> what_is_protected(const Arguments& arguments) {
  notebooks::Protected out;
  for (const std::string& file : arguments.all("protect"))
    out.add(TRY(services::data_check::load_file(file)));
  if (const std::string file = arguments.text("canaries"); !file.empty()) {
    const Bytes bytes = TRY(system_env().read_file(file, limits::kMiB));
    std::string_view rest = as_text(bytes);
    for (std::size_t line = 1; !rest.empty(); ++line) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (end > 0) {
        const Result<void> added = out.add_canary(std::string(rest.substr(0, end)));
        if (!added) return within(file + " line " + std::to_string(line), added.error());
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  out.settle();
  return out;
}

Result<sandbox::Confinement> box_of(const Arguments& arguments) {
  sandbox::Confinement out{.command = arguments.words("COMMAND"),
                           .environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/tmp"}}};
  for (const std::string& text : arguments.all("in")) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos || name.empty() || equals + 1 == text.size() || name == "." ||
        name == ".." || name.find('/') != std::string::npos)
      return invalid("--in " + text + ": NAME=PATH is needed, and a name is one word of a path");
    out.binds.push_back({.host = fs::absolute(text.substr(equals + 1)), .inside = "/in/" + name});
  }
  if (const std::string folder = arguments.text("work"); !folder.empty()) {
    out.binds.push_back({.host = fs::absolute(folder), .inside = "/work", .access = sandbox::Access::kWrite});
    out.cwd = "/work";
  }
  if (arguments.has("jit")) out.new_code = sandbox::NewCode::kInMemory;
  out.limits.memory_bytes =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(arguments.number("memory"), 1, 1 << 24)) *
      limits::kMiB;
  out.limits.wall_s = static_cast<double>(std::max<std::int64_t>(1, arguments.number("time")));
  return out;
}

Json to_json(const notebooks::Session& session, const std::string& name) {
  Json sent = Json::array();
  for (const notebooks::Sent& one : session.sent)
    sent.push_back({{"destination", one.destination}, {"bytes", one.bytes}, {"refused", one.refused}});
  return {{"notebook", name},
          {"sent", std::move(sent)},
          {"released_bytes", session.released_bytes},
          {"broken", session.broken},
          {"outcome", sandbox::to_json(session.outcome)}};
}

std::string how_it_ended(const sandbox::Outcome& outcome) {
  if (outcome.limit != sandbox::Limit::kNone)
    return "ended by its limit: " + std::string(sandbox::name_of(outcome.limit));
  if (outcome.signal != 0) return "ended by signal " + std::to_string(outcome.signal);
  return outcome.succeeded() ? "done" : "exit " + std::to_string(outcome.exit_status);
}

void print(const notebooks::Session& session, const std::string& name, Output& output) {
  std::size_t refused = 0;
  for (const notebooks::Sent& one : session.sent) {
    if (one.refused.empty()) continue;
    ++refused;
    output.line(output.paint(Tint::kRed, "refused") + "      " + bytes_text(one.bytes) + " to " +
                visible(one.destination) + ": " + visible(one.refused));
  }
  if (!session.broken.empty()) output.line(output.paint(Tint::kRed, "broken") + "       " + session.broken);
  for (const sandbox::Denial& denial : session.outcome.denials)
    output.line("kept from    " + visible(denial.what) + ", " + with_separators(denial.count) + " times");
  output.line(name + ": " + how_it_ended(session.outcome) + "; " +
              with_separators(session.sent.size() - refused) + " bodies released, " +
              bytes_text(session.released_bytes) + "; " + with_separators(refused) + " refused");
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  sandbox::Confinement box = TRY(box_of(arguments));
  notebooks::SessionOptions options{.name = arguments.text("name"), .box = std::move(box)};
  for (const std::string& text : arguments.all("to"))
    options.destinations.push_back(TRY(notebooks::destination_of(text)));
  options.budget_bytes =
      static_cast<std::uint64_t>(std::clamp<std::int64_t>(arguments.number("budget"), 0, 1 << 30)) *
      limits::kKiB;
  const std::string name = options.name;
  sandbox::Watch watch;
  watch.on_start = [&](const std::vector<std::string>& degraded) {
    for (const std::string& line : degraded) output.note("this machine: " + line);
  };
  watch.on_line = [&](sandbox::Stream, std::string_view line) { output.note(visible(line)); };
  const notebooks::Session session =
      TRY(notebooks::run_session(std::move(options), TRY(what_is_protected(arguments)), watch));
  if (output.is_json()) {
    output.json(to_json(session, name));
  } else {
    print(session, name, output);
  }
  const bool refused =
      std::ranges::any_of(session.sent, [](const notebooks::Sent& one) { return !one.refused.empty(); });
  return refused || !session.broken.empty() || !session.outcome.succeeded() ? Exit::kFindings : Exit::kClean;
}

}  // namespace

extern const Command notebook_command;
const Command notebook_command{
    .name = "notebook",
    .summary = "run a notebook confined; what it sends is held against protected numbers and a budget",
    .example =
        "$ sallyport notebook --protect embeddings.npy --to metrics=out --in data=train -- python3 nb.py\n"
        "refused      25.6 KB to metrics: 6,385 windows of protected numbers were sent or are in the body\n"
        "notebook: exit 1; 2 bodies released, 1.2 KB; 1 refused",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
