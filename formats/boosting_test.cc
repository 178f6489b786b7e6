// Boosted trees by their own libraries are passed; indices that lead out of an array are told.
#include "formats/boosting.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/inspect/inspect.h"
#include "formats/ubjson.h"
#include "tests/paths.h"

namespace sallyport::formats::boosting {
namespace {

Bytes sample(const std::string& name) {
  std::ifstream in(tests::source_dir() + "/formats/testdata/boosting/" + name, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

// The first number of the first line `name`= as another one.
std::string with_first(const Bytes& bytes, const std::string& name, const std::string& number) {
  std::string out(as_text(bytes));
  const std::size_t at = out.find("\n" + name + "=") + name.size() + 2;
  return out.replace(at, out.find_first_of(" \n", at) - at, number);
}

inspect::Inspection look(std::string_view text) { return inspect::inspect(as_bytes(text), {}); }
inspect::Inspection look(const Bytes& bytes) { return inspect::inspect(bytes, {}); }

TEST(Boosting, ModelsByTheirOwnLibrariesAreReadWhole) {
  for (const auto& [name, format] :
       {std::pair("xgboost.json", "xgboost"), std::pair("xgboost.ubj", "xgboost"),
        std::pair("dart.ubj", "xgboost"), std::pair("lightgbm.txt", "lightgbm"),
        std::pair("catboost.cbm", "catboost"), std::pair("categories.cbm", "catboost"),
        std::pair("free.cbm", "catboost"), std::pair("classes.cbm", "catboost"),
        std::pair("old.bin", "xgboost"), std::pair("old_dart.bin", "xgboost"),
        std::pair("old_linear.bin", "xgboost"), std::pair("old_poisson.bin", "xgboost")}) {
    const inspect::Inspection got = look(sample(name));
    EXPECT_EQ(got.format(), format) << name;
    EXPECT_TRUE(got.complete()) << name;
    EXPECT_TRUE(got.seen.empty()) << name << ": " << got.seen.front().message;
  }
  EXPECT_EQ(look("binf\0\0\0\0 whatever").format(), "xgboost");
  EXPECT_FALSE(look("binf\0\0\0\0 whatever").complete());
}

TEST(Boosting, UbjsonSaysWhatJsonSays) {
  const Result<Json> binary = parse_ubjson(sample("xgboost.ubj"));
  const Result<Json> text = parse_json(as_text(sample("xgboost.json")));
  ASSERT_TRUE(binary && text);
  EXPECT_TRUE(judge_xgboost(*text).empty());
  const Json::json_pointer trees("/learner/gradient_booster/model/trees");
  ASSERT_EQ(binary->at(trees).size(), text->at(trees).size());
  for (const char* list : {"left_children", "right_children", "split_indices"}) {
    EXPECT_EQ(binary->at(trees)[0][list], text->at(trees)[0][list]) << list;
  }
}

TEST(Boosting, ChildrenOutsideAndInCirclesAreTold) {
  Json model = *parse_json(as_text(sample("xgboost.json")));
  Json& tree = model["/learner/gradient_booster/model/trees/0"_json_pointer];
  const Json honest = tree;
  const auto told = [&] { return judge_xgboost(model).empty() ? "" : judge_xgboost(model)[0].message; };
  EXPECT_EQ(told(), "");
  tree["left_children"][0] = 100'000;
  EXPECT_NE(told().find("child 100000 of node 0 is none of"), std::string::npos) << told();
  tree = honest;
  tree["left_children"][0] = 0;
  EXPECT_NE(told().find("in a circle"), std::string::npos) << told();
  tree = honest;
  tree["split_indices"][0] = 70;
  EXPECT_NE(told().find("splits by feature 70 of 4"), std::string::npos) << told();
  tree = honest;
  tree["tree_param"]["num_nodes"] = "1000000";
  EXPECT_NE(told().find("entries for 1000000 nodes"), std::string::npos) << told();
  tree.erase("left_children");
  EXPECT_NE(told().find("lacks its children"), std::string::npos) << told();
}

TEST(Boosting, LightgbmIsHeldToItsOwnCounts) {
  const Bytes honest = sample("lightgbm.txt");
  for (const auto& [name, number, what] : {std::tuple("left_child", "9999", "child 9999 of node 0"),
                                           std::tuple("split_feature", "88", "splits by feature 88 of 4"),
                                           std::tuple("right_child", "-77", "leaf 76 is none of"),
                                           std::tuple("num_leaves", "90", "has not a child"),
                                           std::tuple("num_leaves", "x", "has no number of leaves")}) {
    const Lightgbm got = judge_lightgbm(with_first(honest, name, number));
    ASSERT_FALSE(got.flaws.empty()) << name;
    EXPECT_NE(got.flaws[0].message.find(what), std::string::npos) << got.flaws[0].message;
  }
  EXPECT_FALSE(judge_lightgbm(as_text(honest).substr(0, honest.size() / 2)).whole);
}

TEST(Boosting, CutAnywhereIsNeverReadWholeAsTheSame) {
  for (const char* name :
       {"xgboost.json", "xgboost.ubj", "dart.ubj", "catboost.cbm", "categories.cbm", "free.cbm", "old.bin",
        "old_dart.bin", "old_linear.bin"}) {
    const Bytes bytes = sample(name);
    const std::string whole = look(bytes).format();
    for (std::size_t size = 1; size < bytes.size(); size += 7) {
      const inspect::Inspection got = inspect::inspect(BytesView(bytes).first(size), {});
      EXPECT_FALSE(got.format() == whole && got.complete()) << name << " cut at " << size;
    }
  }
}

TEST(Boosting, ChangedAnywhereEndsInAnAnswer) {
  for (const char* name :
       {"xgboost.json", "xgboost.ubj", "lightgbm.txt", "catboost.cbm", "free.cbm", "old.bin"}) {
    Bytes bytes = sample(name);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
      const std::uint8_t honest = bytes[i];
      for (const int change : {0x01, 0x80, 0xFF}) {
        bytes[i] = static_cast<std::uint8_t>(honest ^ change);
        EXPECT_LE(look(bytes).coverage(), 1.0);
      }
      bytes[i] = honest;
    }
  }
}

// A number of a format without texts, at the place where its library keeps it.
Bytes with_number(Bytes bytes, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
  return bytes;
}

std::string first_message(const Bytes& bytes) {
  const inspect::Inspection got = look(bytes);
  return got.seen.empty() ? "" : got.seen[0].message;
}

TEST(Boosting, XgboostsBinaryIsHeldToItsOwnCounts) {
  const Bytes honest = sample("old.bin");
  // The mark, the parameters, two names, the forest, then the first tree and its nodes.
  constexpr std::size_t kForest = 4 + 136 + 8 + 15 + 8 + 6, kTree = kForest + 160, kNode = kTree + 148;
  ASSERT_EQ(as_text(honest).substr(kForest - 6, 6), "gbtree");
  EXPECT_EQ(first_message(honest), "");
  EXPECT_NE(first_message(with_number(honest, kNode + 4, 900)).find("has child 900 of"), std::string::npos);
  EXPECT_NE(first_message(with_number(honest, kNode + 4, 0)).find("in a circle"), std::string::npos);
  EXPECT_NE(first_message(with_number(honest, kNode + 12, 77)).find("splits by feature 77 of 4"),
            std::string::npos);
  EXPECT_NE(first_message(with_number(honest, kTree + 4, 1U << 30U)).find("cut short"), std::string::npos);
  // Without its mark it is known by the names of objective and booster.
  EXPECT_EQ(inspect::inspect(BytesView(honest).subspan(4), {}).format(), "xgboost");
}

TEST(Boosting, CatboostIsHeldToItsOwnArrays) {
  const Bytes honest = sample("catboost.cbm");
  EXPECT_EQ(first_message(honest), "");
  std::size_t told = 0;
  for (std::size_t at = 8; at + 4 <= honest.size(); at += 4) {
    told += first_message(with_number(honest, at, 0x7fffffff)).empty() ? 0 : 1;
  }
  // Offsets, counts, splits and sizes: each that leads out of its array is told, values of leaves are not.
  EXPECT_GT(told, 50U);
  const std::string model(as_text(sample("free.cbm")));
  EXPECT_EQ(look(model + "behind").bytes_unaccounted, 6U);
}

TEST(Ubjson, ReadsEveryTypeAndRefusesTheRest) {
  const auto parse = [](std::string_view text) { return parse_ubjson(as_bytes(text)); };
  using namespace std::literals;
  EXPECT_EQ(*parse("[ZTFi\xFFU\xFFI\x01\x00l\0\0\0\x05]"sv), Json::parse("[null,true,false,-1,255,256,5]"));
  EXPECT_EQ(*parse("{i\1a[$i#i\3\1\2\3}"sv), Json::parse(R"({"a":[1,2,3]})"));
  EXPECT_EQ(*parse("{#i\1i\1aSi\2hi"sv), Json::parse(R"({"a":"hi"})"));
  EXPECT_EQ(*parse("[Nd\x3f\x80\0\0NCx]"sv), Json::parse(R"([1.0,"x"])"));
  for (const std::string_view bad :
       {"{i\1aTi\1aF}"sv, "[$Z#l\x7f\xff\xff\xff"sv, "[#l\x7f\xff\xff\xff"sv, "[$i]"sv, "TT"sv, "Si\xFFx"sv,
        "["sv, "Si\1\xFF"sv, "?"sv, "i"sv, ""sv, "[#dxxxx"sv}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
  EXPECT_FALSE(parse(std::string(100'000, '[')));
}

}  // namespace
}  // namespace sallyport::formats::boosting
