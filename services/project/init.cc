#include "services/project/init.h"

#include <algorithm>

#include "formats/csv.h"
#include "services/pipeline/runner.h"
#include "services/project/templates.h"
#include "trust/batch.h"
#include "trust/workspace.h"

namespace sallyport::services::project {
namespace {

// A pipeline's name is a plain word; a folder's may be anything.
std::string plain_name(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter) {
      out += c;
    } else if (c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "model" : out.substr(0, 64);
}

std::string schema_text(const InitOptions& options) {
  std::string out = "{label: " + options.roles.label;
  if (!options.roles.id.empty()) out += ", id: " + options.roles.id;
  if (!options.roles.contributor.empty()) out += ", contributor: " + options.roles.contributor;
  if (!options.roles.group.empty()) out += ", group: " + options.roles.group;
  if (options.image.height > 0) {
    out += ", image: {height: " + std::to_string(options.image.height) +
           ", width: " + std::to_string(options.image.width) +
           ", max: " + number_text(options.image.max_value) + "}";
  }
  return out + "}";
}

std::string filled(std::string_view pattern, const std::vector<std::pair<std::string, std::string>>& values) {
  std::string out(pattern);
  for (const auto& [name, value] : values) {
    const std::string mark = "@" + name + "@";
    for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + value.size())) {
      out.replace(at, mark.size(), value);
    }
  }
  return out;
}

Result<void> check_free(Env& env, const InitOptions& options) {
  const std::string feed = "feed/" + options.feed_file;
  for (const std::string& path : {std::string(trust::kWorkspaceFolder), std::string("pipeline.yaml"),
                                  std::string("policy.yaml"), feed, feed + ".batch.json"}) {
    if (env.exists(options.folder / path)) {
      return fail(ErrorKind::kDenied,
                  (options.folder / path).string() + ": is there already; nothing was changed",
                  "run `sallyport run`, or init an empty folder");
    }
  }
  return {};
}

}  // namespace

Result<InitReport> init_project(Env& env, const InitOptions& options) {
  TRY(formats::csv::parse(options.feed_csv,
                          {.name = options.feed_file, .roles = options.roles, .image = options.image}));
  TRY(env.make_directories(options.folder));
  TRY(check_free(env, options));
  const std::string name = options.name.empty()
                               ? plain_name(fs::weakly_canonical(options.folder).filename().string())
                               : options.name;
  const std::string feed = "feed/" + options.feed_file;
  const std::string pipeline =
      filled(kPipelineTemplate, {{"name", name}, {"schema", schema_text(options)}, {"feed", feed}});
  TRY(pipeline::parse_definition(pipeline, "pipeline.yaml"));

  TRY(env.make_directories(options.folder / "feed"));
  TRY(write_durably(env, options.folder / feed, as_bytes(options.feed_csv)));
  TRY(write_durably(env, options.folder / "policy.yaml", as_bytes(kPolicyTemplate)));
  TRY(write_durably(env, options.folder / "pipeline.yaml", as_bytes(pipeline)));
  TRY(trust::create_workspace(env, options.folder));
  TRY(sign_batch(env, options.folder, feed));
  TRY(pipeline::sign_definition(env, options.folder));
  return InitReport{{"pipeline.yaml", "policy.yaml", feed, feed + ".batch.json",
                     std::string(trust::kWorkspaceFolder) + "/"}};
}

Result<std::int64_t> sign_batch(Env& env, const fs::path& project, const std::string& file) {
  TRY(trust::check_relative_path(file));
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, project));
  const trust::Root root = TRY(workspace.load_root());
  const trust::Ledger ledger = TRY(workspace.open_ledger(root));
  const trust::PrivateKey producer = TRY(workspace.load_key("producer", root));
  const Bytes data = TRY(env.read_file(project / file));
  const std::string name = fs::path(file).filename().string();
  const fs::path manifest = project / (file + ".batch.json");

  std::int64_t sequence = 1;
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kBatch)) {
    const auto seen = trust::parse_batch(entry->statement.predicate);
    if (seen && seen->feed == name) sequence = std::max(sequence, seen->sequence + 1);
  }
  const trust::Statement statement = trust::batch_statement(name, data, name, sequence);
  const trust::Envelope envelope = trust::sign_statement(statement, {&producer, 1});
  TRY(write_durably(env, manifest, as_bytes(trust::serialize(envelope))));
  return sequence;
}

}  // namespace sallyport::services::project
