// The four stages of data engineering and the version of the data that they make.
#include "services/pipeline/stages.h"

#include <algorithm>

#include "services/pipeline/steps.h"
#include "services/tools.h"
#include "trust/batch.h"

namespace sallyport::services::pipeline {
namespace {

// ---- acquisition

Result<Json> feed_digests(StageContext& context) {
  const FeedFiles feed = TRY(feed_files(context.definition()));
  const fs::path& project = context.run().options.project;
  return Json{{"feed", TRY(context.env().digest_file(project / feed.data)).digest.hex()},
              {"manifest", TRY(context.env().digest_file(project / feed.manifest)).digest.hex()}};
}

// The producer's signature is verified over the very bytes that are handed on, before any parser sees them.
Result<void> acquire(StageContext& context) {
  const FeedFiles feed = TRY(feed_files(context.definition()));
  const fs::path& project = context.run().options.project;
  const Bytes data = TRY(context.env().read_file(project / feed.data));
  const Bytes manifest = TRY(context.env().read_file(project / feed.manifest, limits::kStatementBytesMax));
  const trust::VerifiedBatch batch = TRY(trust::verify_batch(manifest, data, context.run().root));
  TRY(trust::check_sequence(batch, context.run().ledger, trust::Again::kAllowed));
  TRY(context.write("raw", as_text(data)));
  context.outside.push_back({fs::path(feed.data).filename().string(), batch.data});
  context.statements.push_back(batch.envelope);
  context.step = {{"kind", "built-in"},
                  {"feed", batch.predicate.feed},
                  {"sequence", batch.predicate.sequence},
                  {"rows", batch.predicate.rows}};
  return {};
}

Result<void> present_raw(StageContext& context) {
  context.subjects.datasets.emplace_back("raw", DatasetSubject{.data = TRY(context.table("raw"))});
  return {};
}

// ---- preprocessing, analysis

Result<void> preprocess(StageContext& context) { return context.execute_step("clean"); }

Result<void> present_clean(StageContext& context) {
  context.present_file("raw", TRY(context.bytes_of("raw")));
  context.subjects.datasets.emplace_back(
      "clean", DatasetSubject{.data = TRY(context.table("clean")), .reference = TRY(context.table("raw")),
                              .contract = context.spec().may});
  return {};
}

Result<void> analyse(StageContext& context) {
  return context.execute({.argv = {TRY(tool("sallyport-duckdb")).string(), "profile"},
                          .reads = context.spec().reads, .new_code = sandbox::NewCode::kInMemory});
}

Result<void> present_analysis(StageContext& context) {
  context.subjects.datasets.emplace_back("clean", DatasetSubject{.data = TRY(context.table("clean"))});
  return {};
}

// ---- preparation

Result<void> prepare(StageContext& context) { return context.execute_step("split"); }

// The evaluation split is sealed by two roles before any training starts.
Result<void> present_split(StageContext& context) {
  Contract contract = context.spec().may;
  if (context.spec().run.empty()) {
    contract.split = TRY(split_rule(context.spec().options, context.spec().seed));
  }
  const Dataset* train = TRY(context.table("train"));
  context.subjects.datasets.emplace_back(
      "test", DatasetSubject{.data = TRY(context.table("test")), .reference = train,
                             .relation = Relation::kTraining});
  context.subjects.datasets.emplace_back(
      "train", DatasetSubject{.data = train, .reference = TRY(context.table("clean")),
                              .relation = Relation::kWhole, .contract = std::move(contract)});
  const Json seal = TRY(context.read_json("seal"));
  const trust::SealPredicate predicate{.split = "test",
                                       .rows = TRY(get_int(seal, "rows")),
                                       .rows_root = TRY(Digest::parse(TRY(get_string(seal, "merkleRoot")))),
                                       .details = TRY(get_object(seal, "split"))};
  const trust::Statement statement{{{"test", TRY(context.digest_of("test"))}},
                                   std::string(trust::predicate::kSeal),
                                   trust::to_json(predicate)};
  return context.sign(statement, {"lead", "audit"});
}

// ---- versioned data

// The version record binds the parts and, by digest, the version before it.
Result<void> commit_version(StageContext& context) {
  Json parts = Json::object();
  for (const std::string& name : context.spec().reads) parts[name] = TRY(context.digest_of(name)).hex();
  Json parent = nullptr;
  std::int64_t version = 1;
  for (const trust::LedgerEntry* entry : context.run().ledger.find_type(trust::predicate::kGate)) {
    const auto gate = trust::parse_gate(entry->statement.predicate);
    if (!gate || gate->stage != Stage::kVersionedData || !gate->passes()) continue;
    ++version;
    for (const trust::NamedDigest& output : entry->statement.subjects) {
      if (output.name == "dataset") parent = output.digest.hex();
    }
  }
  return context.write("dataset", pretty(Json{{"name", context.definition().name},
                                              {"version", version},
                                              {"parts", parts},
                                              {"parent", parent}}));
}

}  // namespace

Result<FeedFiles> feed_files(const Definition& definition) {
  const Json& options = definition.at(Stage::kAcquisition).options;
  if (!options.contains("from")) {
    return invalid("stages: acquisition: `from` is missing", "acquisition: {from: feed/data.csv}");
  }
  FeedFiles feed{.data = TRY(get_string(options, "from")), .manifest = {}};
  TRY(trust::check_relative_path(feed.data));
  feed.manifest = feed.data + ".batch.json";
  if (options.contains("manifest")) feed.manifest = TRY(get_string(options, "manifest"));
  TRY(trust::check_relative_path(feed.manifest));
  return feed;
}

const StageBehaviour kAcquisition{.outside = feed_digests, .produce = acquire, .present = present_raw};
const StageBehaviour kPreprocessing{.produce = preprocess, .present = present_clean};
const StageBehaviour kAnalysis{.produce = analyse, .present = present_analysis};
const StageBehaviour kPreparation{.produce = prepare, .present = present_split};
const StageBehaviour kVersionedData{.produce = commit_version};

}  // namespace sallyport::services::pipeline
