// What tells weights from everything else that stands in a repository.
#include "formats/weights.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "formats/armour.h"
#include "formats/media.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kCount = 16'384;

template <class Number>
Bytes trained(double scale) {
  std::mt19937 engine(3);
  std::normal_distribution<double> normal(0, scale);
  Bytes out(kCount * sizeof(Number));
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto value = static_cast<Number>(normal(engine));
    std::memcpy(out.data() + i * sizeof(Number), &value, sizeof value);
  }
  return out;
}

Bytes random_bytes(std::size_t size) {
  std::mt19937 engine(4);
  Bytes out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine());
  return out;
}

// The upper half of each 32-bit number.
Bytes halved(const Bytes& wide) {
  Bytes out;
  for (std::size_t i = 0; i < wide.size(); i += 4) out.insert(out.end(), {wide[i + 2], wide[i + 3]});
  return out;
}

TEST(Weights, AreKnownByTheirNumbersAtAnyOffset) {
  for (const double scale : {0.002, 0.05, 1.0}) {
    const Bytes floats = trained<float>(scale);
    const Bytes brain = halved(floats);
    for (std::size_t cut = 0; cut < 4; ++cut) {
      const Numbers numbers = find_numbers(BytesView(floats).subspan(cut));
      EXPECT_GT(numbers.bytes, floats.size() - 16'384) << scale << " cut " << cut;
      EXPECT_EQ(numbers.type, "32-bit");
    }
    EXPECT_GT(find_numbers(brain).bytes, brain.size() - 16'384) << scale;
    EXPECT_GT(find_numbers(trained<double>(scale)).bytes, kCount * 8 - 16'384) << scale;
  }
}

TEST(Weights, AreNotSeenInOtherBytes) {
  EXPECT_EQ(find_numbers(random_bytes(1 << 20)).bytes, 0U);
  Bytes counting, sound, prose;
  for (std::uint32_t i = 0; i < kCount; ++i) append_le(counting, i * 7, 4);
  std::mt19937 engine(5);
  std::normal_distribution<double> loud(0, 3000);
  for (std::size_t i = 0; i < kCount; ++i) {
    append_le(sound, static_cast<std::uint16_t>(static_cast<std::int16_t>(loud(engine))), 2);
  }
  for (std::size_t i = 0; i < kCount; ++i)
    prose.push_back(static_cast<std::uint8_t>("the quick brown fox, 3.14\n"[i % 26]));
  for (const Bytes* other : {&counting, &sound, &prose}) {
    EXPECT_EQ(find_numbers(*other).bytes, 0U);
  }
  EXPECT_EQ(dense_bytes(prose), 0U);
  EXPECT_EQ(dense_bytes(counting), 0U);
  EXPECT_EQ(dense_bytes(random_bytes(65'536)), 65'536U);
}

TEST(Weights, TheFrontOfASafetensorsFileTellsItsSize) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}})";
  Bytes file;
  append_le(file, header.size(), 8);
  const BytesView text = as_bytes(header);
  file.insert(file.end(), text.begin(), text.end());
  file.resize(file.size() + 100);
  const auto container = weight_container(file);
  ASSERT_TRUE(container);
  EXPECT_EQ(container->what, "safetensors file");
  EXPECT_EQ(container->size, 8 + header.size() + 4000);
  EXPECT_FALSE(weight_container(as_bytes("{\"a\": 1}, nothing of the kind")));
}

TEST(Weights, APointerIsReadStrictly) {
  const std::string digest(64, 'a');
  const std::string text = "version https://x.example/v1\noid sha256:" + digest + "\nsize 12345\n";
  EXPECT_TRUE(read_pointer(as_bytes(text)).valid);
  EXPECT_EQ(read_pointer(as_bytes(text)).size, 12345U);
  EXPECT_FALSE(read_pointer(as_bytes(text + std::string(2000, ' '))).valid);
  EXPECT_FALSE(read_pointer(as_bytes("version 1\nsize 12345\n")).valid);
  EXPECT_FALSE(read_pointer(as_bytes("version 1\noid sha256:" + digest + "\nsize -1\n")).valid);
}

TEST(Armour, IsFoundAsSourcesAndNotebooksBreakIt) {
  const Bytes secret = random_bytes(3000);
  const std::string plain = to_base64(secret);
  std::string lines, joined, escaped, url = plain;
  for (std::size_t i = 0; i < plain.size(); i += 76) {
    lines += plain.substr(i, 76) + "\n";
    joined += "    \"" + plain.substr(i, 76) + "\"\n";
    escaped += "    \"" + plain.substr(i, 76) + "\\n\",\n";
  }
  for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
  for (const std::string& text : {plain, lines, joined, escaped, url, to_hex(secret)}) {
    const auto found = find_armoured("blob = '" + text + "' # the model", 2048);
    ASSERT_EQ(found.size(), 1U) << text.substr(0, 80);
    EXPECT_EQ(found[0].bytes, secret) << text.substr(0, 80);
    EXPECT_GE(found[0].offset, 8U);
  }
  EXPECT_TRUE(find_armoured(std::string(200, 'a') + " is a word", 1024).empty());
}

TEST(Media, EndsWhereItsOwnLengthsSay) {
  Bytes png = to_bytes("\x89PNG\r\n\x1A\n");
  append_be(png, 5, 4);
  for (const char c : std::string_view("IDAThello1234")) png.push_back(static_cast<std::uint8_t>(c));
  append_be(png, 0, 4);
  for (const char c : std::string_view("IEND1234")) png.push_back(static_cast<std::uint8_t>(c));
  const std::size_t end = png.size();
  EXPECT_EQ(media_end(png), end);
  png.resize(end + 100);
  EXPECT_EQ(media_end(png), end);
  for (std::size_t cut = 0; cut < end; ++cut) EXPECT_EQ(media_end(BytesView(png).first(cut)), 0U) << cut;
  const Bytes jpeg =
      to_bytes(std::string("\xFF\xD8\xFF\xE0\0\x04zz\xFF\xDA\0\x02"
                           "ab\xFF\0c\xFF\xD0"
                           "d\xFF\xD9tail",
                           26));
  EXPECT_EQ(media_end(jpeg), jpeg.size() - 4);
}

}  // namespace
}  // namespace sallyport::formats
