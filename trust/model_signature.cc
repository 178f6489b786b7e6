#include "trust/model_signature.h"

#include <algorithm>
#include <array>

#include "core/limits/model_signature.h"
#include "trust/dsse.h"
#include "trust/statement.h"

namespace sallyport::trust {
namespace {

// What every reader of the format passes over at the top of a directory.
constexpr std::array<std::string_view, 4> kPassedOver{".git", ".gitattributes", ".github", ".gitignore"};

bool is_at_or_below(std::string_view path, std::string_view top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '/');
}

bool is_passed_over(std::string_view path) {
  return std::any_of(kPassedOver.begin(), kPassedOver.end(),
                     [&](std::string_view top) { return is_at_or_below(path, top); });
}

Json list_of(const std::map<std::string, Digest>& files, FileHash hash) {
  Json out = Json::array();
  for (const auto& [name, digest] : files) {
    out.push_back({{"name", name}, {"algorithm", name_of(hash)}, {"digest", digest.hex()}});
  }
  return out;
}

Result<std::map<std::string, Digest>> read_resources(const Json& list, FileHash hash, Hasher& root) {
  std::map<std::string, Digest> out;
  if (list.size() > limits::kManifestEntriesMax) return fail(ErrorKind::kLimit, "over 1,000,000 resources");
  for (const Json& item : list) {
    TRY(only_members(item, {"name", "algorithm", "digest"}));
    const std::string name = TRY(get_string(item, "name"));
    TRY(check_relative_path(name));
    const std::string algorithm = TRY(get_string(item, "algorithm"));
    if (algorithm != name_of(hash)) {
      return fail(ErrorKind::kUnsupported, "'" + name + "' has a digest by " + shown(algorithm));
    }
    const Digest digest = TRY(Digest::parse(TRY(get_string(item, "digest"))));
    root.add(digest.bytes);
    if (!out.emplace(name, digest).second) return invalid("'" + name + "' is listed twice");
  }
  return out;
}

Result<std::set<std::string>> read_paths(const Json& list) {
  std::set<std::string> out;
  for (const Json& item : list) {
    if (!item.is_string()) return invalid("a path must be text, is " + std::string(item.type_name()));
    TRY(check_relative_path(item.get<std::string>()));
    out.insert(item.get<std::string>());
  }
  return out;
}

Result<ModelTree> read_tree(const Json& annotation, FileHash hash) {
  TRY(only_members(annotation, {"emptyDirectories", "executable", "unlisted"}));
  ModelTree out;
  out.executable = TRY(read_paths(TRY(get_array(annotation, "executable"))));
  out.empty_directories = TRY(read_paths(TRY(get_array(annotation, "emptyDirectories"))));
  Hasher unused;
  out.unlisted = TRY(read_resources(TRY(get_array(annotation, "unlisted")), hash, unused));
  return out;
}

Result<FileHash> read_serialization(const Json& predicate) {
  const Json how = TRY(get_object(predicate, "serialization"));
  TRY(only_members(how, {"method", "hash_type", "allow_symlinks", "ignore_paths"}));
  const std::string method = TRY(get_string(how, "method"));
  if (method != "files") {
    return fail(ErrorKind::kUnsupported, "serialisation " + shown(method) + " is not 'files'");
  }
  const FileHash hash = TRY(file_hash_named(TRY(get_string(how, "hash_type"))));
  if (how.contains("allow_symlinks") && TRY(get_bool(how, "allow_symlinks"))) {
    return fail(ErrorKind::kUnsupported, "symbolic links were followed when it was signed",
                "sign it again with the links replaced by what they point to");
  }
  // Their names decide nothing here: what is in the directory must be listed, or be allowed by the caller.
  if (how.contains("ignore_paths")) TRY(get_array(how, "ignore_paths"));
  return hash;
}

Result<SignedModel> read_statement(BytesView payload) {
  const Json whole = TRY(parse_json(as_text(payload)));
  TRY(only_members(whole, {"_type", "subject", "predicateType", "predicate"}));
  if (TRY(get_string(whole, "_type")) != kStatementType) {
    return invalid("_type is not " + std::string(kStatementType));
  }
  const std::string type = TRY(get_string(whole, "predicateType"));
  if (type != kModelSignaturePredicate) {
    return fail(ErrorKind::kUnsupported,
                "predicate type " + shown(type) + " is not that of a model signature");
  }
  const Json subjects = TRY(get_array(whole, "subject"));
  if (subjects.size() != 1) return invalid(std::to_string(subjects.size()) + " subjects, one is wanted");
  const Json& subject = subjects.front();
  TRY(only_members(subject, {"name", "digest", "annotations"}));
  const Json digests = TRY(get_object(subject, "digest"));
  TRY(only_members(digests, {"sha256"}));
  const Json predicate = TRY(get_object(whole, "predicate"));
  TRY(only_members(predicate, {"serialization", "resources"}));
  SignedModel out;
  out.hash = TRY(read_serialization(predicate));
  out.name = TRY(get_string(subject, "name"));
  Hasher root;
  out.files = TRY(read_resources(TRY(get_array(predicate, "resources")), out.hash, root));
  if (out.files.empty()) return invalid("no file is signed");
  if (root.finish() != TRY(Digest::parse(TRY(get_string(digests, "sha256"))))) {
    return invalid("the subject's digest is not that of the resources");
  }
  if (subject.contains("annotations")) {
    const Json annotations = TRY(get_object(subject, "annotations"));
    const std::string name(kModelTreeAnnotation);
    if (annotations.contains(name)) out.tree = TRY(read_tree(TRY(get_object(annotations, name)), out.hash));
  }
  return out;
}

}  // namespace

std::string_view name_of(FileHash hash) { return hash == FileHash::kSha256 ? "sha256" : "blake3"; }

Result<FileHash> file_hash_named(std::string_view name) {
  for (const FileHash hash : {FileHash::kSha256, FileHash::kBlake3}) {
    if (name == name_of(hash)) return hash;
  }
  return fail(ErrorKind::kUnsupported, "hash type " + shown(name) + " is neither 'sha256' nor 'blake3'");
}

Json model_statement(const std::string& name, const ModelFiles& model, const std::string& signature_path) {
  std::map<std::string, Digest> listed;
  std::map<std::string, Digest> unlisted;
  Json executable = Json::array();
  Json empty = Json::array();
  for (const ModelFiles::File& entry : model.files) {
    if (entry.path == signature_path) continue;
    if (entry.mode == EntryMode::kEmptyDirectory) {
      empty.push_back(entry.path);
      continue;
    }
    if (entry.mode == EntryMode::kExecutable) executable.push_back(entry.path);
    (is_passed_over(entry.path) ? unlisted : listed).emplace(entry.path, entry.digest);
  }
  Json ignored = Json::array();
  for (const std::string_view path : kPassedOver) ignored.push_back(path);
  if (!signature_path.empty()) ignored.push_back(signature_path);
  Hasher root;
  for (const auto& [path, digest] : listed) root.add(digest.bytes);
  const Json tree = {
      {"emptyDirectories", empty}, {"executable", executable}, {"unlisted", list_of(unlisted, model.hash)}};
  const Json subject = {{"name", name},
                        {"digest", {{"sha256", root.finish().hex()}}},
                        {"annotations", {{std::string(kModelTreeAnnotation), tree}}}};
  return {{"_type", std::string(kStatementType)},
          {"subject", Json::array({subject})},
          {"predicateType", std::string(kModelSignaturePredicate)},
          {"predicate",
           {{"serialization",
             {{"method", "files"},
              {"hash_type", name_of(model.hash)},
              {"allow_symlinks", false},
              {"ignore_paths", ignored}}},
            {"resources", list_of(listed, model.hash)}}}};
}

Result<SignedModel> read_model_statement(BytesView payload) {
  Result<SignedModel> out = read_statement(payload);
  if (!out) return within("model signature: statement", out.error());
  return out;
}

std::vector<std::string> compare_model(const SignedModel& model, const ModelFiles& actual,
                                       const std::string& signature_path,
                                       const std::set<std::string>& allowed) {
  const auto is_allowed = [&](std::string_view path) {
    return std::any_of(allowed.begin(), allowed.end(),
                       [&](const std::string& top) { return is_at_or_below(path, top); });
  };
  static const ModelTree nothing;
  const ModelTree& tree = model.tree ? *model.tree : nothing;
  std::map<std::string, Digest> missing = model.files;
  missing.insert(tree.unlisted.begin(), tree.unlisted.end());
  std::vector<std::string> out;
  std::set<std::string> empty;
  for (const ModelFiles::File& entry : actual.files) {
    if (entry.path == signature_path) continue;
    if (entry.mode == EntryMode::kEmptyDirectory) {
      empty.insert(entry.path);
      if (!tree.empty_directories.contains(entry.path) && !is_allowed(entry.path)) {
        out.push_back(entry.path + ": an empty directory that was not signed");
      }
      continue;
    }
    const auto found = missing.find(entry.path);
    if (found == missing.end()) {
      if (!is_allowed(entry.path)) out.push_back(entry.path + ": was not signed");
      continue;
    }
    if (found->second != entry.digest) out.push_back(entry.path + ": is not what was signed");
    missing.erase(found);
    const bool executable = entry.mode == EntryMode::kExecutable;
    if (executable == tree.executable.contains(entry.path)) continue;
    // A bundle of another tool says nothing of modes, so the caller may.
    if (!model.tree && is_allowed(entry.path)) continue;
    out.push_back(entry.path + (executable ? ": is executable, and was not signed as such"
                                           : ": was signed as executable, and is not"));
  }
  for (const auto& [path, digest] : missing) out.push_back(path + ": is missing");
  for (const std::string& path : tree.empty_directories) {
    if (!empty.contains(path)) out.push_back(path + ": the empty directory is missing");
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::vector<std::string>> check_model(Env& env, const fs::path& directory, const SignedModel& model,
                                             const fs::path& signature,
                                             const std::set<std::string>& allowed) {
  const ModelFiles actual = TRY(list_model(env, directory, model.hash));
  return compare_model(model, actual, path_within(directory, signature), allowed);
}

std::string path_within(const fs::path& directory, const fs::path& file) {
  std::error_code error;
  const fs::path base = fs::weakly_canonical(directory, error);
  const fs::path path = fs::weakly_canonical(file, error);
  const std::string relative = path.lexically_relative(base).generic_string();
  return relative.empty() || relative == "." || relative.starts_with("..") ? "" : relative;
}

}  // namespace sallyport::trust
