// What a release carries beside its weights, and whether the ecosystem's own validators accept its bill of
// materials and the description of its data.
//
// The validators are installed once, below the build folder. Where they cannot be, the test says so and is
// skipped.
#include <iostream>

#include "learn/bundle_parts.h"
#include "services/server/model.h"
#include "tests/peer.h"
#include "tests/project_fixture.h"
#include "tests/shell.h"
#include "trust/bundle.h"

namespace sallyport {
namespace {

namespace tracked = services::server;

constexpr const char* kValidateBom = R"(
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
if problem: print(problem)
sys.exit(1 if problem else 0)
)";

// Validates, then reads the rows of the table through the description, which holds the file to its digest.
constexpr const char* kReadCroissant = R"(
import sys
import mlcroissant
data = mlcroissant.Dataset(jsonld=sys.argv[1])
name = [str(s.id) for s in data.metadata.record_sets if sys.argv[2] in str(s.id)][0]
print(sum(1 for _ in data.records(name)))
)";

class Release : public testing_support::ProjectFixture {
 protected:
  void SetUp() override {
    ProjectFixture::SetUp();
    set_stage("training", "{epochs: 12}");
  }
  Result<fs::path> exported(const services::pipeline::RunReport& report) const {
    for (const auto& stage : report.stages) {
      for (const auto& [name, digest] : stage.outputs) {
        if (name != "exported") continue;
        const auto workspace = TRY(trust::Workspace::open(system_env(), folder_));
        const fs::path to = folder_.parent_path() / "exported";
        fs::remove_all(to);
        TRY(workspace.store().materialise(digest, to));
        return to;
      }
    }
    return fail(ErrorKind::kNotFound, "no stage exported: " + report.reason);
  }
  int run_tool(const std::string& command) {
    const auto ran = shell_.run(command);
    last_ = command + "\n" + ran.out + ran.err;
    return ran.exit;
  }
  // A script for the interpreter of a peer.
  int python(const fs::path& peer, const char* script, const std::string& words) {
    testing_shell::write_text(shell_.here() / "script.py", script);
    return run_tool("'" + (peer / "bin/python").string() + "' script.py " + words);
  }

  testing_shell::Shell shell_;
  std::string last_ = {};
};

TEST_F(Release, CarriesItsPartsBoundByDigest) {
  const auto report = run(Stage::kRegistry);
  ASSERT_TRUE(report) << report.error().message;
  const auto folder = exported(*report);
  ASSERT_TRUE(folder) << folder.error().message;
  const auto manifest = trust::scan_directory(system_env(), *folder);
  ASSERT_TRUE(manifest);
  const auto text = system_env().read_file(*folder / "bundle.json");
  ASSERT_TRUE(text);
  const auto bundle = trust::parse_bundle(*text);
  ASSERT_TRUE(bundle) << bundle.error().message;
  EXPECT_TRUE(trust::check_bundle(*bundle, *manifest).empty());
  for (const trust::PartRole role :
       {trust::PartRole::kWeights, trust::PartRole::kLabels, trust::PartRole::kPreprocessing,
        trust::PartRole::kGolden, trust::PartRole::kInterface, trust::PartRole::kDescription}) {
    EXPECT_NE(bundle->find(role), nullptr) << name_of(role);
  }
  const auto golden = learn::parse_golden(testing_shell::read_text(*folder / "golden.json"));
  ASSERT_TRUE(golden) << golden.error().message;
  std::set<std::string> labels;
  for (const auto& sample : golden->samples) labels.insert(sample.label);
  EXPECT_EQ(labels.size(), 10U) << "a sample for each digit";

  const auto project = services::pipeline::load_project(system_env(), folder_);
  ASSERT_TRUE(project);
  const auto workspace = trust::Workspace::open(system_env(), folder_);
  const auto model =
      tracked::load_verified_model(*workspace, "digits@1", project->policy, system_env().now_unix_s());
  // Nothing is served before the registry's gate, and this run ended with it.
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->golden->samples.size(), golden->samples.size());
  EXPECT_EQ(model->golden_inputs.rows(), golden->samples.size());
}

TEST_F(Release, AnExportWhoseLabelMapIsNotTheNetworksIsRefused) {
  write("export.py",
        "import json, os\n"
        "out = os.environ['SALLYPORT_OUT'] + '/exported'\n"
        "os.mkdir(out)\n"
        "open(out + '/model.onnx', 'w').write('x')\n"
        "labels = json.load(open(os.environ['SALLYPORT_IN'] + '/model/model.json'))['classes']\n"
        "labels[3], labels[8] = labels[8], labels[3]\n"
        "json.dump({'labels': labels}, open(out + '/labels.json', 'w'))\n");
  set_stage("export", "{run: [python3, export.py]}");
  const auto report = run(Stage::kExport);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->verdict, Verdict::kBlock);
  EXPECT_NE(report->reason.find("exported/labels.json is not what the trained network says"),
            std::string::npos)
      << report->reason;
}

TEST_F(Release, TheEcosystemsValidatorsAcceptWhatDescribesIt) {
  const auto report = run(Stage::kRegistry);
  ASSERT_TRUE(report) << report.error().message;
  const auto folder = exported(*report);
  ASSERT_TRUE(folder) << folder.error().message;
  const fs::path cyclonedx = tests::peer("cyclonedx", "cyclonedx-python-lib[json-validation]==11.12.0");
  const fs::path croissant = tests::peer("croissant", "mlcroissant==1.1.1");
  if (cyclonedx.empty() || croissant.empty()) {
    std::cerr << "SKIPPED LOUDLY: the validators could not be installed from PyPI; nothing was compared\n";
    GTEST_SKIP() << "cyclonedx-python-lib or mlcroissant could not be installed from PyPI";
  }
  fs::copy(*folder, shell_.here() / "m");
  EXPECT_EQ(python(cyclonedx, kValidateBom, "m/bom.cdx.json"), 0) << last_;
  ASSERT_EQ(run_tool("sallyport -C '" + folder_.string() + "' bom digits@1 --out whole.json"), 0) << last_;
  EXPECT_EQ(python(cyclonedx, kValidateBom, "whole.json"), 0) << last_;
  ASSERT_EQ(run_tool("sallyport bom m --out parts.json"), 0) << last_;
  EXPECT_EQ(python(cyclonedx, kValidateBom, "parts.json"), 0) << last_;
  std::string bom = testing_shell::read_text(shell_.here() / "whole.json");
  EXPECT_NE(bom.find("\"version\": \"1\""), std::string::npos) << bom;
  bom.replace(bom.find("machine-learning-model"), 7, "oracle-");
  testing_shell::write_text(shell_.here() / "wrong.json", bom);
  EXPECT_EQ(python(cyclonedx, kValidateBom, "wrong.json"), 1) << "the validator must be able to refuse";

  const std::string tool = "'" + (croissant / "bin/mlcroissant").string() + "' validate --jsonld ";
  EXPECT_EQ(run_tool(tool + "m/croissant.json"), 0) << last_;
  // Beside the tables that it describes, it is read.
  const auto stored = [&](const char* name) {
    for (const auto& stage : report->stages) {
      for (const auto& [output, digest] : stage.outputs) {
        if (output == name) return trust::Workspace::open(system_env(), folder_)->store().path_of(digest);
      }
    }
    return fs::path();
  };
  fs::copy(stored("train"), shell_.here() / "m/train.csv");
  fs::copy(stored("test"), shell_.here() / "m/test.csv");
  EXPECT_EQ(python(croissant, kReadCroissant, "m/croissant.json train"), 0) << last_;
  fs::remove(shell_.here() / "m/test.csv");
  testing_shell::write_text(shell_.here() / "m/test.csv", "id,digit\nd0001,4\n");
  EXPECT_NE(python(croissant, kReadCroissant, "m/croissant.json test"), 0)
      << "a table that was exchanged is none of the digest's";

  ASSERT_EQ(run_tool("cd '" + folder_.string() +
                     "' && sallyport data add feed --name digits && "
                     "sallyport data commit digits --message 'ten digits' && "
                     "sallyport data describe digits --license CC-BY-4.0 --url https://example.org/digits "
                     "--out feed/croissant.json"),
            0)
      << last_;
  EXPECT_EQ(run_tool(tool + "'" + folder_.string() + "/feed/croissant.json'"), 0) << last_;
}

}  // namespace
}  // namespace sallyport
