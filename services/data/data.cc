#include "services/data/data.h"

#include <algorithm>

#include "core/limits/data_versions.h"
#include "trust/predicates.h"
#include "trust/seal.h"

namespace sallyport::services::data {
namespace {

using trust::DataReader;
using trust::DataStore;
using trust::DataVersion;
using trust::EntryKind;
using trust::EntryName;

constexpr const char* kFolder = "data";

fs::path folder_of(const trust::Workspace& workspace) { return workspace.root / kFolder; }
fs::path staged_file(const trust::Workspace& workspace, const std::string& name) {
  return folder_of(workspace) / "staged" / (name + ".json");
}

struct Staged {
  Digest manifest = {};
  trust::Hash root = {};
};

Result<Staged> read_staged(Env& env, const fs::path& file) {
  const Json json = TRY(parse_json(as_text(TRY(env.read_file(file, limits::kStatementBytesMax)))));
  TRY(only_members(json, {"manifest", "root"}));
  Staged out;
  out.manifest = TRY(Digest::parse(TRY(get_string(json, "manifest"))));
  out.root = TRY(Digest::parse(TRY(get_string(json, "root"))));
  return out;
}

// With every block in place: only what has been settled is.
Result<DataReader> open_staged(const View& view, const std::string& name, const Staged& staged) {
  DataReader out = TRY(DataReader::open(view.store, staged.manifest, staged.root));
  std::set<EntryName> needed;
  out.add_names(needed);
  const auto is_there = [&](const EntryName& entry) { return view.store.has(entry); };
  if (std::ranges::all_of(needed, is_there)) return out;
  return fail(ErrorKind::kNotFound, name + ": part of what was staged is not in the store",
              "the machine may have lost power before it was committed; run `sallyport data add` again");
}

Result<std::vector<trust::NamedDigest>> inputs_of(const View& view, const std::vector<std::string>& words,
                                                  std::int64_t now) {
  std::vector<trust::NamedDigest> out;
  if (words.size() > limits::kDataInputsMax) return fail(ErrorKind::kLimit, "over 1,000 inputs");
  for (const std::string& word : words) {
    if (word.starts_with("sha256:")) {
      const Digest digest = TRY(Digest::parse(word.substr(7)));
      out.push_back({word.substr(0, 19), digest});
    } else {
      const DataVersion version = TRY(trust::resolve_data(view.ledger, view.root, word, now));
      TRY(trust::check_sealed(view.ledger, view.root, version));
      out.push_back({version.said.name + "@" + std::to_string(version.said.version), version.manifest});
    }
  }
  return out;
}

Result<std::uint64_t> log(const trust::Workspace& workspace, View& view, const trust::Statement& statement,
                          std::initializer_list<const char*> keys) {
  std::vector<trust::PrivateKey> signers;
  for (const char* name : keys) signers.push_back(TRY(workspace.load_key(name, view.root)));
  const trust::PrivateKey log_key = TRY(workspace.load_key("log", view.root));
  return view.ledger.add(trust::sign_statement(statement, signers), log_key);
}

Result<trust::Statement> next_tag(const View& view, const DataVersion& version, const std::string& word,
                                  std::int64_t now) {
  TRY(trust::check_data_word("tag", word));
  std::int64_t sequence = 0;
  for (const trust::LedgerEntry* entry : view.ledger.find_type(trust::predicate::kDataTag)) {
    const auto seen = trust::parse_data_tag(entry->statement.predicate);
    if (seen && seen->name == version.said.name && seen->tag == word) {
      sequence = std::max(sequence, seen->sequence);
    }
  }
  const trust::DataTagPredicate said{.name = version.said.name,
                                     .tag = word,
                                     .version = version.said.version,
                                     .sequence = sequence + 1,
                                     .expires_unix_s = now + kVersionValidS};
  return trust::Statement{
      {{"data", version.manifest}}, std::string(trust::predicate::kDataTag), trust::to_json(said)};
}

// What every version and every staged tree needs; a version that cannot be read is an Error, so that nothing
// of it is thrown away.
Result<std::set<EntryName>> live_names(const trust::Workspace& workspace, const View& view) {
  std::set<EntryName> out;
  for (const std::string& name : trust::data_names(view.ledger)) {
    for (const auto& [number, version] : TRY(trust::data_versions(view.ledger, view.root, name))) {
      TRY(DataReader::open(view.store, version.manifest, version.said.root)).add_names(out);
    }
  }
  const fs::path folder = folder_of(workspace) / "staged";
  for (const std::string& file : TRY(workspace.env->list(folder))) {
    const Staged staged = TRY(read_staged(*workspace.env, folder / file));
    TRY(DataReader::open(view.store, staged.manifest, staged.root)).add_names(out);
  }
  return out;
}

Result<void> create(const trust::Workspace& workspace) {
  TRY(make_directories_durably(*workspace.env, folder_of(workspace) / "staged"));
  return DataStore::create(*workspace.env, folder_of(workspace));
}

}  // namespace

// Taken before the store is opened.
Result<std::unique_ptr<FileLock>> hold_data(const trust::Workspace& workspace) {
  TRY(create(workspace));
  return workspace.env->lock(folder_of(workspace) / "lock");
}

Result<AddReport> add(const trust::Workspace& workspace, const fs::path& path, const std::string& name,
                      const trust::OnFile& on_file) {
  TRY(trust::check_data_word("name", name));
  const auto hold = TRY(hold_data(workspace));
  DataStore store = TRY(DataStore::open(*workspace.env, folder_of(workspace)));
  const trust::AddedTree tree = TRY(trust::add_tree(store, *workspace.env, path, on_file));
  AddReport out;
  out.name = name;
  out.manifest = tree.digest;
  out.root = tree.root;
  for (const trust::ManifestEntry& entry : tree.manifest.entries) {
    if (entry.mode != trust::EntryMode::kEmptyDirectory) ++out.files;
    out.bytes += entry.size;
  }
  out.stored = store.stored_bytes();
  const Json staged = {{"manifest", out.manifest.hex()}, {"root", out.root.hex()}};
  TRY(write_durably(*workspace.env, staged_file(workspace, name), as_bytes(canonical(staged))));
  return out;
}

Result<View> look(const trust::Workspace& workspace) {
  TRY(create(workspace));
  trust::Root root = TRY(workspace.load_root());
  TRY(root.check_unexpired(workspace.env->now_unix_s()));
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  // A log that was rolled back would show the data as it once stood.
  TRY(trust::advance_pin(*workspace.env, workspace.pin(), ledger.log(), ledger.log_keys()));
  DataStore store = TRY(DataStore::open(*workspace.env, folder_of(workspace)));
  return View{std::move(root), std::move(ledger), std::move(store)};
}

Result<DataVersion> commit(const trust::Workspace& workspace, const std::string& name,
                           const CommitOptions& options) {
  TRY(trust::check_data_word("name", name));
  if (options.message.size() > limits::kDataMessageBytesMax) {
    return fail(ErrorKind::kLimit, "message: longer than 4,096 bytes");
  }
  const auto hold = TRY(hold_data(workspace));
  TRY(DataStore::settle(*workspace.env, folder_of(workspace)));
  View view = TRY(look(workspace));
  const std::int64_t now = workspace.env->now_unix_s();
  const fs::path file = staged_file(workspace, name);
  if (!workspace.env->exists(file)) {
    return fail(ErrorKind::kNotFound, name + ": nothing is staged",
                "`sallyport data add PATH --name " + name + "` stages a file or a folder");
  }
  const Staged staged = TRY(read_staged(*workspace.env, file));
  const DataReader reader = TRY(open_staged(view, name, staged));
  trust::DataVersionPredicate said;
  const auto versions = TRY(trust::data_versions(view.ledger, view.root, name));
  said.name = name;
  said.version = 1;
  if (!versions.empty()) {
    said.version = versions.rbegin()->first + 1;
    said.parent = versions.rbegin()->second.envelope;
  }
  said.root = staged.root;
  for (const trust::ManifestEntry& entry : reader.manifest().entries) {
    if (entry.mode != trust::EntryMode::kEmptyDirectory) ++said.files;
    said.bytes += static_cast<std::int64_t>(entry.size);
  }
  said.inputs = TRY(inputs_of(view, options.inputs, now));
  said.code = options.code;
  said.step = options.step;
  said.message = options.message;
  said.committed_on = now;
  said.expires_unix_s = now + options.valid_s;
  DataVersion out{.said = said, .manifest = staged.manifest};
  TRY(trust::check_lineage(view.ledger, view.root, out));
  const trust::Statement statement{
      {{"data", staged.manifest}}, std::string(trust::predicate::kDataVersion), trust::to_json(said)};
  out.log_index = TRY(log(workspace, view, statement, {"producer"}));
  out.envelope = view.ledger.entries().at(out.log_index).envelope_digest;
  if (!options.tag.empty()) {
    TRY(log(workspace, view, TRY(next_tag(view, out, options.tag, now)), {"lead", "audit"}));
  }
  TRY(workspace.env->remove(file));
  return out;
}

Result<Opened> open(const View& view, const std::string& spec, std::int64_t now_unix_s) {
  const DataVersion version = TRY(trust::resolve_data(view.ledger, view.root, spec, now_unix_s));
  TRY(trust::check_lineage(view.ledger, view.root, version));
  TRY(trust::check_sealed(view.ledger, view.root, version));
  DataReader reader = TRY(DataReader::open(view.store, version.manifest, version.said.root));
  return Opened{version, std::move(reader)};
}

Result<Collected> collect(const trust::Workspace& workspace) {
  const auto hold = TRY(hold_data(workspace));
  TRY(DataStore::settle(*workspace.env, folder_of(workspace)));
  View view = TRY(look(workspace));
  Collected out;
  out.freed = TRY(view.store.collect(TRY(live_names(workspace, view))));
  out.kept = TRY(DataStore::open(*workspace.env, folder_of(workspace))).size();
  return out;
}

Result<Soundness> check(const trust::Workspace& workspace) {
  const View view = TRY(look(workspace));
  Soundness out;
  out.bytes = view.store.size();
  out.problems = view.store.check();
  for (const std::string& name : trust::data_names(view.ledger)) {
    ++out.names;
    const auto versions = trust::data_versions(view.ledger, view.root, name);
    if (!versions) {
      out.problems.push_back(versions.error().message);
      continue;
    }
    const auto sealed = trust::sealed_versions(view.ledger, view.root, name);
    if (!sealed) out.problems.push_back(sealed.error().message);
    for (const auto& [number, version] : *versions) {
      ++out.versions;
      const std::string title = name + "@" + std::to_string(number) + ": ";
      const auto lineage = trust::check_lineage(view.ledger, view.root, version);
      // A version that waits for its signatures is no damage; one whose sealed bytes are others is.
      if (sealed && sealed->contains(number) && sealed->at(number).manifest != version.manifest) {
        out.problems.push_back(title + "lead and audit signed other bytes");
      }
      if (!lineage) out.problems.push_back(title + lineage.error().message);
      const auto reader = DataReader::open(view.store, version.manifest, version.said.root);
      const Result<void> whole = reader ? reader->verify() : Result<void>(std::unexpected(reader.error()));
      if (!whole) out.problems.push_back(title + whole.error().message);
    }
  }
  return out;
}

}  // namespace sallyport::services::data
