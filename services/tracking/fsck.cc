#include "services/tracking/fsck.h"

#include <algorithm>
#include <map>

#include "services/tracking/notary.h"
#include "trust/store.h"

namespace sallyport::services::tracking {
namespace {

std::string title(const std::string& model, std::int64_t version) {
  return shown(model) + " version " + std::to_string(version);
}

// What a row says of a version against what was signed and logged.
Result<void> check_versions(Session& session, const Notary& notary, ServerSoundness& out,
                            std::map<Digest, std::string>& manifests) {
  for (const Row& row : TRY(session.query(
           "SELECT m.name, v.version, v.manifest, v.status FROM versions v JOIN registered_models m "
           "ON m.id = v.model ORDER BY m.name, v.version"))) {
    const VersionName name{text_at(row, 0), integer_at(row, 1)};
    const std::string which = title(name.model, name.version);
    const auto promise = notary.promise(name);
    if (!promise) {
      if (text_at(row, 3) == "READY") out.problems.push_back(which + ": READY, and the log promises nothing");
      continue;
    }
    ++out.versions;
    manifests.emplace(promise->manifest, which);
    if (promise->manifest.hex() != text_at(row, 2)) {
      out.problems.push_back(which + ": the database names another manifest than was signed and logged");
    }
    if (text_at(row, 3) == "READY" && !promise->gate_passed) {
      out.problems.push_back(which + ": READY, and the log has no gate that passed");
    }
  }
  for (const Row& row : TRY(session.query(
           "SELECT m.name, a.alias, a.version FROM aliases a JOIN registered_models m ON m.id = "
           "a.model ORDER BY m.name, a.alias"))) {
    const auto logged = notary.alias(text_at(row, 0), text_at(row, 1));
    if (logged != integer_at(row, 2)) {
      out.problems.push_back("alias " + shown(text_at(row, 1)) + " of " + shown(text_at(row, 0)) +
                             ": the database says version " + std::to_string(integer_at(row, 2)) +
                             ", the log " + (logged ? "version " + std::to_string(*logged) : "nothing"));
    }
  }
  return {};
}

// Every object that a path, a manifest or a promise names, with who names it.
Result<std::map<Digest, std::string>> named_objects(Session& session, const trust::Store& store,
                                                    const std::map<Digest, std::string>& manifests,
                                                    ServerSoundness& out) {
  std::map<Digest, std::string> named = manifests;
  for (const Row& row : TRY(session.query("SELECT path, digest FROM artifacts ORDER BY path"))) {
    const auto digest = Digest::parse(text_at(row, 1));
    if (digest) {
      named.emplace(*digest, "artifact " + shown(text_at(row, 0)));
    } else {
      out.problems.push_back("artifact " + shown(text_at(row, 0)) + ": its row holds no digest");
    }
  }
  for (const auto& [digest, which] : manifests) {
    const auto manifest = store.manifest(digest);
    if (!manifest) {
      out.problems.push_back(which + ": its manifest: " + manifest.error().message);
      named.erase(digest);
      continue;
    }
    for (const trust::ManifestEntry& entry : manifest->entries) {
      named.emplace(entry.sha256, which + ", " + shown(entry.path));
    }
  }
  return named;
}

void check_objects(Env& env, const trust::Store& store, const std::map<Digest, std::string>& named,
                   ServerSoundness& out) {
  for (const auto& [digest, which] : named) {
    const auto found = env.digest_file(store.path_of(digest));
    if (!found) {
      out.problems.push_back(which + ": " + found.error().message);
    } else if (found->digest != digest) {
      out.problems.push_back(which + ": the stored bytes do not hash to their name sha256:" + digest.hex());
    } else {
      ++out.artifacts;
      out.bytes += found->size;
    }
  }
}

}  // namespace

Result<ServerSoundness> check_server(Env& env, const fs::path& root, const Backing& backing) {
  auto database = TRY(open_reader(env, root, backing));
  for (const char* part : {"artifacts", ".sallyport"}) {
    if (!env.exists(root / part)) {
      return fail(ErrorKind::kNotFound, root.string() + ": not a server's folder: it has no " + part);
    }
  }
  ServerSoundness out;
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, root));
  const trust::Root trusted = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(trusted));
  out.entries = TRY(ledger.fsck()).entries;
  const std::unique_ptr<Notary> notary = TRY(Notary::open(env, root));
  TRY(database->begin(Connection::Mode::kRead));
  const trust::Store store(env, root / "artifacts");
  std::map<Digest, std::string> manifests;
  TRY(check_versions(*database, *notary, out, manifests));
  check_objects(env, store, TRY(named_objects(*database, store, manifests, out)), out);
  std::ranges::sort(out.problems);
  return out;
}

}  // namespace sallyport::services::tracking
