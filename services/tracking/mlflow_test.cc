// Unmodified MLflow clients against our server on a real socket: tests/mlflow_client.py, mlflow_models.py.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <set>

#include "services/http/http.h"
#include "services/http/tls.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/grants.h"
#include "services/tracking/tracking_fixture.h"
#include "tests/paths.h"
#include "tests/peer.h"

namespace sallyport::services::tracking {
namespace {

// Which endpoints of the API were asked and answered: the routes of services/tracking/routes.def, and one for
// each method on artifacts.
class Counted final : public http::Handler {
 public:
  explicit Counted(http::Handler& handler) : handler_(handler) {}
  http::Intake intake(const http::Request& request) override { return handler_.intake(request); }
  http::Answer handle(const http::Request& request) override {
    http::Answer answer = handler_.handle(request);
    if (answer.status == 200) count(request);
    return answer;
  }
  http::Opened open(const http::Request& request) override {
    http::Opened opened = handler_.open(request);
    if (opened.sink) count(request);
    return opened;
  }
  http::Answer refuse(int status, const std::string& message) override {
    return handler_.refuse(status, message);
  }
  std::size_t endpoints() const { return endpoints_.size(); }

 private:
  void count(const http::Request& request) {
    const bool artifact = request.path.starts_with(kArtifactRoute);
    const std::scoped_lock lock(mutex_);
    endpoints_.insert(request.method + " " + (artifact ? std::string(kArtifactRoute) : request.path));
  }

  http::Handler& handler_;
  std::mutex mutex_;
  std::set<std::string> endpoints_;
};

class Mlflow : public testing_support::TrackingFixture {
 protected:
  // Runs the script with the python of an environment that has the packages, against the server.
  void expect_passes(const std::string& name, const std::string& packages, const std::string& script,
                     const http::Options& options = {}, const std::string& environment = {}) {
    const fs::path peer = tests::peer(name, packages);
    if (peer.empty()) {
      std::cerr << "SKIPPED LOUDLY: " << packages << " could not be installed; no client was run\n";
      GTEST_SKIP() << packages << " could not be installed from PyPI";
    }
    const std::string interpreter = (peer / "bin" / "python3").string();
    Counted counted(*service_);
    const auto server = http::Server::start(counted, options);
    ASSERT_TRUE(server) << server.error().message;
    const fs::path log = root_ / "client.log";
    const std::string address =
        (options.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string((*server)->port());
    const std::string command =
        "cd '" + root_.string() + "' && env -u PYTHONPATH HOME='" + root_.string() + "' " + environment +
        " MLFLOW_TRACKING_URI=" + address + " MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 GIT_PYTHON_REFRESH=quiet '" +
        interpreter + "' " + tests::source_dir() + "/tests/" + script + " >'" + log.string() + "' 2>&1";
    const int status = std::system(command.c_str());
    RecordProperty("endpoints", std::to_string(counted.endpoints()));
    const auto said = system_env().read_file(log);
    EXPECT_EQ(status, 0) << (said ? as_text(*said) : "");
  }
};

class MlflowOn : public Mlflow, public testing::WithParamInterface<std::string> {
 protected:
  bool on_postgres() const override { return GetParam() == "postgres"; }
};
ON_EACH_DATABASE(MlflowOn);

TEST_P(MlflowOn, unmodified_client_goes_through_its_whole_flow) {
  expect_passes("mlflow-skinny", "mlflow-skinny==3.17.2", "mlflow_client.py");
}

TEST_F(Mlflow, whole_mlflow_logs_registers_loads_and_searches) {
  expect_passes("mlflow", "mlflow==3.17.2", "mlflow_models.py");
}

TEST_F(Mlflow, client_speaks_tls_and_proves_who_it_is) {
  const auto files = http::self_signed(system_env(), root_ / "tls", "127.0.0.1");
  ASSERT_TRUE(files) << files.error().message;
  const auto tls = http::Tls::load(system_env(), *files);
  ASSERT_TRUE(tls) << tls.error().message;
  AccessRules rules;
  Grant all{.may = {Verb::kRead, Verb::kWrite}, .kind = Kind::kExperiment, .patterns = {"*"}};
  rules.roles["all"] = {all};
  rules.principals["ana"] = {.roles = {"all"},
                             .tokens = {{sha256("sp_ana"), system_env().now_unix_s() + 3600}}};
  open(granted(system_env(), rules));
  expect_passes(
      "mlflow-skinny", "mlflow-skinny==3.17.2", "mlflow_tls.py", {.tls = *tls},
      "MLFLOW_TRACKING_USERNAME=ana MLFLOW_TRACKING_PASSWORD=sp_ana MLFLOW_TRACKING_SERVER_CERT_PATH='" +
          files->certificate.string() + "'");
}

}  // namespace
}  // namespace sallyport::services::tracking
