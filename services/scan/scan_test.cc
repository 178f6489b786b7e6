#include "services/scan/scan.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "core/env.h"
#include "services/scan/bom.h"
#include "services/scan/sarif.h"

namespace sallyport::services::scan {
namespace {

namespace fs = std::filesystem;
using namespace std::literals;

constexpr std::string_view kCalls = "cos\nsystem\n(S'id'\ntR."sv;
constexpr std::string_view kPlain =
    "\x80\x04]\x94(K\x01K\x02"
    "e."sv;

class Scanned : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sallyport-scan-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, std::string_view bytes) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  ScanReport scan_all(ScanOptions options = {}) {
    auto report = scan({folder_}, options);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : ScanReport{};
  }
  const ScannedFile& file(const ScanReport& report, const std::string& name) {
    static const ScannedFile kNone{};
    for (const ScannedFile& f : report.files) {
      if (f.path == (folder_ / name).string()) return f;
    }
    ADD_FAILURE() << name << " is not in the report";
    return kNone;
  }
  fs::path folder_;
};

TEST_F(Scanned, DataThatAnotherFileNamesIsAccountedForToTheLastByte) {
  const auto constant = [](int id, int offset) {
    return "<layer id=\"" + std::to_string(id) + "\" name=\"w\" type=\"Const\" version=\"opset1\"><data " +
           "element_type=\"f32\" shape=\"4\" offset=\"" + std::to_string(offset) + "\" size=\"16\"/></layer>";
  };
  const std::string network = "<?xml version=\"1.0\"?>\n<net name=\"m\" version=\"11\"><layers>" +
                              constant(0, 0) + constant(1, 64) + "</layers><edges></edges></net>\n";
  const std::string weights(16, '\x3F');
  const std::string padding(48, '\0');
  const auto verdict = [&](const std::string& data) {
    write("a/m.xml", network);
    write("a/m.bin", data);
    return file(scan_all(), "a/m.bin").verdict;
  };
  EXPECT_EQ(verdict(weights + padding + weights), FileVerdict::kClean);
  EXPECT_EQ(verdict(weights + padding + weights + "more"), FileVerdict::kIncomplete);
  EXPECT_EQ(verdict(weights + std::string(48, '\1') + weights), FileVerdict::kIncomplete);
  EXPECT_EQ(verdict(weights + padding), FileVerdict::kIncomplete);
  EXPECT_EQ(verdict(std::string(kCalls) + std::string(80 - kCalls.size(), '\0')), FileVerdict::kFindings);
  fs::remove(folder_ / "a/m.xml");
  EXPECT_EQ(file(scan_all(), "a/m.bin").verdict, FileVerdict::kFindings);
  write("a/m.bin", weights + padding + weights);
  EXPECT_EQ(file(scan_all(), "a/m.bin").verdict, FileVerdict::kIncomplete);
}

TEST_F(Scanned, EachFileHasOneOfFourVerdicts) {
  write("plain.pkl", kPlain);
  write("calls.txt", kCalls);
  write("noise.bin", "\xF7\xF6\xF5\xF4"sv);
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  const ScanReport report = scan_all();
  ASSERT_EQ(report.files.size(), 4U);
  EXPECT_EQ(file(report, "plain.pkl").verdict, FileVerdict::kClean);
  EXPECT_EQ(file(report, "plain.pkl").format, "pickle");
  EXPECT_EQ(file(report, "plain.pkl").sha256, sha256(kPlain).hex());
  EXPECT_EQ(file(report, "calls.txt").verdict, FileVerdict::kFindings);
  EXPECT_EQ(file(report, "noise.bin").verdict, FileVerdict::kIncomplete);
  EXPECT_EQ(file(report, "noise.bin").coverage, 0);
  EXPECT_EQ(file(report, "fifo").verdict, FileVerdict::kError);
  EXPECT_EQ(report.exit_code(), 1);
}

TEST_F(Scanned, AFindingIsSaidOnceWithAllItsThreats) {
  write("calls.pkl", kCalls);
  const ScanReport report = scan_all();
  const ScannedFile& scanned = file(report, "calls.pkl");
  ASSERT_EQ(scanned.findings.size(), 1U);
  EXPECT_EQ(scanned.findings[0].threats,
            (std::vector<std::string_view>{"export-deserialize-exec", "prep-pipeline-code-exec"}));
  EXPECT_EQ(scanned.findings[0].finding.rule, "pickle-dangerous-call");
}

TEST_F(Scanned, LinksOutOfTheFolderAreSaidAndNotFollowed) {
  write("in/plain.pkl", kPlain);
  fs::create_symlink("in/plain.pkl", folder_ / "inside");
  fs::create_symlink("/etc/hostname", folder_ / "outside");
  fs::create_symlink("loop", folder_ / "loop");
  const ScanReport report = scan_all();
  EXPECT_EQ(report.files.size(), 3U);
  EXPECT_EQ(file(report, "outside").verdict, FileVerdict::kError);
  EXPECT_EQ(file(report, "loop").verdict, FileVerdict::kError);
  EXPECT_EQ(report.exit_code(), 2);
}

// A history that is elsewhere, or named otherwise, is never passed over in silence.
TEST_F(Scanned, AHistoryThatIsNotReadIsSaid) {
  write("a.txt", "text\n");
  write(".git", "gitdir: /somewhere/else\n");
  EXPECT_EQ(scan_all().exit_code(), 2);
  fs::remove(folder_ / ".git");
  write(".git/HEAD", "ref: refs/heads/main\n");
  fs::create_directories(folder_ / ".git/objects");
  fs::create_directories(folder_ / ".git/refs");
  EXPECT_EQ(scan_all().exit_code(), 0);
  write(".git/config", "[extensions]\n\tobjectFormat = sha256\n");
  EXPECT_EQ(scan_all().exit_code(), 2);
  fs::remove(folder_ / ".git/config");
  write("sub/.git/HEAD", "ref: refs/heads/main\n");
  EXPECT_EQ(scan_all().exit_code(), 2);
}

TEST_F(Scanned, AWaiverCoversAFindingUntilItExpires) {
  write("calls.pkl", kCalls);
  const std::string path = (folder_ / "calls.pkl").string();
  const auto policy = parse_policy("waivers:\n  - {guard: pickle_code_execution, path: " + path +
                                       ", owner: ana, reason: a test, expires: 2030-01-01}\n",
                                   "policy");
  ASSERT_TRUE(policy) << policy.error().message;
  constexpr std::int64_t kBefore = 1'700'000'000, kAfter = 2'000'000'000;
  EXPECT_EQ(scan_all({.policy = *policy, .now_unix_s = kBefore}).exit_code(), 0);
  EXPECT_EQ(scan_all({.policy = *policy, .now_unix_s = kAfter}).exit_code(), 1);
}

TEST_F(Scanned, WaiversAreAnnouncedBeforeTheyEndAndAreErrorsThen) {
  write("plain.pkl", kPlain);
  const auto policy = parse_policy(
      "waivers:\n"
      "  - {guard: archive_bomb, path: a.zip, owner: ana, reason: a test, expires: 2030-01-31}\n"
      "  - {guard: loader_bug, owner: bo, reason: a test, expires: 2030-01-10}\n"
      "  - {guard: hub_intake, owner: cy, reason: a test, expires: 2031-01-01}\n",
      "policy");
  ASSERT_TRUE(policy) << policy.error().message;
  const std::int64_t now = *parse_time("2030-01-20T12:00:00Z");
  const ScanReport report = scan_all({.policy = *policy, .now_unix_s = now});
  EXPECT_EQ(report.exit_code(), 0);
  ASSERT_EQ(report.waivers.size(), 2U);
  EXPECT_EQ(text_of(report.waivers[0]),
            "the waiver of loader_bug ('bo') expired on 2030-01-10, 10 days ago, and covers nothing");
  EXPECT_EQ(text_of(report.waivers[1]),
            "the waiver of archive_bomb for 'a.zip' ('ana') expires on 2030-01-31, in 10 days");
  EXPECT_EQ(to_json(report).at("waivers").size(), 2U);
  const Json sarif = to_sarif(report, "1");
  const Json& said = sarif.at("runs")[0].at("invocations")[0].at("toolConfigurationNotifications");
  EXPECT_EQ(said[0].at("level"), "error");
  EXPECT_EQ(said[1].at("level"), "warning");
  EXPECT_FALSE(
      to_json(scan_all({.policy = *policy, .now_unix_s = now - 40 * 24 * 3600})).contains("waivers"));
}

TEST_F(Scanned, TheAnswerIsTheSameFromOneThreadAndFromMany) {
  for (int i = 0; i < 50; ++i) write("f" + std::to_string(i), i % 3 == 0 ? kCalls : kPlain);
  EXPECT_EQ(to_json(scan_all({.threads = 1})), to_json(scan_all({.threads = 4})));
}

TEST_F(Scanned, DocumentsCarryEveryFinding) {
  write("calls.pkl", kCalls);
  write("noise bin", "\xF7\xF6"sv);
  const ScanReport report = scan_all();
  const Json sarif = to_sarif(report, "1");
  const Json& run = sarif.at("runs").at(0);
  ASSERT_EQ(run.at("results").size(), 1U);
  EXPECT_EQ(run.at("results")[0].at("ruleId"), run.at("tool").at("driver").at("rules")[0].at("id"));
  const Json& place = run.at("results")[0].at("locations")[0].at("physicalLocation");
  EXPECT_EQ(place.at("region").at("byteOffset"), kCalls.find('R'));
  EXPECT_EQ(run.at("invocations")[0].at("toolExecutionNotifications").size(), 1U);
  const Json bom = to_cyclonedx(report, "1");
  EXPECT_EQ(bom.at("components").size(), 2U);
  EXPECT_EQ(bom.at("vulnerabilities").size(), 1U);
  EXPECT_EQ(bom.at("vulnerabilities")[0].at("affects")[0].at("ref"), bom.at("components")[0].at("bom-ref"));
}

}  // namespace
}  // namespace sallyport::services::scan
