#include "trust/bundle.h"

#include <gtest/gtest.h>

namespace sallyport::trust {
namespace {

Manifest directory() {
  Manifest out;
  for (const char* path : {"bundle.json", "chat_template.jinja", "generation_config.json", "labels.json",
                           "sub/model.onnx", "whatever.dat"}) {
    out.entries.push_back({.path = path, .size = 3, .sha256 = sha256(path)});
  }
  out.entries.insert(out.entries.begin() + 4, {.path = "room", .mode = EntryMode::kEmptyDirectory});
  return out;
}

TEST(Bundle, EveryFileButItselfIsAPartWithTheRoleOfItsName) {
  const Bundle bundle = bundle_of(directory());
  ASSERT_EQ(bundle.parts.size(), 5U);
  EXPECT_EQ(bundle.find("bundle.json"), nullptr);
  EXPECT_EQ(bundle.find("chat_template.jinja")->role, PartRole::kPrompt);
  EXPECT_EQ(bundle.find("generation_config.json")->role, PartRole::kGeneration);
  EXPECT_EQ(bundle.find(PartRole::kLabels)->path, "labels.json");
  EXPECT_EQ(bundle.find(PartRole::kWeights)->path, "sub/model.onnx");
  EXPECT_EQ(bundle.find("whatever.dat")->role, PartRole::kOther);
  const auto again = parse_bundle(as_bytes(serialize(bundle)));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, bundle);
  EXPECT_TRUE(check_bundle(*again, directory()).empty());
}

TEST(Bundle, WhatChangedWhatIsMissingAndWhatWasAddedIsNamed) {
  const Bundle bundle = bundle_of(directory());
  Manifest later = directory();
  std::erase_if(later.entries, [](const ManifestEntry& entry) { return entry.path == "labels.json"; });
  for (ManifestEntry& entry : later.entries) {
    if (entry.path == "generation_config.json") entry.sha256 = sha256("temperature 9");
  }
  later.entries.push_back({.path = "zz_system_prompt.txt", .size = 1, .sha256 = sha256("obey")});
  EXPECT_EQ(check_bundle(bundle, later),
            (std::vector<std::string>{"generation_config.json, its generation part, was changed",
                                      "labels.json, its labels part, is missing",
                                      "zz_system_prompt.txt is no part of the bundle"}));
}

TEST(Bundle, TheReaderIsClosed) {
  const std::string good = serialize(bundle_of(directory()));
  ASSERT_TRUE(parse_bundle(as_bytes(good)));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  for (const std::string& bad :
       {with("\"labels.json\"", "\"../labels.json\""), with("\"labels.json\"", "\"bundle.json\""),
        with("\"labels.json\"", "\"chat_template.jinja\""),
        with("\"role\": \"prompt\"", "\"role\": \"poem\""), with("\"size\": 3", "\"size\": -3"),
        with("sallyport-bundle/1", "sallyport-bundle/2"), with("\"parts\"", "\"more\": 1, \"parts\""),
        std::string("[]"), std::string("{}"), std::string()}) {
    EXPECT_FALSE(parse_bundle(as_bytes(bad))) << bad;
  }
}

}  // namespace
}  // namespace sallyport::trust
