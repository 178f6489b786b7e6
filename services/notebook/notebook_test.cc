// What the broker knows again of protected numbers, what it lets pass, and how it is spoken to.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "core/limits/notebook.h"
#include "formats/png.h"
#include "learn/random.h"
#include "services/notebook/channel.h"
#include "services/notebook/readings.h"
#include "services/notebook/session.h"

namespace sallyport::services::notebook {
namespace {

std::vector<double> numbers(std::size_t count, std::uint64_t seed) {
  learn::Random random(seed);
  std::vector<double> out(count);
  for (double& value : out) value = random.normal();
  return out;
}

template <class Item>
Bytes items_of(const std::vector<double>& values) {
  Bytes out;
  for (const double value : values) {
    const Item item = static_cast<Item>(value);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&item);
    out.insert(out.end(), bytes, bytes + sizeof item);
  }
  return out;
}

Broker broker_of(const std::vector<double>& matrix, BrokerOptions options = {.allowed = {"sink"}}) {
  Protected guarded;
  guarded.add(matrix);
  guarded.settle();
  return Broker(std::move(options), std::move(guarded));
}

TEST(notebook_broker, knows_numbers_in_every_encoding) {
  const std::vector<double> matrix = numbers(4000, 1);
  const Bytes floats = items_of<float>(matrix);
  std::vector<double> scaled;
  for (const double value : matrix) scaled.push_back(std::round(40 * value));
  std::string decimals = "[";
  for (const double value : matrix) decimals += std::to_string(value) + ", ";
  Bytes behind_a_head = to_bytes("--boundary\r\nname: x\r\n\r\n.");
  behind_a_head.insert(behind_a_head.end(), floats.begin(), floats.end());
  formats::Picture picture{.width = 40, .height = 100, .channels = 1};
  for (const double value : matrix)
    picture.samples.push_back(static_cast<std::uint8_t>(std::clamp(128 + 30 * value, 0.0, 255.0)));
  const std::vector<std::pair<std::string, Bytes>> bodies{
      {"floats", floats},
      {"doubles", items_of<double>(matrix)},
      {"bytes", items_of<std::int8_t>(scaled)},
      {"base64", to_bytes(to_base64(floats))},
      {"base64 twice", to_bytes(to_base64(to_bytes(to_base64(floats))))},
      {"hexadecimal", to_bytes(to_hex(floats))},
      {"decimals", to_bytes(decimals)},
      {"a part of a form", behind_a_head},
      {"pixels", formats::write_png(picture)}};
  for (const auto& [name, body] : bodies) {
    Broker broker = broker_of(matrix);
    EXPECT_FALSE(broker.offer("n", "sink", body).released) << name;
    EXPECT_EQ(broker.bytes_of("n"), 0U) << name;
  }
}

// Slices of fewer numbers than a window are put together again; what got out before is counted.
TEST(notebook_broker, slices_add_up_and_the_notebook_is_closed) {
  const std::vector<double> matrix = numbers(4000, 2);
  const Bytes floats = items_of<float>(matrix);
  for (const std::size_t size : {20U, 60U, 64U, 100U, 400U}) {
    for (const bool packed : {false, true}) {
      Broker broker = broker_of(matrix);
      std::size_t sent = 0;
      Release last{.released = true};
      for (; last.released && sent + size <= floats.size(); sent += size) {
        const BytesView slice = BytesView(floats).subspan(sent, size);
        last = broker.offer("n", "sink",
                            packed ? to_bytes(to_base64(slice)) : Bytes(slice.begin(), slice.end()));
      }
      EXPECT_FALSE(last.released) << size;
      EXPECT_LE(sent, 200 + size) << size << (packed ? " in base64" : "");
      EXPECT_FALSE(broker.offer("n", "sink", as_bytes("harmless")).released) << "it stays closed";
      EXPECT_TRUE(broker.offer("another", "sink", as_bytes("harmless")).released);
    }
  }
}

TEST(notebook_broker, lets_other_numbers_texts_and_noise_pass) {
  const std::vector<double> matrix = numbers(200'000, 3);
  learn::Random random(4);
  std::size_t refused = 0;
  for (std::uint64_t trial = 0; trial < 60; ++trial) {
    Broker broker = broker_of(matrix);
    Bytes noise(8000);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random.below(256));
    std::string table = "epoch,loss\n";
    for (int i = 0; i < 100; ++i) table += std::to_string(i) + "," + std::to_string(random.uniform()) + "\n";
    refused += broker.offer("n", "sink", noise).released ? 0 : 1;
    refused += broker.offer("n", "sink", as_bytes(table)).released ? 0 : 1;
    refused += broker.offer("n", "sink", items_of<float>(numbers(2000, 100 + trial))).released ? 0 : 1;
  }
  EXPECT_EQ(refused, 0U);
}

TEST(notebook_broker, holds_destinations_budgets_and_canaries) {
  Protected guarded;
  EXPECT_FALSE(guarded.add_canary("short"));
  ASSERT_TRUE(guarded.add_canary("canary-7f3a9c2e51"));
  guarded.settle();
  Broker broker({.allowed = {"sink"}, .budget_bytes = 100}, std::move(guarded));
  EXPECT_FALSE(broker.offer("n", "elsewhere", as_bytes("x")).released);
  EXPECT_TRUE(broker.offer("n", "sink", Bytes(60, 'x')).released);
  EXPECT_FALSE(broker.offer("n", "sink", Bytes(60, 'x')).released) << "beyond the budget";
  EXPECT_TRUE(broker.offer("n", "sink", Bytes(40, 'x')).released);
  EXPECT_FALSE(broker.offer("m", "sink", as_bytes("id,name\n7,canary-7f3a9c2e51\n")).released);
  EXPECT_FALSE(
      broker.offer("k", "sink", as_bytes(to_base64(as_bytes("id,name\n7,canary-7f3a9c2e51\n")))).released);
}

TEST(notebook_broker, a_body_that_unpacks_beyond_the_limits_is_refused) {
  // Base64 within base64: each layer is a quarter smaller, and all of them together stay within the limit.
  std::string text(64 << 10, 'A');
  std::size_t layers = 0;
  EXPECT_TRUE(for_each_layer(as_bytes(text), [&](BytesView) { ++layers; }));
  EXPECT_GE(layers, 2U);
  std::string runs;
  for (int i = 0; i < 200; ++i) runs += std::string(40, 'B') + "!";
  EXPECT_FALSE(for_each_layer(as_bytes(runs), [](BytesView) {}));
  Broker broker = broker_of(numbers(100, 5));
  EXPECT_FALSE(broker.offer("n", "sink", as_bytes(runs)).released);
}

// What the notebook writes, and what it reads back.
std::string spoken(const std::string& said, std::string& answers) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Broker broker = broker_of(numbers(100, 6));
  Result<void> served;
  std::string sent;
  std::thread service([&] {
    served = serve(ends[0], "n", broker, [&](const std::string& to, BytesView body) -> Result<void> {
      sent += to + "=" + std::string(as_text(body)) + ";";
      return {};
    });
    ::close(ends[0]);
  });
  EXPECT_EQ(::write(ends[1], said.data(), said.size()), static_cast<ssize_t>(said.size()));
  ::shutdown(ends[1], SHUT_WR);
  char buffer[512];
  for (ssize_t got = 0; (got = ::read(ends[1], buffer, sizeof buffer)) > 0;)
    answers.append(buffer, static_cast<std::size_t>(got));
  service.join();
  ::close(ends[1]);
  return served ? sent : "error: " + served.error().message;
}

TEST(notebook_broker, the_channel_answers_each_body_and_ends_at_what_is_no_head) {
  std::string answers;
  EXPECT_EQ(spoken("SEND sink 2\nhiSEND nowhere 1\nxSEND sink 0\n", answers), "sink=hi;sink=;");
  EXPECT_EQ(answers, "OK\nNO nothing may be sent to nowhere\nOK\n");
  for (const char* bad : {"GET / HTTP/1.1\n", "SEND sink\n", "SEND sink -1\n", "SEND sink 3\nab",
                          "SEND sink 5x\n", "SEND sink 99999999999999\n"}) {
    EXPECT_TRUE(spoken(bad, answers).starts_with("error")) << bad;
  }
}

class notebook_session : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("sallyport-notebook-" + std::to_string(::getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "in");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // A shell that runs `script` with a function `give FILE` that sends it to the folder `out`.
  Result<Session> run(const std::string& script, const std::vector<double>& matrix) {
    Protected guarded;
    guarded.add(matrix);
    guarded.settle();
    SessionOptions options;
    options.box.command = {"sh", "-c",
                           "give() { printf 'SEND out %d\\n' $(wc -c <$1) >&3; cat $1 >&3; read answer <&3; "
                           "echo $answer; }; " +
                               script};
    options.box.environment = {{"PATH", "/usr/bin:/bin"}};
    options.box.binds.push_back({.host = folder_ / "in", .inside = "/in"});
    options.box.limits.wall_s = 60;
    options.destinations = {{.name = "out", .place = (folder_ / "out").string()}};
    said_.clear();
    return run_session(
        std::move(options), std::move(guarded),
        {.on_line = [&](sandbox::Stream, std::string_view line) { said_ += std::string(line) + "\n"; }});
  }

  std::filesystem::path folder_;
  std::string said_;
};

TEST_F(notebook_session, what_is_released_arrives_and_what_is_protected_does_not) {
  const std::vector<double> matrix = numbers(2000, 8);
  std::string decimals;
  for (const double value : matrix) decimals += std::to_string(value) + "\n";
  write("in/harmless", "accuracy 0.9731\n");
  write("in/leak", decimals);
  const Result<Session> ran = run("give /in/harmless; give /in/leak; give /in/harmless; ip link", matrix);
  ASSERT_TRUE(ran) << ran.error().message;
  ASSERT_EQ(ran->sent.size(), 3U) << said_;
  EXPECT_EQ(ran->sent[0].refused, "");
  EXPECT_NE(ran->sent[1].refused.find("windows of protected numbers"), std::string::npos);
  EXPECT_NE(ran->sent[2].refused, "") << "it stays closed";
  EXPECT_EQ(ran->released_bytes, 16U);
  EXPECT_EQ(read("out/000001"), "accuracy 0.9731\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out/000002"));
  EXPECT_TRUE(said_.starts_with("OK\nNO ")) << said_;
}

TEST_F(notebook_session, a_kernel_that_speaks_otherwise_is_not_left_waiting) {
  write("in/harmless", "x");
  const Result<Session> ran = run("echo hello >&3; read answer <&3; give /in/harmless; exit 7", {});
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_NE(ran->broken.find("no head"), std::string::npos) << ran->broken;
  EXPECT_TRUE(ran->sent.empty());
  EXPECT_EQ(ran->outcome.limit, sandbox::Limit::kNone);
}

TEST(notebook_destination, is_a_name_and_a_folder_or_an_address) {
  EXPECT_TRUE(is_address(*destination_of("m=https://metrics.example/runs?a=b")));
  EXPECT_FALSE(is_address(*destination_of("m=out")));
  for (const char* bad : {"", "m", "=out", "m=", "m x=out", "m=ftp://elsewhere"})
    EXPECT_FALSE(destination_of(bad)) << bad;
}

}  // namespace
}  // namespace sallyport::services::notebook
