// A sealed version, and everything that somebody with the server's disk, its database or an account tries in
// order to have other bytes loaded in its name (testdata/tamperings.h). Each is tried on a copy of the same
// server, cold (before it starts) and hot (while it runs); nothing but what was registered may be handed out.
#include <gtest/gtest.h>

#include <thread>

#include "services/tracking/artifacts.h"
#include "services/tracking/registry.h"
#include "services/tracking/testdata/tamperings.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

using testing_support::kEvil;
using testing_support::kFile;
using testing_support::kWeights;
using testing_support::Place;
using testing_support::Tampering;

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
    place_.weights = [this](std::size_t version) { return place_.object(sha256(kWeights[version - 1])); };
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
  const std::vector<Tampering> all = testing_support::of_our_server();
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
