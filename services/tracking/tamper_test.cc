// A sealed version, and everything that somebody with the server's disk, its database or an account tries in
// order to have other bytes loaded in its name. Each is tried on a copy of the same server, cold (before it
// starts) and hot (while it runs); nothing but what was registered may be handed out.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <functional>
#include <thread>

#include "services/tracking/artifacts.h"
#include "services/tracking/registry.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::array<std::string_view, 2> kWeights{"the weights of version one",
                                                   "the weights of version two"};
constexpr std::string_view kEvil = "the weights of whoever did it";
constexpr std::string_view kFile = "data/model.txt";

struct Place {
  fs::path root;
  std::array<std::string, 2> runs;
  std::function<void(const std::string&)> sql;
  std::function<std::string(std::size_t)> manifest_of;

  fs::path object(const Digest& digest) const {
    const std::string hex = digest.hex();
    return root / "artifacts" / "objects" / "sha256" / hex.substr(0, 2) / hex.substr(2);
  }
  fs::path weights(std::size_t version) const { return object(sha256(kWeights[version - 1])); }
  void overwrite(const fs::path& file, std::string_view bytes) const {
    fs::remove(file);
    fs::create_directories(file.parent_path());
    ASSERT_TRUE(system_env().write_new(file, as_bytes(bytes), 0444)) << file;
  }
  std::string read(const fs::path& file) const {
    const auto bytes = system_env().read_file(file);
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  // The store gets an object of the right name, as an upload would leave it.
  std::string plant(std::string_view bytes) const {
    overwrite(object(sha256(bytes)), bytes);
    return sha256(bytes).hex();
  }
  // The manifest of the first version with the digest of other weights in it.
  std::string planted_manifest() const {
    std::string text = read(object(Digest::parse(manifest_of(1)).value()));
    const std::string from = sha256(kWeights[0]).hex();
    text.replace(text.find(from), from.size(), plant(kEvil));
    const std::string size = "\"size\":" + std::to_string(kWeights[0].size());
    if (const std::size_t at = text.find(size); at != std::string::npos) {
      text.replace(at, size.size(), "\"size\":" + std::to_string(kEvil.size()));
    }
    return plant(text);
  }
  fs::path workspace() const { return root / ".sallyport"; }
  std::vector<fs::path> files_below(const fs::path& folder) const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const bool hidden = entry.path().filename().string().starts_with('.');
      if (entry.is_regular_file() && !hidden) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

struct Tampering {
  const char* what;
  std::function<void(const Place&)> act;
};

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

class Tamper : public testing_support::OnEachDatabase {
 protected:
  void SetUp() override {
    TrackingFixture::SetUp();
    if (IsSkipped()) return;
    for (std::size_t version = 1; version <= 2; ++version) {
      const std::string run = new_run();
      place_.runs[version - 1] = run;
      const std::string folder = "0/" + run + "/artifacts/m/";
      ASSERT_EQ(put(folder + "MLmodel", "flavors: {}\n"), 200);
      ASSERT_EQ(put(folder + std::string(kFile), kWeights[version - 1]), 200);
      for (const char* model : {"digits", "letters"}) {
        std::ignore = ask("POST", "/api/2.0/mlflow/registered-models/create",
                          R"({"name":")" + std::string(model) + "\"}");
        if (version == 2 && std::string_view(model) == "letters") continue;
        post("model-versions/create", {{"name", model}, {"source", "runs:/" + run + "/m"}});
      }
      for (int i = 0; i < 500 && fetch(version) != kWeights[version - 1]; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      ASSERT_EQ(fetch(version), kWeights[version - 1]);
    }
    // An object for the other model to have, so that trading names shows.
    post("registered-models/alias", {{"name", "digits"}, {"alias", "champion"}, {"version", "2"}});
    service_.reset();
    base_ = fs::path(root_.string() + "-base");
    fs::remove_all(base_);
    fs::copy(root_, base_, fs::copy_options::recursive);
    if (postgres_ != nullptr) keep_tables();
    place_.root = root_;
    place_.sql = [this](const std::string& statements) { edit_database(statements); };
    place_.manifest_of = [this](std::size_t version) {
      const auto rows = rows_of("SELECT manifest FROM versions WHERE version = " + std::to_string(version));
      return rows.empty() ? std::string() : text_at(rows[0], 0);
    };
  }
  void TearDown() override {
    fs::remove_all(base_);
    TrackingFixture::TearDown();
  }
  void restore() {
    service_.reset();
    fs::remove_all(root_);
    fs::copy(base_, root_, fs::copy_options::recursive);
    if (postgres_ != nullptr) edit_database(restore_tables_);
  }
  // A copy of each table beside it, and the statements that bring it back.
  void keep_tables() {
    std::string keep = "DROP SCHEMA IF EXISTS base CASCADE; CREATE SCHEMA base;";
    for (const Row& row : rows_of("SELECT tablename FROM pg_tables WHERE schemaname = 'sallyport'")) {
      const std::string table = text_at(row, 0);
      keep += "CREATE TABLE base." + table + " AS TABLE " + table + ";";
      restore_tables_ += "DELETE FROM " + table + "; INSERT INTO " + table + " TABLE base." + table + ";";
    }
    edit_database(keep);
  }
  int put(const std::string& path, std::string_view bytes) {
    const http::Request request{
        .method = "PUT", .path = std::string(kArtifactRoute) + "/" + path, .query = "", .peer = ""};
    http::Opened opened = service_->open(request);
    if (!opened.sink) return opened.refusal.status;
    EXPECT_TRUE(opened.sink->write(as_bytes(bytes)));
    return opened.sink->finish().status;
  }
  // What a client that asks for the version's weights has in the end; "" when it has an error.
  std::string fetch(std::size_t version, const std::string& file = std::string(kFile)) {
    http::Answer answer =
        ask("GET", std::string(kArtifactRoute) + "/versions/digits/" + std::to_string(version) + "/" + file);
    if (answer.status != 200 || !answer.source) return {};
    std::string out(answer.source_bytes, '\0');
    const auto got = answer.source->read({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    return got && *got == out.size() ? out : "";
  }
  // What was served that was not promised; "" when nothing.
  std::string harm() {
    std::string out;
    for (std::size_t version = 1; version <= 2; ++version) {
      const std::string got = fetch(version);
      if (!got.empty() && got != kWeights[version - 1])
        out += " version " + std::to_string(version) + ": " + got + ";";
    }
    const std::string third = fetch(3);
    if (!third.empty() && third != third_) out += " a version 3 was served;";
    for (const char* alias : {"champion", "best"}) {
      const http::Answer answer =
          ask("GET", "/api/2.0/mlflow/registered-models/alias?name=digits&alias=" + std::string(alias));
      const Json said = parse_json(answer.body).value_or(Json::object());
      if (answer.status == 200 && said["model_version"]["version"] != "2")
        out += " the alias named another version;";
    }
    return out;
  }
  bool open_tampered() {
    auto opened = Service::open(system_env(), root_, anybody(), backing_);
    if (opened) service_ = std::move(*opened);
    return opened.has_value();
  }

  Place place_;
  fs::path base_;
  std::string restore_tables_ = {};
  std::string third_ = {};  // what a version 3 may hold, once somebody registered one
};

TEST_P(Tamper, nothing_else_is_served_in_a_versions_name) {
  std::vector<Tampering> all;
  for (const auto& more : {of_the_weights(), of_the_store(), of_versions_rows(), of_artifacts_rows(),
                           of_aliases_rows(), of_the_log(), of_the_tree()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  ASSERT_GE(all.size(), 30U);
  RecordProperty("kinds", std::to_string(all.size()));
  restore();
  ASSERT_TRUE(open_tampered());
  EXPECT_EQ(harm(), "");
  ASSERT_EQ(fetch(1), kWeights[0]) << "without tampering it is served";
  for (const Tampering& tampering : all) {
    restore();
    tampering.act(place_);
    // A server that does not start serves nothing.
    if (open_tampered()) {
      EXPECT_EQ(harm(), "") << "cold: " << tampering.what;
      std::this_thread::sleep_for(
          std::chrono::milliseconds(30));  // the gatekeeper takes up what seems pending
      EXPECT_EQ(harm(), "") << "cold, later: " << tampering.what;
    }
    restore();
    ASSERT_TRUE(open_tampered());
    tampering.act(place_);
    EXPECT_EQ(harm(), "") << "hot: " << tampering.what;
  }
}

TEST_P(Tamper, nothing_that_is_asked_for_changes_a_sealed_version) {
  restore();
  ASSERT_TRUE(open_tampered());
  const std::string sealed = "0/" + place_.runs[0] + "/artifacts/m/";
  for (const std::string& path :
       {sealed + std::string(kFile), sealed + "extra.bin", sealed + "MLmodel",
        std::string("versions/digits/1/data/model.txt"), std::string("versions/digits/1/extra.bin"),
        "0/" + place_.runs[0] + "/artifacts/m"}) {
    EXPECT_NE(put(path, kEvil), 200) << path;
    EXPECT_NE(ask("DELETE", std::string(kArtifactRoute) + "/" + path).status, 200) << path;
  }
  const auto tried = [&](const char* method, const char* route, const Json& body) {
    std::ignore = ask(method, "/api/2.0/mlflow/" + std::string(route), canonical(body));
    EXPECT_EQ(harm(), "") << route << body;
  };
  tried("POST", "runs/delete", {{"run_id", place_.runs[0]}});
  tried("PATCH", "model-versions/update",
        {{"name", "digits"}, {"version", "1"}, {"source", "runs:/" + place_.runs[1] + "/m"}});
  third_ = kWeights[1];  // the next one is a version 3 in its own right
  tried("POST", "model-versions/create",
        {{"name", "digits"}, {"version", "1"}, {"source", "runs:/" + place_.runs[1] + "/m"}});
  tried("POST", "registered-models/rename", {{"name", "letters"}, {"new_name", "digits"}});
  tried("DELETE", "model-versions/delete", {{"name", "digits"}, {"version", "1"}});
  tried("DELETE", "registered-models/delete", {{"name", "digits"}});
  tried("POST", "registered-models/create", {{"name", "digits"}});
  tried("POST", "model-versions/create", {{"name", "digits"}, {"source", "runs:/" + place_.runs[1] + "/m"}});
  EXPECT_EQ(fetch(1), "") << "a number that was used once is not used for other bytes";
}

ON_EACH_DATABASE(Tamper);

}  // namespace
}  // namespace sallyport::services::tracking
