#include "services/data/seal.h"

#include <algorithm>
#include <map>

#include "core/limits/data_versions.h"
#include "formats/csv.h"
#include "trust/predicates.h"

namespace sallyport::services::data {
namespace {

// The rows of a version: each line of a table behind its header, and each other file as one.
struct Rows {
  std::vector<trust::Hash> leaves = {};
  std::vector<std::string> tables = {};  // the bytes of .csv files, in order of their paths

  Digest root() const { return trust::root_of_leaves(leaves); }
};

Result<void> add_table(Rows& rows, const std::string& path, std::string bytes) {
  std::size_t at = bytes.find('\n');
  at = at == std::string::npos ? bytes.size() : at + 1;
  while (at < bytes.size()) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    rows.leaves.push_back(trust::leaf_hash(as_bytes(std::string_view(bytes).substr(at, end - at))));
    if (rows.leaves.size() > limits::kSealedRowsMax) {
      return fail(ErrorKind::kLimit, path + ": over " + std::to_string(limits::kSealedRowsMax) + " rows");
    }
    at = end + 1;
  }
  rows.tables.push_back(std::move(bytes));
  return {};
}

Result<Rows> rows_of(const trust::DataReader& reader) {
  Rows out;
  for (const trust::ManifestEntry& entry : reader.manifest().entries) {
    if (entry.mode == trust::EntryMode::kEmptyDirectory) continue;
    if (!entry.path.ends_with(".csv")) {
      out.leaves.push_back(trust::leaf_hash(as_bytes(entry.path + '\0' + entry.sha256.hex())));
      continue;
    }
    std::string bytes;
    TRY(reader.read_file(entry.path, [&](BytesView part) -> Result<void> {
      bytes += as_text(part);
      return {};
    }));
    TRY(add_table(out, entry.path, std::move(bytes)));
  }
  return out;
}

// One table of them all, when each has the same columns.
Result<Dataset> table_of(const std::vector<std::string>& tables, const std::string& label) {
  if (tables.empty()) return fail(ErrorKind::kUnsupported, "no .csv file is in it");
  std::string all = tables.front();
  const std::string header = all.substr(0, all.find('\n'));
  for (std::size_t i = 1; i < tables.size(); ++i) {
    if (tables[i].substr(0, tables[i].find('\n')) != header) {
      return fail(ErrorKind::kUnsupported, "its tables have other columns than one another");
    }
    if (!all.ends_with('\n')) all += '\n';
    all += tables[i].substr(std::min(header.size() + 1, tables[i].size()));
  }
  Dataset out = TRY(formats::csv::parse(as_bytes(all), {.name = "split", .roles = {.label = label}}));
  if (out.find(label) == nullptr) return fail(ErrorKind::kUnsupported, "it has no column " + shown(label));
  return out;
}

// The rows of the table whose line is not one of `known`.
Result<Dataset> only_new(const Dataset& table, const Rows& now, const Rows& before) {
  std::map<trust::Hash, std::size_t> left;
  for (const trust::Hash& leaf : before.leaves) ++left[leaf];
  std::vector<std::size_t> fresh;
  std::size_t row = 0;
  for (const std::string& bytes : now.tables) {
    Rows one;
    TRY(add_table(one, "", bytes));
    for (const trust::Hash& leaf : one.leaves) {
      const auto found = left.find(leaf);
      if (found != left.end() && found->second > 0) {
        --found->second;
      } else {
        fresh.push_back(row);
      }
      ++row;
    }
  }
  // A quoted cell may hold a line's end; then lines are no rows, and all of them are looked at.
  if (row != table.rows()) return table;
  return table.pick(fresh);
}

class Sealer {
 public:
  Sealer(const trust::Workspace& workspace, View view, SealOptions options)
      : workspace_(workspace), view_(std::move(view)), options_(std::move(options)) {}

  // `before` is what is sealed already, of which the rows need no second look.
  Result<void> look_at(SealState& state, const Rows& now, const Rows* before) {
    if (options_.label.empty()) {
      state.unscreened = "no column of labels was named";
      return {};
    }
    const auto table = table_of(now.tables, options_.label);
    if (!table) return unscreened(state, table.error());
    auto reference = reference_of(before);
    if (!reference) return unscreened(state, reference.error());
    const Dataset looked_at = before == nullptr ? *table : TRY(only_new(*table, now, *before));
    if (looked_at.rows() == 0) {
      state.unscreened = "no row is new";
      return {};
    }
    auto screen = learn::screen_split(looked_at, *reference);
    if (!screen) return unscreened(state, screen.error());
    state.screen = std::move(*screen);
    if (state.screen->p_value >= kScreenAlpha) return {};
    return fail(ErrorKind::kDenied,
                state.version.said.name + ": " + std::to_string(state.screen->unsupported.size()) + " of " +
                    std::to_string(state.screen->rows) + " rows have a label that no similar row has; " +
                    number_text(state.screen->base_rate * static_cast<double>(state.screen->rows)) +
                    " would be usual",
                "look at these rows, the first is row " + std::to_string(state.screen->unsupported.front()) +
                    " of those looked at");
  }

  // Adds the signatures that can be made here to what waits, or starts anew.
  Result<void> sign(SealState& state, const trust::Statement& statement) {
    std::vector<trust::PrivateKey> keys;
    for (const std::string& name : options_.keys) keys.push_back(TRY(workspace_.load_key(name, view_.root)));
    if (keys.empty()) return invalid("no key was named");
    const fs::path file = waiting_file(state.version.said.name);
    trust::Envelope envelope = trust::sign_statement(statement, keys);
    if (workspace_.env->exists(file)) {
      const Bytes bytes = TRY(workspace_.env->read_file(file, limits::kStatementBytesMax));
      auto waiting = trust::parse_envelope(bytes);
      // What waits was about other data or other words: its signatures are for that.
      if (waiting && waiting->payload == envelope.payload && trust::verify_signatures(*waiting, view_.root)) {
        for (const trust::PrivateKey& key : keys) trust::add_signature(*waiting, key);
        envelope = std::move(*waiting);
      }
    }
    const std::set<std::string> keyids = TRY(trust::verify_signatures(envelope, view_.root));
    for (const std::string& keyid : keyids) state.signed_by.push_back(view_.root.name_of_key(keyid));
    std::sort(state.signed_by.begin(), state.signed_by.end());
    for (const std::string_view role : {trust::role::kLead, trust::role::kAudit}) {
      if (!view_.root.check_threshold(role, keyids)) state.missing.emplace_back(role);
    }
    if (!state.missing.empty()) {
      TRY(make_directories_durably(*workspace_.env, file.parent_path()));
      return write_durably(*workspace_.env, file, as_bytes(trust::serialize(envelope)));
    }
    TRY(trust::sealed_by(envelope, view_.root));
    state.log_index = TRY(view_.ledger.add(envelope, TRY(workspace_.load_key("log", view_.root))));
    return workspace_.env->exists(file) ? workspace_.env->remove(file) : Result<void>{};
  }

  const View& view() const { return view_; }

 private:
  static Result<void> unscreened(SealState& state, const Error& why) {
    if (why.kind == ErrorKind::kIo) return std::unexpected(why);
    state.unscreened = why.message;
    return {};
  }

  Result<Dataset> reference_of(const Rows* before) {
    if (!options_.against.empty()) {
      const Opened known = TRY(open(view_, options_.against, workspace_.env->now_unix_s()));
      return table_of(TRY(rows_of(known.reader)).tables, options_.label);
    }
    if (before != nullptr) return table_of(before->tables, options_.label);
    return fail(ErrorKind::kUnsupported, "no rows that are known were named");
  }

  fs::path waiting_file(const std::string& name) const {
    return workspace_.root / "data" / "sealing" / (name + ".json");
  }

  const trust::Workspace& workspace_;
  View view_;
  SealOptions options_;
};

Result<trust::DataReader> reader_of(const View& view, const trust::DataVersion& version) {
  TRY(trust::check_lineage(view.ledger, view.root, version));
  return trust::DataReader::open(view.store, version.manifest, version.said.root);
}

// How often each hash is there more often than in the other.
std::int64_t surplus(const Rows& of, const Rows& over) {
  std::map<trust::Hash, std::int64_t> count;
  for (const trust::Hash& leaf : over.leaves) ++count[leaf];
  std::int64_t out = 0;
  for (const trust::Hash& leaf : of.leaves) {
    if (--count[leaf] < 0) ++out;
  }
  return out;
}

}  // namespace

Result<SealState> seal(const trust::Workspace& workspace, const std::string& spec,
                       const SealOptions& options) {
  const auto hold = TRY(hold_data(workspace));
  Sealer sealer(workspace, TRY(look(workspace)), options);
  const View& view = sealer.view();
  SealState state;
  state.version = TRY(trust::resolve_data(view.ledger, view.root, spec, workspace.env->now_unix_s()));
  const std::string& name = state.version.said.name;
  if (const auto sealed = TRY(trust::sealed_versions(view.ledger, view.root, name)); !sealed.empty()) {
    return fail(ErrorKind::kDenied,
                name + ": is sealed since version " + std::to_string(sealed.begin()->first),
                "`sallyport data amend` leads from a sealed version to a later one");
  }
  const trust::DataReader reader = TRY(reader_of(view, state.version));
  const Rows rows = TRY(rows_of(reader));
  state.rows = static_cast<std::int64_t>(rows.leaves.size());
  state.rows_root = rows.root();
  TRY(sealer.look_at(state, rows, nullptr));
  const trust::SealPredicate said{.split = name,
                                  .rows = state.rows,
                                  .rows_root = state.rows_root,
                                  .details = {{"version", state.version.said.version}}};
  const trust::Statement statement{
      {{"data", state.version.manifest}}, std::string(trust::predicate::kSeal), trust::to_json(said)};
  TRY(sealer.sign(state, statement));
  return state;
}

Result<SealState> amend(const trust::Workspace& workspace, const std::string& spec, const std::string& reason,
                        const SealOptions& options) {
  if (reason.empty()) return invalid("amend: a reason is needed");
  if (reason.size() > limits::kDataMessageBytesMax)
    return fail(ErrorKind::kLimit, "reason: over 4,096 bytes");
  const auto hold = TRY(hold_data(workspace));
  Sealer sealer(workspace, TRY(look(workspace)), options);
  const View& view = sealer.view();
  SealState state;
  state.version = TRY(trust::resolve_data(view.ledger, view.root, spec, workspace.env->now_unix_s()));
  const std::string& name = state.version.said.name;
  const auto sealed = TRY(trust::sealed_versions(view.ledger, view.root, name));
  if (sealed.empty()) {
    return fail(ErrorKind::kNotFound, name + ": no version of it is sealed",
                "`sallyport data seal` seals one");
  }
  const trust::SealedVersion& last = sealed.rbegin()->second;
  if (state.version.said.version <= last.version) {
    return fail(ErrorKind::kDenied, name + ": version " + std::to_string(last.version) + " is sealed",
                "commit the corrected data as a later version and name that");
  }
  const auto versions = TRY(trust::data_versions(view.ledger, view.root, name));
  const trust::DataReader old_reader = TRY(reader_of(view, versions.at(last.version)));
  const trust::DataReader reader = TRY(reader_of(view, state.version));
  const Rows before = TRY(rows_of(old_reader));
  const Rows now = TRY(rows_of(reader));
  if (before.root() != last.rows_root) return fail(ErrorKind::kDenied, name + ": the sealed rows are others");
  trust::AmendmentPredicate said{.name = name, .from = last.version, .to = state.version.said.version};
  said.amends = last.envelope;
  said.rows = state.rows = static_cast<std::int64_t>(now.leaves.size());
  said.rows_root = state.rows_root = now.root();
  said.added = surplus(now, before);
  said.removed = surplus(before, now);
  for (const trust::Difference& file : trust::compare(old_reader.manifest(), reader.manifest())) {
    if (said.files.size() < limits::kAmendedFilesMax) said.files.push_back(file.path);
  }
  said.reason = reason;
  state.amendment = said;
  TRY(sealer.look_at(state, now, &before));
  const trust::Statement statement{{{"data", state.version.manifest}},
                                   std::string(trust::predicate::kDataAmendment),
                                   trust::to_json(said)};
  TRY(sealer.sign(state, statement));
  return state;
}

}  // namespace sallyport::services::data
