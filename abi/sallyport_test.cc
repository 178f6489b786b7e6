// The library as its callers see it: through the C header, and from Python by ctypes.
#include "abi/sallyport.h"
#include "tests/paths.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

// What a loader would ask: the verdict and the answer.
struct Asked {
  int verdict = -1;
  std::string answer;
};

template <class Call>
Asked ask(const Call& call) {
  char* json = nullptr;
  Asked out{.verdict = call(&json), .answer = json == nullptr ? "" : json};
  sallyport_free(json);
  return out;
}

Asked ask_bytes(const std::string& bytes, const char* settings = nullptr) {
  return ask([&](char** json) {
    return sallyport_scan_bytes(bytes.data(), bytes.size(), "model.bin", settings, json);
  });
}

const std::string kHostile = "cos\nsystem\n(S'true'\ntR.";

std::string honest() { return {"\x80\x02}q\x00X\x01\x00\x00\x00" "aq\x01K\x01s.", 17}; }

TEST(Abi, SaysItsVersion) {
  EXPECT_EQ(sallyport_abi_version(), SALLYPORT_ABI_VERSION);
  EXPECT_STRNE(sallyport_version(), "");
}

TEST(Abi, AnswersForBytesInMemory) {
  const Asked good = ask_bytes(honest());
  EXPECT_EQ(good.verdict, SALLYPORT_CLEAN) << good.answer;
  const Asked bad = ask_bytes(kHostile);
  EXPECT_EQ(bad.verdict, SALLYPORT_FINDINGS);
  EXPECT_NE(bad.answer.find("system"), std::string::npos);
  EXPECT_NE(bad.answer.find("\"sha256\""), std::string::npos);
}

TEST(Abi, WhatMakesNoSenseIsUsage) {
  EXPECT_EQ(ask_bytes(honest(), "{\"colour\": 1}").verdict, SALLYPORT_USAGE);
  EXPECT_EQ(ask_bytes(honest(), "{\"threads\": -1}").verdict, SALLYPORT_USAGE);
  EXPECT_EQ(ask_bytes(honest(), "{").verdict, SALLYPORT_USAGE);
  const auto no_path = [](char** json) { return sallyport_scan_path(nullptr, nullptr, json); };
  EXPECT_EQ(ask(no_path).verdict, SALLYPORT_USAGE);
  const auto no_bytes = [](char** json) { return sallyport_scan_bytes(nullptr, 3, "", nullptr, json); };
  EXPECT_EQ(ask(no_bytes).verdict, SALLYPORT_USAGE);
}

TEST(Abi, AMissingFileCannotBeTold) {
  const auto missing = [](char** json) { return sallyport_scan_path("no/such/file", nullptr, json); };
  const Asked asked = ask(missing);
  EXPECT_EQ(asked.verdict, SALLYPORT_CANNOT_TELL);
  EXPECT_NE(asked.answer.find("no/such/file"), std::string::npos);
}

TEST(Abi, TheAnswerIsOptional) {
  EXPECT_EQ(sallyport_scan_bytes(kHostile.data(), kHostile.size(), nullptr, nullptr, nullptr),
            SALLYPORT_FINDINGS);
}

// The example of the header, word for word but for the paths.
TEST(Abi, PythonAsksBeforeItLoads) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-abi-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path folder = pattern;
  std::ofstream(folder / "model.bin", std::ios::binary) << kHostile;
  std::ofstream(folder / "ask.py")
      << "from ctypes import CDLL, byref, c_void_p, string_at\n"
         "import json, sys\n"
         "library = CDLL(sys.argv[1])\n"
         "answer = c_void_p()\n"
         "verdict = library.sallyport_scan_path(sys.argv[2].encode(), None, byref(answer))\n"
         "found = json.loads(string_at(answer).decode())['files'][0]['verdict']\n"
         "library.sallyport_free(answer)\n"
         "sys.exit(0 if (verdict, found) == (1, 'findings') else 1)\n";
  const std::string command = "python3 '" + (folder / "ask.py").string() + "' '" +
                              sallyport::tests::build_dir() + "/libsallyport.so.1' '" +
                              (folder / "model.bin").string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0);
  std::filesystem::remove_all(folder);
}

}  // namespace
