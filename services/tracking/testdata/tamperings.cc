#include "services/tracking/testdata/tamperings.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/json.h"

namespace sallyport::services::tracking::testing_support {
namespace {

std::vector<Tampering> of_the_store() {
  return {
      {"the folder of objects is a link",
       [](const Place& p) {
         const fs::path folder = p.weights(1).parent_path();
         fs::rename(folder, p.root / "elsewhere");
         fs::create_directory_symlink(p.root / "elsewhere", folder);
         p.overwrite(p.root / "elsewhere" / p.weights(1).filename(), kEvil);
       }},
      {"the manifest is rewritten",
       [](const Place& p) {
         const fs::path at = p.object(Digest::parse(p.manifest_of(1)).value());
         p.overwrite(at, p.read(p.object(Digest::parse(p.planted_manifest()).value())));
       }},
      {"the manifest is another version's",
       [](const Place& p) {
         p.overwrite(p.object(Digest::parse(p.manifest_of(1)).value()),
                     p.read(p.object(Digest::parse(p.manifest_of(2)).value())));
       }},
      {"the manifest is removed",
       [](const Place& p) { fs::remove(p.object(Digest::parse(p.manifest_of(1)).value())); }},
  };
}

std::vector<Tampering> of_versions_rows() {
  return {
      {"a version names another manifest",
       [](const Place& p) {
         p.sql("UPDATE versions SET manifest = '" + p.planted_manifest() + "' WHERE version = 1");
       }},
      {"two versions trade manifests",
       [](const Place& p) {
         p.sql("UPDATE versions SET manifest = '" + p.manifest_of(2) + "' WHERE version = 1");
       }},
      {"a version trades numbers",
       [](const Place& p) {
         p.sql(
             "UPDATE versions SET version = 9 WHERE version = 1; UPDATE versions SET version = 1 WHERE "
             "version = 2;"
             "UPDATE versions SET version = 2 WHERE version = 9");
       }},
      {"a version appears",
       [](const Place& p) {
         p.sql(
             "INSERT INTO versions (model, version, source, prefix, run_id, model_id, description, stage, "
             "status, "
             "message, manifest, created, updated, author) SELECT model, 3, source, prefix, run_id, "
             "model_id, "
             "description, stage, 'READY', message, '" +
             p.planted_manifest() +
             "', created, updated, author FROM "
             "versions WHERE version = 1");
       }},
      {"a version moves to another model",
       [](const Place& p) {
         p.sql(
             "UPDATE registered_models SET name = 'was' WHERE name = 'digits'; UPDATE registered_models SET "
             "name = "
             "'digits' WHERE name = 'letters'; UPDATE registered_models SET name = 'letters' WHERE name = "
             "'was'");
       }},
  };
}

std::vector<Tampering> of_artifacts_rows() {
  return {
      {"the digest of an artifact",
       [](const Place& p) {
         p.sql("UPDATE artifacts SET digest = '" + p.plant(kEvil) + "' WHERE path LIKE '%model.txt'");
       }},
      {"the size of an artifact", [](const Place& p) { p.sql("UPDATE artifacts SET size = 3"); }},
      {"the path of an artifact",
       [](const Place& p) {
         p.sql("DELETE FROM artifacts WHERE path LIKE '%" + p.runs[0] +
               "%model.txt'; UPDATE artifacts SET path = "
               "replace(path, '" +
               p.runs[1] + "', '" + p.runs[0] + "') WHERE path LIKE '%model.txt'");
       }},
      {"the place a version was made of",
       [](const Place& p) {
         p.sql("UPDATE versions SET prefix = replace(prefix, '" + p.runs[0] + "', '" + p.runs[1] +
               "'), source = "
               "replace(source, '" +
               p.runs[0] + "', '" + p.runs[1] + "')");
       }},
      {"the seals are removed",
       [](const Place& p) {
         p.sql("DELETE FROM seals");
         p.sql("UPDATE artifacts SET digest = '" + p.plant(kEvil) + "' WHERE path LIKE '%model.txt'");
       }},
      {"a version is pending again, of other files",
       [](const Place& p) {
         p.sql("UPDATE artifacts SET digest = '" + p.plant(kEvil) +
               "', size = " + std::to_string(kEvil.size()) +
               " WHERE path LIKE '%model.txt'; UPDATE versions SET status = 'PENDING_REGISTRATION'");
       }},
  };
}

std::vector<Tampering> of_aliases_rows() {
  return {
      {"a version that failed is ready",
       [](const Place& p) { p.sql("UPDATE versions SET status = 'READY', message = ''"); }},
      {"an alias is moved", [](const Place& p) { p.sql("UPDATE aliases SET version = 1"); }},
      {"an alias names what is not there", [](const Place& p) { p.sql("UPDATE aliases SET version = 3"); }},
      {"an alias appears",
       [](const Place& p) {
         p.sql(
             "INSERT INTO aliases (model, alias, version) SELECT id, 'best', 1 FROM registered_models WHERE "
             "name = "
             "'digits'");
       }},
      {"the version is gone", [](const Place& p) { p.sql("DELETE FROM versions WHERE version = 1"); }},
      {"the version is gone, its number taken anew",
       [](const Place& p) {
         p.sql("UPDATE versions SET manifest = '" + p.planted_manifest() +
               "', created = 1, author = 'eve' WHERE "
               "version = 1");
       }},
  };
}

std::vector<Tampering> of_the_log() {
  return {
      {"statements are removed", [](const Place& p) { fs::remove_all(p.workspace() / "attestations"); }},
      {"one statement is removed",
       [](const Place& p) { fs::remove(p.files_below(p.workspace() / "attestations")[0]); }},
      {"statements trade places",
       [](const Place& p) {
         const auto files = p.files_below(p.workspace() / "attestations");
         const std::string first = p.read(files[0]);
         p.overwrite(files[0], p.read(files[1]));
         p.overwrite(files[1], first);
       }},
      {"a statement promises other bytes",
       [](const Place& p) {
         for (const fs::path& file : p.files_below(p.workspace() / "attestations")) {
           auto envelope = parse_json(p.read(file)).value();
           const Bytes payload = from_base64(envelope["payload"].get<std::string>()).value();
           std::string text(as_text(payload));
           const std::string from = p.manifest_of(1);
           const std::size_t at = text.find(from);
           if (at == std::string::npos) continue;
           text.replace(at, from.size(), p.planted_manifest());
           envelope["payload"] = to_base64(as_bytes(text));
           p.overwrite(file, canonical(envelope));
         }
         p.sql("UPDATE versions SET manifest = '" + p.planted_manifest() + "' WHERE version = 1");
       }},
  };
}

std::vector<Tampering> of_the_tree() {
  return {
      {"the checkpoint says less",
       [](const Place& p) {
         std::string text = p.read(p.workspace() / "log" / "checkpoint");
         const std::size_t line = text.find('\n') + 1;
         text.replace(line, text.find('\n', line) - line, "1");
         p.overwrite(p.workspace() / "log" / "checkpoint", text);
       }},
      {"an entry of the log",
       [](const Place& p) {
         for (const fs::path& file : p.files_below(p.workspace() / "log" / "tile" / "entries")) {
           std::string bytes = p.read(file);
           bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
           p.overwrite(file, bytes);
         }
       }},
      {"the root has another registrar",
       [](const Place& p) {
         std::string text = p.read(p.workspace() / "root.json");
         const std::string other = p.read(p.workspace() / "keys" / "producer.pub");
         const std::string own = p.read(p.workspace() / "keys" / "registrar.pub");
         const auto line = [](const std::string& pem) { return pem.substr(pem.find('\n') + 1, 40); };
         const std::size_t at = text.find(line(own));
         if (at != std::string::npos) text.replace(at, 40, line(other));
         p.overwrite(p.workspace() / "root.json", at == std::string::npos ? text + " " : text);
       }},
  };
}

std::vector<Tampering> of_the_weights() {
  return {
      {"the weights are overwritten", [](const Place& p) { p.overwrite(p.weights(1), kEvil); }},
      {"a bit of the weights",
       [](const Place& p) {
         std::string bytes(kWeights[0]);
         bytes[5] = static_cast<char>(bytes[5] ^ 1);
         p.overwrite(p.weights(1), bytes);
       }},
      {"the weights are cut short",
       [](const Place& p) { p.overwrite(p.weights(1), kWeights[0].substr(0, 7)); }},
      {"the weights are emptied", [](const Place& p) { p.overwrite(p.weights(1), ""); }},
      {"the weights are made longer",
       [](const Place& p) { p.overwrite(p.weights(1), std::string(kWeights[0]) + "!"); }},
      {"the weights are another version's", [](const Place& p) { p.overwrite(p.weights(1), kWeights[1]); }},
      {"the weights are a link",
       [](const Place& p) {
         p.overwrite(p.root / "evil", kEvil);
         fs::remove(p.weights(1));
         fs::create_symlink(p.root / "evil", p.weights(1));
       }},
      {"the weights are a hard link",
       [](const Place& p) {
         p.overwrite(p.root / "evil", kEvil);
         fs::remove(p.weights(1));
         fs::create_hard_link(p.root / "evil", p.weights(1));
       }},
      {"the weights are a folder",
       [](const Place& p) {
         fs::remove(p.weights(1));
         fs::create_directory(p.weights(1));
       }},
      {"the weights are removed", [](const Place& p) { fs::remove(p.weights(1)); }},
      {"the weights are a pipe",
       [](const Place& p) {
         fs::remove(p.weights(1));
         ::mkfifo(p.weights(1).c_str(), 0644);
       }},
  };
}

// Its model_versions name where the files are, its registered_model_aliases a version.
std::vector<Tampering> of_mlflows_rows() {
  const auto to_the_other = [](const Place& p, const std::string& more) {
    const auto other = [&](const std::string& column) {
      return column + " = replace(" + column + ", '" + p.runs[0] + "', '" + p.runs[1] + "')";
    };
    p.sql("UPDATE model_versions SET " + other("source") + ", " + other("storage_location") + more +
          " WHERE name = 'digits' AND version = 1");
  };
  const std::string columns =
      "creation_time, last_updated_time, description, user_id, current_stage, source, run_id, run_link, "
      "status, status_message, storage_location";
  return {
      {"a version names another run's files", [=](const Place& p) { to_the_other(p, ""); }},
      {"a version names a folder of the attacker's",
       [](const Place& p) {
         p.sql(
             "UPDATE model_versions SET source = 'file:///evil', storage_location = 'file:///evil' "
             "WHERE name = 'digits' AND version = 1");
       }},
      {"a version trades numbers",
       [](const Place& p) {
         p.sql(
             "UPDATE model_versions SET version = 9 WHERE name = 'digits' AND version = 1; "
             "UPDATE model_versions SET version = 1 WHERE name = 'digits' AND version = 2; "
             "UPDATE model_versions SET version = 2 WHERE name = 'digits' AND version = 9");
       }},
      {"a version appears",
       [=](const Place& p) {
         p.sql("INSERT INTO model_versions (name, version, " + columns + ") SELECT name, 3, " + columns +
               " FROM model_versions WHERE name = 'digits' AND version = 1");
       }},
      {"an alias is moved", [](const Place& p) { p.sql("UPDATE registered_model_aliases SET version = 1"); }},
      {"an alias appears",
       [](const Place& p) {
         p.sql("INSERT INTO registered_model_aliases (name, alias, version) VALUES ('digits', 'best', 1)");
       }},
      {"the version is gone",
       [](const Place& p) { p.sql("DELETE FROM model_versions WHERE name = 'digits' AND version = 1"); }},
      {"the version is gone, its number taken anew",
       [=](const Place& p) { to_the_other(p, ", creation_time = 1, user_id = 'eve'"); }},
  };
}

std::vector<Tampering> joined(const std::vector<std::vector<Tampering>>& lists) {
  std::vector<Tampering> out;
  for (const std::vector<Tampering>& list : lists) out.insert(out.end(), list.begin(), list.end());
  return out;
}

}  // namespace

std::vector<Tampering> of_our_server() {
  return joined({of_the_weights(), of_the_store(), of_versions_rows(), of_artifacts_rows(), of_aliases_rows(),
                 of_the_log(), of_the_tree()});
}

std::vector<Tampering> of_mlflows_server() { return joined({of_the_weights(), of_mlflows_rows()}); }

}  // namespace sallyport::services::tracking::testing_support
