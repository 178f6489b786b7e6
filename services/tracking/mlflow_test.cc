// The unmodified MLflow client against our server on a real socket: tests/mlflow_client.py.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "services/http/http.h"
#include "services/tracking/tracking_fixture.h"
#include "tests/peer.h"

namespace sallyport::services::tracking {
namespace {

class Mlflow : public testing_support::TrackingFixture {};

TEST_F(Mlflow, unmodified_client_goes_through_its_whole_flow) {
  const fs::path peer = tests::peer("mlflow-skinny", "mlflow-skinny==3.17.2");
  if (peer.empty()) {
    std::cerr << "SKIPPED LOUDLY: mlflow-skinny could not be installed from PyPI; no client was run\n";
    GTEST_SKIP() << "mlflow-skinny could not be installed from PyPI";
  }
  const std::string interpreter = (peer / "bin" / "python3").string();
  const auto server = http::Server::start(*service_);
  ASSERT_TRUE(server) << server.error().message;
  const fs::path log = root_ / "client.log";
  const std::string command = "cd '" + root_.string() + "' && env -u PYTHONPATH HOME='" + root_.string() +
                              "' MLFLOW_TRACKING_URI=http://127.0.0.1:" + std::to_string((*server)->port()) +
                              " MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 GIT_PYTHON_REFRESH=quiet '" + interpreter +
                              "' " + SALLYPORT_SOURCE_DIR + "/tests/mlflow_client.py >'" + log.string() +
                              "' 2>&1";
  const int status = std::system(command.c_str());
  const auto said = system_env().read_file(log);
  EXPECT_EQ(status, 0) << (said ? as_text(*said) : "");
}

}  // namespace
}  // namespace sallyport::services::tracking
