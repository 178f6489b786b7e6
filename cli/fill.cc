// sallyport fill: a job's stored fields filled in, those that a grammar lets through and no others.
#include "cli/command.h"
#include "core/env.h"
#include "core/limits.h"
#include "services/sinks/job.h"

namespace sallyport::cli {
namespace {

namespace sinks = services::sinks;

constexpr std::size_t kRecordBytesMax = 16 * limits::kMiB;

constexpr Positional kPositionals[] = {
    {.name = "JOB", .doc = "a script, template, YAML document or prompt with @{FIELD|GRAMMAR} in it"}};
constexpr Flag kFlags[] = {
    {.name = "fields", .value = "FILE", .doc = "what a tracking server answered of a run, model or version"},
    {.name = "sink",
     .value = "shell|template|yaml|prompt",
     .doc = "what the job is read by",
     .fallback = "shell"},
    {.name = "out", .value = "FILE", .doc = "where the job goes; without it to the standard output"},
};

Result<std::string> fill(const Arguments& arguments) {
  Env& env = system_env();
  const Bytes job = TRY(env.read_file(arguments.word("JOB"), limits::kMiB));
  const std::string file = arguments.text("fields");
  const Bytes record = TRY(env.read_file(file, kRecordBytesMax));
  const auto parsed = parse_json(as_text(record));
  if (!parsed) return within(file, parsed.error());
  const auto fields = sinks::fields_of(*parsed);
  if (!fields) return within(file, fields.error());
  return sinks::filled(TRY(sinks::sink_named(arguments.text("sink"))), as_text(job), *fields);
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("fields")) return output.usage("fill: --fields is missing");
  const auto job = fill(arguments);
  if (!job) {
    if (job.error().kind != ErrorKind::kDenied) return std::unexpected(job.error());
    output.error(job.error());
    return Exit::kFindings;
  }
  if (!arguments.has("out")) {
    output.result(*job, {{"job", *job}});
    return Exit::kClean;
  }
  TRY(write_durably(system_env(), arguments.text("out"), as_bytes(*job)));
  output.result("filled: " + arguments.text("out") + "\n", {{"out", arguments.text("out")}});
  return Exit::kClean;
}

}  // namespace

extern const Command fill_command;
const Command fill_command{
    .name = "fill",
    .summary = "fill stored fields into a job, those that fit a grammar and no free text",
    .example =
        "$ curl -s \"$MLFLOW_TRACKING_URI/api/2.0/mlflow/runs/get?run_id=9f2c\" > run.json\n"
        "$ cat deploy.sh\n"
        "docker run @{tags.image|image} --epochs @{params.epochs|number}\n"
        "$ sallyport fill deploy.sh --fields run.json\n"
        "docker run registry/digits:1.2 --epochs 20",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
