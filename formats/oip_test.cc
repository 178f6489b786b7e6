#include "formats/oip.h"

#include <gtest/gtest.h>

#include <cstring>

namespace sallyport::formats::oip {
namespace {

const char* const kModel = R"({"name":"m","inputs":[
  {"name":"x","datatype":"FP32","shape":[-1,2],"minimum":0,"maximum":16},
  {"name":"t","datatype":"BYTES","shape":[1]}],
  "outputs":[{"name":"y","datatype":"FP32","shape":[-1,3]}]})";

Result<InferRequest> read(const std::string& json, BytesView binary = {}) {
  const Signature signature = TRY(read_signature(TRY(parse_json(kModel))));
  return read_infer(TRY(parse_json(json)), binary, signature, Caps{});
}

std::string request(const std::string& x, const std::string& t = R"("hello")", const std::string& more = "") {
  return R"({"id":"r-1","inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":)" + x +
         R"(},{"name":"t","datatype":"BYTES","shape":[1],"data":[)" + t + "]}]" + more + "}";
}

std::string refusal(const std::string& json, BytesView binary = {}) {
  const auto got = read(json, binary);
  return got ? "accepted" : got.error().message;
}

TEST(oip, reads_flat_and_nested_data_to_the_same_tensor) {
  const auto flat = read(request("[1,2.5]"));
  const auto nested = read(request("[[1,2.5]]"));
  ASSERT_TRUE(flat && nested);
  EXPECT_EQ(flat->inputs[0].data, nested->inputs[0].data);
  float second = 0;
  std::memcpy(&second, flat->inputs[0].data.data() + 4, 4);
  EXPECT_EQ(second, 2.5F);
  EXPECT_EQ(*write_infer(*flat), *write_infer(*nested));
}

TEST(oip, canonical_form_reads_back_as_itself) {
  const auto first = read(request("[0.1,16]", R"j("a \u0022quote\u0022 and $(rm -rf /)")j"));
  ASSERT_TRUE(first);
  const std::string once = *write_infer(*first);
  const auto again = read(once);
  ASSERT_TRUE(again);
  EXPECT_EQ(*write_infer(*again), once);
}

TEST(oip, refuses_with_the_place) {
  EXPECT_EQ(refusal(request("[1,17]")), "/inputs/0/data/1: 17.0 is above the maximum 16.0");
  EXPECT_EQ(refusal(request("[1,-1]")), "/inputs/0/data/1: -1.0 is below the minimum 0.0");
  EXPECT_EQ(refusal(request("[1]")), "/inputs/0/data: 1 elements, the shape needs 2");
  EXPECT_EQ(refusal(request("[[1],[2]]")), "/inputs/0/data: 2 rows where the shape has another number");
  EXPECT_EQ(refusal(request("[[1,[2]]]")), "/inputs/0/data/1: a number was expected, got array");
  EXPECT_EQ(refusal(request("[1,true]")), "/inputs/0/data/1: a number was expected, got boolean");
  EXPECT_EQ(refusal(request("[1,2]", R"("hi")", R"(,"command":"x")")), "unknown member 'command'");
  EXPECT_EQ(refusal(request("[1,2]", R"("hi")", R"(,"parameters":{"tool":"x"})")),
            "/parameters: unknown member 'tool'");
  EXPECT_EQ(refusal(request("[1,2]", R"("a\u0000b")")),
            "/inputs/1/data/0: text with a NUL, where some readers stop");
}

TEST(oip, text_that_is_a_json_document_is_refused_and_text_that_quotes_one_is_not) {
  const std::string nested =
      "/inputs/1/data/0: text that is itself a JSON document, which no schema has checked";
  EXPECT_EQ(refusal(request("[1,2]", R"(" {\"command\":1,\"command\":2}")")), nested);
  EXPECT_EQ(refusal(request("[1,2]", R"("\"{\\\"command\\\":1}\"")")), nested);
  EXPECT_EQ(refusal(request("[1,2]", R"("[{\"tool\":\"x\"}]")")), nested);
  EXPECT_EQ(refusal(request("[1,2]", R"("see {\"command\": 1} in the manual")")), "accepted");
  EXPECT_EQ(refusal(request("[1,2]", R"("[1] says so")")), "accepted");
  EXPECT_EQ(refusal(request("[1,2]", R"("[1]")")), "accepted");
}

TEST(oip, binary_tensors_are_held_to_the_same_rules) {
  const std::string json =
      R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"parameters":{"binary_data_size":8}},)"
      R"({"name":"t","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":6}}]})";
  const auto body = [](float a, float b, std::uint32_t length) {
    Bytes out(8);
    std::memcpy(out.data(), &a, 4);
    std::memcpy(out.data() + 4, &b, 4);
    append_le(out, length, 4);
    out.push_back('h');
    out.push_back('i');
    return out;
  };
  EXPECT_EQ(refusal(json, body(1, 2, 2)), "accepted");
  EXPECT_EQ(refusal(json, body(1, 17, 2)), "/inputs/0: element 1: 17.0 is above the maximum 16.0");
  EXPECT_EQ(refusal(json, body(1, std::numeric_limits<float>::quiet_NaN(), 2)),
            "/inputs/0: element 1: not a finite number");
  EXPECT_EQ(refusal(json, body(1, 2, 0xFFFFFFFF)),
            "/inputs/1: the lengths of its text elements do not add up to its bytes");
  Bytes longer = body(1, 2, 2);
  longer.push_back(0);
  EXPECT_EQ(refusal(json, longer), "1 bytes belong to no tensor");
  EXPECT_EQ(refusal(json, BytesView(body(1, 2, 2)).first(13)),
            "/inputs/1/parameters/binary_data_size: past the end of the body");
}

TEST(oip, framing_takes_three_content_types_and_a_true_header_size) {
  const Bytes body = to_bytes("{}abc");
  EXPECT_EQ(read_framing("", body)->json, "{}abc");
  const std::string binary = "application/vnd.sagemaker-triton.binary+json;json-header-size=";
  EXPECT_EQ(read_framing(binary + "2", body)->json, "{}");
  EXPECT_EQ(as_text(read_framing(binary + "2", body)->binary), "abc");
  EXPECT_FALSE(read_framing(binary + "6", body));
  EXPECT_FALSE(read_framing(binary + "", body));
  EXPECT_FALSE(read_framing(binary + "99999999999999999999999999", body));
  EXPECT_FALSE(read_framing("text/plain", body));
}

TEST(oip, finds_a_member_name_that_is_spelled_with_escapes) {
  EXPECT_EQ(escaped_member_name(R"({"a":"\u0041","c\u006fmmand":1})"), 14U);
  EXPECT_FALSE(escaped_member_name(R"({"a":"\u0041 \" : ","b":[1]})"));
}

TEST(oip, every_truncation_and_change_of_a_request_ends_in_a_value_or_an_error) {
  const std::string whole = request("[1,2]");
  int accepted = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_NE(refusal(whole.substr(0, i)), "accepted") << i;
    for (const char c : {'\0', '"', '{', '9', '\xff'}) {
      std::string changed = whole;
      changed[i] = c;
      accepted += refusal(changed) == "accepted" ? 1 : 0;
    }
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace sallyport::formats::oip
