#include "drills/samples.h"

#include <algorithm>
#include <memory>

#include "core/env.h"
#include "formats/csv.h"

namespace sallyport::drills {
namespace {

// The bytes of a file live as long as the sample, at one address.
template <class T>
T& own(Sample& sample, T value) {
  auto owned = std::make_shared<T>(std::move(value));
  sample.owned.emplace_back(owned);
  return *owned;
}

Result<Json> read_json(const fs::path& path) {
  return parse_json(as_text(TRY(system_env().read_file(path))));
}

// "body" is text, "body_base64" any bytes.
Result<Bytes> read_body(const Json& object) {
  if (object.contains("body_base64")) return from_base64(TRY(get_string(object, "body_base64")));
  return to_bytes(TRY(get_string(object, "body")));
}

Json member_or(const Json& object, const char* name, Json fallback) {
  return object.contains(name) ? object.at(name) : std::move(fallback);
}

Result<std::vector<std::string>> read_texts(const Json& object, const char* name) {
  std::vector<std::string> out;
  if (!object.contains(name)) return out;
  for (const Json& item : TRY(get_array(object, name))) {
    if (!item.is_string()) return invalid(std::string(name) + ": a list of texts was expected");
    out.push_back(item.get<std::string>());
  }
  return out;
}

struct Schema {
  formats::csv::Options options = {};
  Contract contract = {};
};

Result<Contract> read_contract(const Json& object) {
  TRY(only_members(object, {"may_relabel", "may_drop_rows", "may_add_rows", "label_mapping"}));
  Contract out;
  if (object.contains("may_relabel")) out.may_relabel = TRY(get_bool(object, "may_relabel"));
  if (object.contains("may_drop_rows")) out.may_drop_rows = TRY(get_bool(object, "may_drop_rows"));
  if (object.contains("may_add_rows")) out.may_add_rows = TRY(get_bool(object, "may_add_rows"));
  if (!object.contains("label_mapping")) return out;
  const Json mapping = TRY(get_object(object, "label_mapping"));
  for (const auto& [from, to] : mapping.items()) {
    if (!to.is_string()) return invalid("label_mapping: a label was expected for '" + from + "'");
    out.label_mapping.emplace_back(from, to.get<std::string>());
  }
  return out;
}

Result<Schema> read_schema(const fs::path& path) {
  Schema out;
  if (!system_env().exists(path)) return out;
  const Json root = TRY(read_json(path));
  TRY(only_members(root, {"roles", "image", "contract"}));
  if (root.contains("roles")) {
    const Json roles = TRY(get_object(root, "roles"));
    TRY(only_members(roles, {"label", "id", "contributor", "group", "time"}));
    if (roles.contains("label")) out.options.roles.label = TRY(get_string(roles, "label"));
    if (roles.contains("id")) out.options.roles.id = TRY(get_string(roles, "id"));
    if (roles.contains("contributor")) out.options.roles.contributor = TRY(get_string(roles, "contributor"));
    if (roles.contains("group")) out.options.roles.group = TRY(get_string(roles, "group"));
    if (roles.contains("time")) out.options.roles.time = TRY(get_string(roles, "time"));
  }
  if (root.contains("image")) {
    const Json image = TRY(get_object(root, "image"));
    TRY(only_members(image, {"height", "width", "max_value"}));
    out.options.image = {.height = static_cast<int>(TRY(get_int(image, "height"))),
                         .width = static_cast<int>(TRY(get_int(image, "width"))),
                         .max_value = TRY(get_number(image, "max_value"))};
  }
  if (root.contains("contract")) out.contract = TRY(read_contract(TRY(get_object(root, "contract"))));
  return out;
}

Result<Dataset> read_csv(const fs::path& path, formats::csv::Options options) {
  options.name = path.filename().string();
  return formats::csv::parse(TRY(system_env().read_file(path)), options);
}

Result<Sample> load_dataset(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  fs::path stem = path;
  stem.replace_extension();
  const Schema schema = TRY(read_schema(stem.string() + ".schema.json"));
  DatasetSubject subject{.contract = schema.contract};
  subject.data = &own(sample, TRY(read_csv(path, schema.options)));
  const fs::path reference = stem.string() + ".reference.csv";
  if (system_env().exists(reference)) {
    subject.reference = &own(sample, TRY(read_csv(reference, schema.options)));
  }
  sample.subjects.datasets.emplace_back(sample.name, subject);
  return sample;
}

Result<Sample> load_step(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  const Json root = TRY(read_json(path));
  TRY(only_members(root, {"stage", "declared", "observed"}));
  const std::string name = TRY(get_string(root, "stage"));
  const auto stage = stage_named(name);
  if (!stage) return invalid("'" + name + "' is not a stage");
  sample.subjects.steps.emplace_back(
      sample.name, StepSubject{*stage, TRY(get_object(root, "declared")), TRY(get_object(root, "observed"))});
  return sample;
}

Result<SignedClaim> read_claim(const Json& object) {
  TRY(only_members(object, {"predicate_type", "subjects", "roles", "signers", "log_index", "predicate"}));
  SignedClaim claim{.predicate_type = TRY(get_string(object, "predicate_type")),
                    .subjects = {},
                    .roles = TRY(read_texts(object, "roles")),
                    .signers = TRY(read_texts(object, "signers")),
                    .log_index = object.contains("log_index") ? TRY(get_int(object, "log_index")) : -1,
                    .predicate = TRY(get_object(object, "predicate"))};
  for (const std::string& hex : TRY(read_texts(object, "subjects"))) {
    claim.subjects.push_back(TRY(Digest::parse(hex)));
  }
  return claim;
}

Result<Sample> load_promotion(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  const Json root = TRY(read_json(path));
  TRY(only_members(root, {"artifact", "now", "claims", "request"}));
  std::vector<SignedClaim> claims;
  for (const Json& item : TRY(get_array(root, "claims"))) claims.push_back(TRY(read_claim(item)));
  PromotionSubject subject{.artifact = TRY(Digest::parse(TRY(get_string(root, "artifact")))),
                           .now_unix_s = TRY(parse_time(TRY(get_string(root, "now")))),
                           .claims = own(sample, std::move(claims)),
                           .request = member_or(root, "request", Json::object())};
  sample.subjects.promotions.emplace_back(sample.name, std::move(subject));
  return sample;
}

Result<Sample> load_request(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  const Json root = TRY(read_json(path));
  TRY(only_members(root, {"principal", "content_type", "body", "body_base64", "model"}));
  RequestSubject subject{
      .principal = root.contains("principal") ? TRY(get_string(root, "principal")) : "someone",
      .content_type = TRY(get_string(root, "content_type")),
      .body = own(sample, TRY(read_body(root))),
      .model = member_or(root, "model", Json::object())};
  sample.subjects.requests.emplace_back(sample.name, std::move(subject));
  return sample;
}

Result<Sample> load_response(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  const Json root = TRY(read_json(path));
  TRY(only_members(root, {"content_type", "body", "body_base64"}));
  ResponseSubject subject{.content_type = TRY(get_string(root, "content_type")),
                          .body = own(sample, TRY(read_body(root)))};
  sample.subjects.responses.emplace_back(sample.name, std::move(subject));
  return sample;
}

Result<Sample> load_events(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  const Json root = TRY(read_json(path));
  TRY(only_members(root, {"name", "records", "first_key", "anchors", "answered"}));
  EventSubject subject{.name = TRY(get_string(root, "name")),
                       .records = own(sample, TRY(read_texts(root, "records"))),
                       .first_key = TRY(Digest::parse(TRY(get_string(root, "first_key")))),
                       .anchors = member_or(root, "anchors", Json::array()),
                       .answered = root.contains("answered") ? TRY(get_int(root, "answered")) : -1};
  sample.subjects.events.emplace_back(sample.name, std::move(subject));
  return sample;
}

Result<Sample> load_file(const fs::path& path) {
  Sample sample{.name = path.filename().string(), .subjects = {}};
  const Bytes& bytes = own(sample, TRY(system_env().read_file(path)));
  sample.subjects.files.emplace_back(sample.name, FileSubject{sample.name, bytes});
  return sample;
}

Result<Sample> load_repository(const fs::path& folder) {
  Sample sample{.name = folder.filename().string(), .subjects = {}};
  std::vector<RepositoryFile> files;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (!at->is_regular_file()) continue;
    files.push_back({.path = at->path().lexically_relative(folder).generic_string(),
                     .bytes = TRY(system_env().read_file(at->path()))});
  }
  if (failure) return fail(ErrorKind::kIo, folder.string() + ": cannot list: " + failure.message());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  if (const fs::path history = folder.string() + ".history.json"; system_env().exists(history)) {
    const Json root = TRY(read_json(history));
    if (!root.is_array()) return invalid("a list of objects was expected");
    for (const Json& item : root) {
      TRY(only_members(item, {"path", "commit", "body", "body_base64"}));
      files.push_back({.path = TRY(get_string(item, "path")),
                       .bytes = TRY(read_body(item)),
                       .commit = TRY(get_string(item, "commit"))});
    }
  }
  RepositorySubject subject{.name = sample.name, .files = own(sample, std::move(files))};
  sample.subjects.repositories.emplace_back(sample.name, subject);
  return sample;
}

struct Form {
  std::string_view suffix;
  bool (*taken_by)(const Guard&);
  Result<Sample> (*load)(const fs::path&);
};
constexpr Form kForms[] = {
    {".csv", [](const Guard& g) { return g.dataset.judge != nullptr; }, load_dataset},
    {".step.json", [](const Guard& g) { return g.step != nullptr; }, load_step},
    {".promotion.json", [](const Guard& g) { return g.promotion != nullptr; }, load_promotion},
    {".request.json", [](const Guard& g) { return g.request != nullptr; }, load_request},
    {".response.json", [](const Guard& g) { return g.response != nullptr; }, load_response},
    {".events.json", [](const Guard& g) { return g.event != nullptr; }, load_events},
    {"", [](const Guard& g) { return g.file != nullptr; }, load_file},
};

// Files that belong to the sample of another name.
bool is_companion(const std::string& name, const Guard& guard) {
  const bool dataset =
      guard.dataset.judge != nullptr && (name.ends_with(".reference.csv") || name.ends_with(".schema.json"));
  return dataset || (guard.repository != nullptr && name.ends_with(".history.json")) || name == "README.md";
}

Result<Sample> load_sample(const fs::path& path, const Guard& guard) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (guard.repository == nullptr) return invalid("a folder is a repository, and the guard takes none");
    return load_repository(path);
  }
  const std::string name = path.filename().string();
  for (const Form& form : kForms) {
    if (!name.ends_with(form.suffix) || !form.taken_by(guard)) continue;
    Sample sample = TRY(form.load(path));
    // A sample is its guard's own, so its reference is what the guard takes a reference for.
    for (auto& [ignored_name, subject] : sample.subjects.datasets) {
      subject.relation = guard.dataset.relation.value_or(subject.relation);
    }
    return sample;
  }
  return invalid("no hook of the guard takes a sample of this name");
}

// What is wrong with the guard's answer to one sample, or "".
std::string complaint(const Guard& guard, const Sample& sample, bool must_be_caught) {
  const Guard* guards[] = {&guard};
  // The stage only names the policy's rules, and the default policy has none.
  const auto report = pass_gate(Stage::kAcquisition, guards, sample.subjects, Policy{}, 0);
  if (!report) return report.error().message;
  const std::string first = report->reasons.empty() ? "" : report->reasons.front();
  if (report->verdict == Verdict::kCannotTell) return "the guard could not tell: " + first;
  if (must_be_caught) {
    if (report->verdict == Verdict::kBlock) return "";
    return first.empty() ? "nothing was found" : "what was found does not block: " + first;
  }
  for (const GuardRun& run : report->runs) {
    if (!run.examination.findings.empty()) return "a finding: " + run.examination.findings.front().message;
  }
  return "";
}

std::size_t check_folder(const Guard& guard, const fs::path& folder, bool must_be_caught,
                         SampleReport& report) {
  const std::string part = folder.filename().string();
  const auto samples = load_samples(folder, guard);
  if (!samples) {
    report.failures.push_back(samples.error().message);
    return 0;
  }
  if (samples->empty()) report.failures.push_back(part + "/ has no sample, so nothing is known of the guard");
  for (const Sample& sample : *samples) {
    const std::string text = complaint(guard, sample, must_be_caught);
    if (!text.empty()) report.failures.push_back(part + "/" + sample.name + ": " + text);
  }
  return samples->size();
}

}  // namespace

SampleReport check_samples(const Guard& guard, const fs::path& folder) {
  SampleReport report;
  report.caught = check_folder(guard, folder / "caught", true, report);
  report.clean = check_folder(guard, folder / "clean", false, report);
  return report;
}

Result<std::vector<Sample>> load_samples(const fs::path& folder, const Guard& guard) {
  std::vector<Sample> out;
  if (!system_env().exists(folder)) return out;
  for (const std::string& name : TRY(system_env().list(folder))) {
    if (is_companion(name, guard)) continue;
    Result<Sample> sample = load_sample(folder / name, guard);
    if (!sample) return within((folder / name).string(), sample.error());
    out.push_back(std::move(*sample));
  }
  return out;
}

}  // namespace sallyport::drills
