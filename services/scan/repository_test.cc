#include "services/scan/repository.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "services/scan/accept.h"
#include "services/scan/cache.h"
#include "services/scan/history.h"
#include "services/scan/sarif.h"
#include "services/scan/testdata/repository_fixture.h"

namespace sallyport::services::scan {
namespace {

TEST_F(RepositoryScan, ATokenInGitsOwnSettingsIsFound) {
  write("train.py", "rate = 0.1\n");
  commit("start");
  git("remote add origin https://ana:" + password() + "@git.plant.example/x.git");
  const ScanReport report = scan_all();
  const auto found = with_findings(report);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]->path, ".git/config");
  EXPECT_EQ(found[0]->commit, "");
  EXPECT_EQ(report.exit_code(), 1);
}

// What a finding of history carries is always a commit's id; git's word for none is 40 zeros.
TEST_F(RepositoryScan, WhatHistoryHoldsIsNamedByCommitAndPath) {
  write("train.py", "rate = 0.1\n");
  commit("start");
  write("settings.py", "token = '" + token() + "'\n");
  commit("oops");
  git("rm -q settings.py");
  commit("gone; it was " + token());
  const auto found_reached = scan_all();
  std::vector<std::string> places;
  for (const ScannedFile* file : with_findings(found_reached)) {
    EXPECT_EQ(file->commit.size(), 40U);
    EXPECT_EQ(file->commit.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_NE(file->commit, kNoCommit);
    places.push_back(file->path + " " + file->format);
  }
  ASSERT_EQ(places.size(), 2U);
  EXPECT_TRUE(places[0].starts_with(".git/objects/") && places[0].ends_with(" commit message")) << places[0];
  EXPECT_EQ(places[1], "settings.py unknown");

  git("checkout -q --orphan other");
  git("branch -q -D main");
  commit("new");
  git("reflog expire --expire=now --all");
  fs::remove_all(base_ / "repo/.git/logs");
  git("repack -q -a -d");
  write("loose.txt", token() + "\n");
  git("hash-object -w loose.txt");
  fs::remove(base_ / "repo/loose.txt");
  const auto unreachable = scan_all();
  const auto found = with_findings(unreachable);
  ASSERT_FALSE(found.empty());
  EXPECT_TRUE(std::ranges::any_of(found, [](const ScannedFile* file) {
    return file->commit == kNoCommit && file->path.starts_with(".git/objects/");
  }));
}

TEST_F(RepositoryScan, TheCacheChangesNoAnswer) {
  write("train.py", "import pickle\nmodel = pickle.load(open('model.pkl', 'rb'))\n");
  write("notes.md", "token " + token() + "\n");
  commit("start");
  fs::create_directories(base_ / "cache");
  fs::permissions(base_ / "cache", fs::perms::owner_all);
  ScanOptions options;
  options.cache_folder = base_ / "cache";
  const std::string without = canonical(to_json(scan_all()));
  EXPECT_EQ(canonical(to_json(scan_all(options))), without) << "filled";
  EXPECT_EQ(canonical(to_json(scan_all(options))), without) << "used";
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(base_ / "cache")) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 1U);

  // Whoever clears the entries but not the sum at the end has changed nothing.
  Bytes bytes = *system_env().read_file(files[0]);
  bytes[bytes.size() / 2] ^= 1;
  std::ofstream(files[0], std::ios::binary | std::ios::trunc) << as_text(bytes);
  EXPECT_EQ(canonical(to_json(scan_all(options))), without) << "damaged";

  write("notes.md", "nothing\n");
  EXPECT_EQ(canonical(to_json(scan_all(options))), canonical(to_json(scan_all()))) << "changed";
}

TEST_F(RepositoryScan, ACacheOfOtherRulesOrAFolderOfOthersIsNotRead) {
  const Digest rules = sha256("rules"), key = sha256("key");
  const fs::path folder = base_ / "cache";
  fs::create_directories(folder);
  fs::permissions(folder, fs::perms::owner_all);
  Cache first(folder, base_, rules);
  first.put(key, "said");
  ASSERT_TRUE(first.save());
  EXPECT_EQ(Cache(folder, base_, rules).find(key), "said");
  EXPECT_EQ(Cache(folder, base_, sha256("other")).find(key), std::nullopt);
  EXPECT_EQ(Cache(folder, base_ / "repo", rules).find(key), std::nullopt);
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  EXPECT_EQ(Cache(folder, base_, rules).find(key), std::nullopt);
  Cache open(folder, base_, rules);
  open.put(key, "said");
  EXPECT_FALSE(open.save());
  EXPECT_FALSE(build_id().empty()) << "the linker leaves no note, so that a cache would outlive its build";
}

std::string rules_of_findings(const ScanReport& report) {
  std::string out;
  for (const ScannedFile& file : report.files) {
    for (const ScannedFinding& found : file.findings)
      out += file.path + ":" + found.finding.rule + (found.waived ? "(" + found.accepted + ") " : " ");
  }
  return out;
}

constexpr std::string_view kShell = "import os\n\n\ndef go(x):\n    os.system('ls ' + x)\n";

TEST_F(RepositoryScan, ABaselineHoldsWhileLinesMoveAndOnlyForWhatItHolds) {
  write("go.py", kShell);
  commit("start");
  const ScanReport before = scan_all();
  ASSERT_EQ(before.exit_code(), 1);
  const fs::path file = base_ / "baseline.json";
  std::ofstream(file) << pretty(to_baseline(before));
  ScanOptions options;
  options.baseline = *read_baseline(system_env(), file);
  write("go.py", "# a comment\n\n" + std::string(kShell));
  const ScanReport moved = scan_all(options);
  EXPECT_EQ(moved.exit_code(), 0) << rules_of_findings(moved);
  EXPECT_NE(rules_of_findings(moved).find("(baseline)"), std::string::npos);
  // A second one of the same kind is another one.
  write("go.py", std::string(kShell) + "\n\ndef more(x):\n    os.system('ls ' + x)\n");
  EXPECT_EQ(scan_all(options).exit_code(), 1);
  std::ofstream(file) << "{\"version\": 1, \"findings\": [{\"fingerprint\": \"x\"}]}";
  EXPECT_FALSE(read_baseline(system_env(), file));
}

TEST_F(RepositoryScan, ALineMayAllowWhatItHoldsWithAReason) {
  write("go.py",
        "import os\n\n\ndef go(x):\n    os.system('ls ' + x)  # sallyport: allow, x is from a fixed list\n");
  commit("start");
  EXPECT_EQ(scan_all().exit_code(), 0);
  write("go.py", "import os\n\n\ndef go(x):\n    os.system('ls ' + x)  # sallyport: allow, why\n");
  EXPECT_EQ(scan_all().exit_code(), 1);
}

TEST_F(RepositoryScan, ADifferenceIsWhatABranchBrings) {
  write("old.py", kShell);
  write("both.py", "rate = 1\n" + std::string(kShell));
  commit("start");
  git("checkout -q -b change");
  write("both.py", "rate = 2\n" + std::string(kShell));
  write("fresh.py", kShell);
  write("untracked.txt", token());
  git("add both.py fresh.py");
  git("commit -q -m 'it was " + token() + "'");
  write("staged.py", "token = '" + token() + "'\n");
  git("add staged.py");
  write("staged.py", "token = ''\n");
  ScanOptions options;
  options.since = "main";
  const std::string rules = rules_of_findings(scan_all(options));
  EXPECT_NE(rules.find("fresh.py:"), std::string::npos) << rules;
  EXPECT_NE(rules.find("staged.py:"), std::string::npos) << rules;
  EXPECT_NE(rules.find(".git/objects/"), std::string::npos) << rules;
  for (const char* known : {"old.py", "both.py", "untracked.txt"})
    EXPECT_EQ(rules.find(known), std::string::npos) << rules;
  options.since = "no-such-branch";
  EXPECT_FALSE(scan({base_ / "repo"}, options));
}

// SARIF 2.1.0 (OASIS), as far as its schema demands members and forms of what is written here.
TEST_F(RepositoryScan, SarifHasWhatItsSchemaDemands) {
  write("go.py", kShell);
  write("notes.md", "token " + token() + "\n");
  commit("start");
  const Json log = to_sarif(scan_all(), "1.0");
  EXPECT_EQ(log["version"], "2.1.0");
  const Json& run = log["runs"][0];
  std::set<std::string> rules;
  for (const Json& rule : run["tool"]["driver"]["rules"]) {
    EXPECT_TRUE(rules.insert(rule["id"]).second);
    EXPECT_TRUE(rule["shortDescription"]["text"].is_string());
  }
  ASSERT_FALSE(run["results"].empty());
  for (const Json& result : run["results"]) {
    EXPECT_TRUE(rules.contains(result["ruleId"]));
    EXPECT_TRUE(result["message"]["text"].is_string());
    EXPECT_TRUE(result["level"] == "error" || result["level"] == "warning" || result["level"] == "note");
    EXPECT_EQ(result["partialFingerprints"]["sallyport/v2"].get<std::string>().size(), 64U);
    for (const Json& location : result["locations"]) {
      const Json& physical = location["physicalLocation"];
      EXPECT_TRUE(physical["artifactLocation"]["uri"].is_string());
      if (physical.contains("region") && physical["region"].contains("startLine")) {
        EXPECT_GE(physical["region"]["startLine"], 1);
      }
    }
  }
  EXPECT_EQ(pretty(log).find(token()), std::string::npos) << "a secret is in the report";
}

TEST_F(RepositoryScan, PythonOfARepositoryIsAModelsOnlyWhereAModelNamesIt) {
  constexpr std::string_view kRuns = "import os\nos.system('id')\n";
  write("tools/setup_env.py", kRuns);
  commit("start");
  EXPECT_EQ(canonical(to_json(scan_all())).find("hub_intake"), std::string::npos);
  write("model/modeling.py", kRuns);
  write("model/config.json", "{\"auto_map\": {\"AutoModel\": \"modeling.Model\"}}");
  EXPECT_NE(canonical(to_json(scan_all())).find("hub_intake"), std::string::npos);
}

}  // namespace
}  // namespace sallyport::services::scan
