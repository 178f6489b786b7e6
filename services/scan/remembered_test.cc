// What a scan takes from an earlier one changes no answer; and what a repository cannot bring itself.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "services/registry/registry.h"
#include "services/scan/testdata/repository_fixture.h"
#include "trust/workspace.h"

namespace sallyport::services::scan {
namespace {

// The history that the tests of what is remembered of packs use: findings that only it holds, one of which
// its line accepts, and versions of one file as deltas.
class RememberedPacks : public RepositoryScan {
 protected:
  void SetUp() override {
    RepositoryScan::SetUp();
    std::string text;
    for (int i = 0; i < 200; ++i)
      text += "value_" + std::to_string(i * 7919) + " = " + std::to_string(i) + "\n";
    write("settings.py", text + "token = '" + token() + "'\n");
    write("go.py", "import os\n\n\ndef go(x):\n    os.system('ls ' + x)  # sallyport: allow, a fixed list\n");
    commit("start");
    for (int i = 0; i < 5; ++i) {
      text += "more = " + std::to_string(i) + "\n";
      write("settings.py", text);
      commit("change");
    }
    write("go.py", "pass\n");
    commit("gone");
    git("repack -q -a -d");
    options_.cache_folder = base_ / "cache";
    fs::create_directories(options_.cache_folder);
    fs::permissions(options_.cache_folder, fs::perms::owner_all);
  }
  std::string with(bool frames) {
    ScanOptions options = options_;
    options.frames = frames;
    return all_of(options);
  }
  std::string without(bool frames) {
    ScanOptions options;
    options.frames = frames;
    return all_of(options);
  }
  std::string all_of(const ScanOptions& options) {
    const ScanReport report = scan_all(options);
    std::string out = canonical(to_json(report));
    for (const ScannedFile& file : report.files) {
      for (const ScannedFinding& found : file.findings) {
        for (const std::string& line : found.frame) out += line + "\n";
      }
    }
    return out;
  }
  fs::path only(const fs::path& folder, const std::string& end) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().string().ends_with(end)) found.push_back(entry.path());
    }
    EXPECT_EQ(found.size(), 1U) << folder << end;
    return found.empty() ? fs::path() : found[0];
  }
  void damage(const fs::path& file, std::size_t at) {
    Bytes bytes = *system_env().read_file(file);
    bytes[at] ^= 1;
    fs::remove(file);
    std::ofstream(file, std::ios::binary) << as_text(bytes);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  }

  ScanOptions options_;
};

TEST_F(RememberedPacks, ChangeNoAnswer) {
  EXPECT_NE(without(false).find("settings.py"), std::string::npos);
  for (const bool frames : {false, true}) {
    EXPECT_EQ(with(frames), without(frames)) << "filled";
    EXPECT_EQ(with(frames), without(frames)) << "used";
  }
  const fs::path memory = only(base_ / "cache", ".pack");
  // What was in the folder is now in the history alone, and its bytes are in the pack that is not read again.
  write("go.py", "print(1)\n");
  write("settings.py", "rate = 1\n");
  commit("one more");
  EXPECT_EQ(with(true), without(true)) << "one more commit";
  ScanOptions since = options_, since_without;
  since.since = since_without.since = "HEAD~3";
  EXPECT_EQ(all_of(since), all_of(since_without)) << "only what changed";
  // Other rules: nothing is known of any content, all of the pack.
  options_.depth_max = 3;
  EXPECT_EQ(with(false), without(false)) << "other rules";
  EXPECT_EQ(only(base_ / "cache", ".pack"), memory);
  git("repack -q -a -d");
  EXPECT_EQ(with(false), without(false)) << "packed anew";
  EXPECT_NE(only(base_ / "cache", ".pack"), memory) << "of a pack that is gone nothing is kept";
}

// A pack is known by its bytes: a name, a time and an index hide nothing.
TEST_F(RememberedPacks, APackThatIsExchangedIsRead) {
  git("rm -q settings.py");
  git("commit -q -m gone");
  with(false);
  const fs::path pack = only(base_ / "repo/.git/objects/pack", ".pack");
  const fs::path other = base_ / "other";
  const std::string make = "git init -q '" + other.string() + "' && cd '" + other.string() +
                           "' && echo 'key = \"" + token() + "\"' > planted.py && git add -A && " +
                           "git -c user.name=t -c user.email=t@plant.example commit -q -m x && " +
                           "git repack -q -a -d";
  ASSERT_EQ(std::system(make.c_str()), 0);
  fs::permissions(pack, fs::perms::owner_all);
  const auto time = fs::last_write_time(pack);
  fs::copy_file(only(other / ".git/objects/pack", ".pack"), pack, fs::copy_options::overwrite_existing);
  fs::last_write_time(pack, time);
  const std::string seen = with(false);
  EXPECT_NE(seen.find("planted.py"), std::string::npos);
  EXPECT_EQ(seen, without(false));
}

TEST_F(RememberedPacks, DamageOfWhatIsKeptIsNoticed) {
  const std::string clean = without(false);
  ASSERT_EQ(with(false), clean);
  const fs::path memory = only(base_ / "cache", ".pack");
  const std::size_t size = fs::file_size(memory);
  for (const std::size_t at : {std::size_t{3}, std::size_t{40}, size / 2, size - 5}) {
    damage(memory, at);
    EXPECT_EQ(with(false), clean) << at;
  }
  fs::permissions(memory, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(with(false), clean);
}

// Protocol 2, so no text: os.system("id").
std::string hostile_pickle() {
  constexpr char kBytes[] =
      "\x80\x02"
      "cposix\nsystem\nX\x02\0\0\0id\x85R.";
  return {kBytes, sizeof kBytes - 1};
}

TEST_F(RepositoryScan, AModelThatOnlyHistoryHoldsIsTakenApartAsOne) {
  write("weights/head.dat", hostile_pickle());
  commit("start");
  const std::string in_folder = canonical(to_json(scan_all()));
  EXPECT_NE(in_folder.find("system"), std::string::npos) << in_folder;
  git("rm -q weights/head.dat");
  commit("gone");
  const ScanReport report = scan_all();
  const auto found = with_findings(report);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0]->path, "weights/head.dat");
  EXPECT_EQ(found[0]->commit.size(), 40U);
  EXPECT_EQ(report.exit_code(), 1);
}

TEST_F(RepositoryScan, WeightsAndPointersAreHeldAgainstARegistry) {
  constexpr char kHead[] = "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (50000,), }";
  std::string weights(kHead, sizeof kHead - 1);
  weights.resize(128 - 1, ' ');
  weights += '\n';
  for (int i = 0; i < 50'000; ++i) {
    const float value = 0.05F * static_cast<float>(std::sin(i * 12.9898));
    weights.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  const fs::path project = base_ / "project";
  fs::create_directories(project);
  const auto workspace = trust::create_workspace(system_env(), project);
  ASSERT_TRUE(workspace) << workspace.error().message;
  const trust::Root root = *workspace->load_root();
  auto ledger = workspace->open_ledger(root);
  ASSERT_TRUE(ledger);
  const Digest artifact = *workspace->store().put(as_bytes(weights));
  const auto offer = registry::offer_version(*ledger, root, "digits", artifact);
  ASSERT_TRUE(offer);
  const trust::PrivateKey registrar = *workspace->load_key("registrar", root);
  ASSERT_TRUE(ledger->add(trust::sign_statement(offer->statement, std::span(&registrar, 1)),
                          *workspace->load_key("log", root)));

  write("model.npy", weights);
  const std::string pointer = "version https://large-files.example/spec/v1\noid sha256:";
  write("known.bin", pointer + artifact.hex() + "\nsize 1000000\n");
  write("stranger.bin", pointer + std::string(64, 'a') + "\nsize 1000000\n");
  commit("start");
  ScanOptions options;
  options.registry = project;
  std::map<std::string, std::string> said;
  for (const ScannedFile& file : scan_all(options).files) {
    for (const ScannedFinding& found : file.findings) said[file.path] += found.finding.rule + " ";
  }
  EXPECT_NE(said["model.npy"].find(" registered-weights"), std::string::npos) << said["model.npy"];
  EXPECT_EQ(said["known.bin"], "registered-weights ");
  EXPECT_EQ(said["stranger.bin"], "unregistered-weights ");
  // Without a registry a pointer is nothing to speak of.
  EXPECT_EQ(canonical(to_json(scan_all())).find("registered"), std::string::npos);
}

// What a repository holds at the places of evidence is no evidence.
TEST_F(RepositoryScan, ARepositoryBringsNoEvidenceOfItsOwn) {
  write(".sallyport/history.json", "{\"branch\": \"main\", \"grafts\": true, \"commits\": []}");
  write(".sallyport/advisories/x.json", "no advisory");
  commit("start");
  const ScanReport report = scan_all();
  EXPECT_EQ(report.exit_code(), 0) << canonical(to_json(report));
}

}  // namespace
}  // namespace sallyport::services::scan
