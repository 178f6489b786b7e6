// From an upload to a sealed version and back: what the registry keeps, and what it refuses to hand out.
#include "services/tracking/registry.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "services/tracking/artifacts.h"
#include "services/tracking/tracking_fixture.h"

namespace sallyport::services::tracking {
namespace {

// A pickle whose loading would call os.system("true").
constexpr std::string_view kHostile{
    "\x80\x02"
    "cos\nsystem\nX\x04\0\0\0true\x85R.",
    26};

class Registry : public testing_support::OnEachDatabase {
 protected:
  int put(const std::string& path, std::string_view bytes) {
    http::Request request{
        .method = "PUT", .path = std::string(kArtifactRoute) + "/" + path, .query = "", .peer = ""};
    EXPECT_EQ(service_->intake(request).kind, http::Intake::Kind::kStream);
    http::Opened opened = service_->open(request);
    if (!opened.sink) return opened.refusal.status;
    EXPECT_TRUE(opened.sink->write(as_bytes(bytes)));
    return opened.sink->finish().status;
  }
  // The bytes, or the status of the refusal.
  std::string fetch(const std::string& path) {
    http::Answer answer = ask("GET", std::string(kArtifactRoute) + "/" + path);
    if (!answer.source) return std::to_string(answer.status);
    std::string out(answer.source_bytes, '\0');
    const auto got = answer.source->read({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    EXPECT_TRUE(got && *got == out.size());
    return out;
  }
  Json files(const std::string& path) {
    return parse_json(ask("GET", std::string(kArtifactRoute) + "?path=" + path).body)
        .value_or(Json())["files"];
  }
  // "1/RUN/artifacts"
  std::string artifacts_of(const std::string& run) {
    return get("runs/get?run_id=" + run)["run"]["info"]["artifact_uri"].get<std::string>().substr(
        kArtifactScheme.size());
  }
  std::string upload_model(std::string_view weights = "weights") {
    const std::string run = new_run();
    EXPECT_EQ(put(artifacts_of(run) + "/model/MLmodel", "flavors: {}\n"), 200);
    EXPECT_EQ(put(artifacts_of(run) + "/model/data/model.txt", weights), 200);
    return run;
  }
  Json wait_for_gate(const std::string& version) {
    for (int i = 0; i < 500; ++i) {
      const Json got = get("model-versions/get?name=digits&version=" + version)["model_version"];
      if (got["status"] != kPending) return got;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return {};
  }
  std::string register_model(const std::string& run) {
    std::ignore = ask("POST", "/api/2.0/mlflow/registered-models/create", R"({"name":"digits"})");
    const Json made = post("model-versions/create",
                           {{"name", "digits"}, {"source", "runs:/" + run + "/model"}, {"run_id", run}});
    return made["model_version"]["version"].get<std::string>();
  }
};

TEST_P(Registry, artifacts_go_up_are_listed_and_come_down) {
  const std::string run = upload_model();
  const std::string base = artifacts_of(run);
  EXPECT_EQ(fetch(base + "/model/data/model.txt"), "weights");
  const Json listed = files(base + "/model");
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0]["path"], "MLmodel");
  EXPECT_EQ(listed[0]["file_size"], 12);
  EXPECT_EQ(listed[1]["path"], "data");
  EXPECT_EQ(listed[1]["is_dir"], true);
  EXPECT_TRUE(files(base + "/model/MLmodel").empty());
  EXPECT_EQ(put(base + "/model/MLmodel/x", "y"), 400) << "a file is no folder";
  EXPECT_EQ(put(base + "/model", "y"), 400) << "a folder is no file";
  EXPECT_EQ(put(base + "/model/MLmodel", "changed"), 200);
  EXPECT_EQ(fetch(base + "/model/MLmodel"), "changed");
  EXPECT_EQ(ask("DELETE", std::string(kArtifactRoute) + "/" + base + "/model/data").status, 200);
  EXPECT_EQ(files(base + "/model").size(), 1U);
}

TEST_P(Registry, paths_that_lead_elsewhere_are_refused) {
  const std::string base = artifacts_of(new_run());
  for (const char* path : {"..", "../x", "a/../b", "%2e%2e/x", "..%2fx", "a%2fb", "%2e%2e%2f%2e%2e", "a\\b",
                           "a%5cb", "a//b", "./a", "a/.", "%00", "a%0ab", "%c0%ae%c0%ae/x"}) {
    EXPECT_EQ(put(base + "/" + path, "x"), 400) << path;
    EXPECT_EQ(fetch(base + "/" + path), "400") << path;
  }
  for (const char* path : {"etc/passwd", "0/x", "0/0123/artifacts/a", "9/models/m-1/artifacts/a",
                           "tracking.db", "versions/none/1/a", "versions/none/x/a"}) {
    const std::string got = fetch(path);
    EXPECT_TRUE(got == "404") << path << ": " << got;
  }
  EXPECT_EQ(files(base + "/../.."), Json());
}

TEST_P(Registry, registering_seals_and_the_gate_decides) {
  const std::string run = upload_model();
  EXPECT_EQ(register_model(run), "1");
  const Json version = wait_for_gate("1");
  EXPECT_EQ(version["status"], kReady) << version;
  EXPECT_EQ(get("model-versions/get-download-uri?name=digits&version=1")["artifact_uri"],
            "mlflow-artifacts:/versions/digits/1");
  EXPECT_EQ(fetch("versions/digits/1/data/model.txt"), "weights");
  EXPECT_EQ(files("versions/digits/1").size(), 2U);
  EXPECT_EQ(put(artifacts_of(run) + "/model/data/model.txt", "trojan"), 403);
  EXPECT_EQ(put(artifacts_of(run) + "/model/code/evil.py", "trojan"), 403);
  EXPECT_EQ(put("versions/digits/1/data/model.txt", "trojan"), 403);
  EXPECT_EQ(ask("DELETE", std::string(kArtifactRoute) + "/" + artifacts_of(run)).status, 403);
  EXPECT_EQ(fetch("versions/digits/1/data/model.txt"), "weights");
}

TEST_P(Registry, a_model_that_runs_code_never_gets_ready) {
  EXPECT_EQ(register_model(upload_model(kHostile)), "1");
  const Json version = wait_for_gate("1");
  EXPECT_EQ(version["status"], kFailed) << version;
  EXPECT_NE(version["status_message"].get<std::string>().find("data/model.txt"), std::string::npos);
  EXPECT_EQ(failure("GET", "model-versions/get-download-uri?name=digits&version=1"), "403 PERMISSION_DENIED");
  EXPECT_EQ(fetch("versions/digits/1/data/model.txt"), "403");
  EXPECT_EQ(
      failure("POST", "registered-models/alias", {{"name", "digits"}, {"alias", "best"}, {"version", "1"}}),
      "403 PERMISSION_DENIED");
}

TEST_P(Registry, sources_outside_this_server_are_refused) {
  std::ignore = post("registered-models/create", {{"name", "digits"}});
  const std::string run = upload_model();
  for (const std::string& source : std::vector<std::string>{
           "/etc", "file:///etc", "file://localhost/etc", "http://169.254.169.254/latest", "ftp://x/y",
           "s3://b/k", "mlflow-artifacts:/../../etc", "mlflow-artifacts:/0",
           "mlflow-artifacts://host/0/x/artifacts/m", "runs:/" + run + "/../../x",
           "runs:/" + run + "/model#/../x", "runs:/" + run + "/model?x", "runs:/none/model", "models:/m-0123",
           "models:/digits/1", "models:/m-../x", "runs:/" + run + "/empty"}) {
    const std::string got =
        failure("POST", "model-versions/create", {{"name", "digits"}, {"source", source}});
    EXPECT_TRUE(got.starts_with("400 ") || got.starts_with("404 ")) << source << ": " << got;
  }
}

// Whoever can write to the server's disk changes nothing unseen: what is served is what was signed.
TEST_P(Registry, what_was_changed_behind_its_back_is_not_served) {
  const std::string run = upload_model();
  register_model(run);
  ASSERT_EQ(wait_for_gate("1")["status"], kReady);
  std::ignore =
      post("registered-models/alias", {{"name", "digits"}, {"alias", "champion"}, {"version", "1"}});
  register_model(upload_model("other"));
  ASSERT_EQ(wait_for_gate("2")["status"], kReady);

  edit_database("UPDATE aliases SET version = 2");
  EXPECT_EQ(failure("GET", "registered-models/alias?name=digits&alias=champion"), "403 PERMISSION_DENIED");
  edit_database("UPDATE aliases SET version = 1");
  EXPECT_EQ(get("registered-models/alias?name=digits&alias=champion")["model_version"]["version"], "1");

  edit_database("UPDATE versions SET manifest = (SELECT manifest FROM versions WHERE version = 2)");
  EXPECT_EQ(fetch("versions/digits/1/data/model.txt"), "403");
  EXPECT_EQ(failure("GET", "model-versions/get-download-uri?name=digits&version=1"), "403 PERMISSION_DENIED");
}

TEST_P(Registry, a_changed_object_is_not_served) {
  register_model(upload_model());
  ASSERT_EQ(wait_for_gate("1")["status"], kReady);
  const fs::path object = trust::Store(system_env(), root_ / "artifacts").path_of(sha256("weights"));
  fs::permissions(object, fs::perms::owner_all);
  std::ofstream(object, std::ios::binary) << "trojans";
  EXPECT_EQ(fetch("versions/digits/1/data/model.txt"), "403");
}

TEST_P(Registry, versions_and_promises_outlive_the_server) {
  register_model(upload_model());
  ASSERT_EQ(wait_for_gate("1")["status"], kReady);
  std::ignore = post("registered-models/alias", {{"name", "digits"}, {"alias", "best"}, {"version", "1"}});
  open(anybody());
  EXPECT_EQ(fetch("versions/digits/1/data/model.txt"), "weights");
  EXPECT_EQ(get("registered-models/alias?name=digits&alias=best")["model_version"]["version"], "1");
  EXPECT_EQ(get("registered-models/get?name=digits")["registered_model"]["aliases"][0]["alias"], "best");
  // A model of the same name that comes later never takes over what was promised.
  std::ignore = post("registered-models/delete", {{"name", "digits"}}, "DELETE");
  EXPECT_EQ(register_model(upload_model("later")), "2");
}

// Three people, told apart by a header that only this test believes.
class Team : public Access {
 public:
  Result<Principal> authenticate(const http::Request& request) override {
    const std::string_view name = request.header("X-Name");
    if (name.empty()) return fail(ErrorKind::kDenied, "who?");
    return Principal{std::string(name)};
  }
  bool allows(const Principal&, Verb, const Resource&) override { return true; }
};

TEST_P(Registry, a_protected_alias_needs_two_who_did_not_register) {
  register_model(upload_model());  // by anonymous
  ASSERT_EQ(wait_for_gate("1")["status"], kReady);
  open(std::make_unique<Team>());
  const auto move = [&](const std::string& who, const std::string& alias) {
    http::Request request{
        .method = "POST", .path = "/api/2.0/mlflow/registered-models/alias", .query = "", .peer = ""};
    request.headers = {{"Content-Type", "application/json"}, {"X-Name", who}};
    const std::string body = canonical(Json{{"name", "digits"}, {"alias", alias}, {"version", "1"}});
    request.body = as_bytes(body);
    return service_->handle(request).status;
  };
  EXPECT_EQ(move("ana", "best"), 200) << "not protected";
  EXPECT_EQ(move("anonymous", "champion"), 403) << "the author does not count";
  EXPECT_EQ(move("ana", "champion"), 403);
  EXPECT_EQ(move("ana", "champion"), 403) << "one who asks twice is still one";
  EXPECT_EQ(move("bob", "champion"), 200);
  EXPECT_EQ(move("ana", "latest"), 400);
  EXPECT_EQ(move("ana", "v1"), 400);
}

ON_EACH_DATABASE(Registry);

}  // namespace
}  // namespace sallyport::services::tracking
