// sallyport vault check: what a store of artifacts gives to strangers, by its settings and by asking it.
#include "cli/command.h"
#include "core/env.h"
#include "services/exposure/exposure.h"

namespace sallyport::cli {
namespace {

using services::exposure::Exposure;

constexpr Flag kFlags[] = {
    {.name = "url", .value = "URL", .doc = "the bucket's address, asked without credentials"},
    {.name = "object", .value = "KEY", .doc = "an object in it, which a stranger must not get"},
    {.name = "ca", .value = "PEM", .doc = "roots to trust instead of the system's"},
};
constexpr Positional kPositionals[] = {
    {.name = "FILE",
     .doc = "a bucket policy, an ACL, a public access block, or a text with presigned links",
     .arity = Arity::kAny}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("url") && arguments.words("FILE").empty()) {
    return output.usage("vault check: a FILE or --url is needed", "sallyport vault check policy.json");
  }
  Env& env = system_env();
  std::vector<Exposure> found;
  for (const std::string& file : arguments.words("FILE")) {
    const Bytes bytes = TRY(env.read_file(file, limits::kYamlDataBytesMax));
    for (Exposure& one : TRY(services::exposure::lint(file, bytes))) found.push_back(std::move(one));
  }
  if (arguments.has("url")) {
    std::string bucket = arguments.text("url");
    while (bucket.ends_with('/')) bucket.pop_back();
    services::exposure::ProbeOptions options{.object = arguments.text("object")};
    options.fetch.roots = arguments.text("ca");
    for (Exposure& one : TRY(services::exposure::probe(env, bucket, options)))
      found.push_back(std::move(one));
  }
  std::string text;
  Json all = Json::array();
  for (const Exposure& one : found) {
    text += one.rule + "  " + one.where + "  " + one.what + "\n";
    all.push_back({{"rule", one.rule}, {"where", one.where}, {"what", one.what}});
  }
  if (found.empty()) text = "nothing is given to strangers, as far as was looked\n";
  output.result(text, {{"exposures", std::move(all)}});
  return found.empty() ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command vault_check_command;
const Command vault_check_command{
    .name = "vault check",
    .summary = "look for grants to everybody in a store's settings, and ask the store as a stranger would",
    .example =
        "$ sallyport vault check policy.json --url https://models.example/digits --object model.onnx\n"
        "public-read  policy.json: Statement 1  lets everybody read objects",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
