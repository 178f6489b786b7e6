// pipeline-secret-leak enacted: a step prints the key that it was given, in every way that programs do, and
// whoever may read the build's log has it.
#include <algorithm>
#include <array>
#include <cctype>

#include "drills/drill.h"
#include "services/redact/step_log.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using drills::World;
using services::redact::StepLog;

struct Build {
  bool honest = false;
  std::vector<std::string> printed = {};  // lines as the step wrote them
  std::string log = {};
  bool read = false;
};

// Made here, so that nobody who searches this file finds a key.
std::string key_of(const World& world) {
  std::string out = "k/" + std::to_string(world.seed()) + "+";
  std::uint64_t state = world.seed() * 0x9E3779B97F4A7C15U + 1;
  while (out.size() < 32) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    out += "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[state >> 33 & 31];
  }
  return out + "\"=";
}

std::string hex(std::string_view text) { return to_hex(as_bytes(text)); }
std::string base64(std::string_view text) { return to_base64(as_bytes(text)); }

std::string escaped(std::string_view text, std::string_view before) {
  std::string out;
  for (const char c : text)
    out +=
        std::isalnum(static_cast<unsigned char>(c)) ? std::string(1, c) : std::string(before) + hex({&c, 1});
  return out;
}

// In pieces of `size`, each a line: what `fold` does, and a program that writes slowly.
std::vector<std::string> pieces(std::string_view text, std::size_t size) {
  std::vector<std::string> out;
  for (; !text.empty(); text.remove_prefix(std::min(size, text.size())))
    out.emplace_back(text.substr(0, size));
  return out;
}

std::vector<std::string> print(std::string_view key, std::uint64_t way) {
  const std::string text(key);
  switch (way % 10) {
    case 0: return {"+ curl -H 'Authorization: " + text + "' https://store.example.org"};
    case 1: return {"config: " + base64(text)};
    case 2: return {"config: " + base64("u:" + text + " ")};
    case 3: return {"config: " + base64("a" + text + "\n")};
    case 4: return {"GET /?key=" + escaped(text, "%")};
    case 5: return {"{\"key\": \"" + escaped(text, "\\u00") + "\"}"};
    case 6: return {"dump " + hex(text)};
    case 7: return pieces(text, 4);
    case 8: return pieces(base64("login " + text), 19);
    default: return {"k=" + text + text, text.substr(0, 20), text.substr(20) + " done"};
  }
}

Result<void> attack(World& world) {
  world.state<Build>().printed = print(key_of(world), world.seed());
  return {};
}

// What looks random and is nobody's secret: a build is useless without it.
Result<void> honest(World& world) {
  Build& build = world.state<Build>();
  build.honest = true;
  build.printed = {"HEAD is now at " + sha256("commit").hex().substr(0, 40),
                   "model sha256:" + sha256("model").hex(),
                   "run 6f1c2a9e-3b7d-4e0f-9a51-0c8d7e6f5a4b started",
                   "epoch 1/20 loss 0.6931 accuracy 0.5172",
                   "see https://docs.example.org, where keys look like sk_test_EXAMPLE",
                   "weights: " + base64("a picture of weights, that is no secret")};
  return {};
}

// Whether the key is in the text, or in what the text decodes to when its lines are put together.
bool has_key(std::string text, const std::string& key) {
  const auto has = [&](const std::string& in) { return in.find(key) != std::string::npos; };
  std::erase(text, '\n');
  if (has(text)) return true;
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t mark = text.compare(i, 1, "%") == 0 ? 1 : text.compare(i, 4, "\\u00") == 0 ? 4 : 0;
    const auto byte = mark > 0 ? from_hex(text.substr(i + mark, 2)) : Result<Bytes>(Bytes());
    if (mark > 0 && byte && byte->size() == 1) {
      plain += as_text(*byte);
      i += mark + 1;
    } else {
      plain += text[i];
    }
  }
  if (has(plain) || has(text)) return true;
  if (text.find(hex(key)) != std::string::npos) return true;
  // Base64 at any place: whatever decodes, whole words at a time.
  for (std::size_t at = 0; at + 8 <= text.size(); ++at) {
    for (std::size_t length = (text.size() - at) / 4 * 4; length >= key.size(); length -= 4) {
      const auto bytes = from_base64(text.substr(at, length));
      if (bytes && has(std::string(as_text(*bytes)))) return true;
    }
  }
  return false;
}

// A reader of the log.
Result<void> victim(World& world) {
  Build& build = world.state<Build>();
  if (build.log.empty()) {
    for (const std::string& line : build.printed) build.log += line + "\n";
  }
  build.read = has_key(build.log, key_of(world));
  return {};
}

bool harmed(const World& world) { return world.state<Build>().read; }

// Refused when the key is in no line of the log. The honest build's log must say all that it said.
Result<drills::Outcome> keep_log(World& world) {
  Build& build = world.state<Build>();
  const auto redactor = TRY(services::redact::Redactor::make({{"STORE_KEY", key_of(world)}}));
  StepLog log(redactor, 100);
  for (const std::string& line : build.printed) log.add(StepLog::From::kOut, line);
  build.log.clear();
  for (const std::string& line : log.finish()) build.log += line + "\n";
  if (build.honest) {
    std::string said;
    for (const std::string& line : build.printed) said += line + "\n";
    return drills::Outcome{.refused = build.log != said, .why = "the log lacks what is no secret"};
  }
  if (has_key(build.log, key_of(world))) return drills::Outcome{.refused = false};
  return drills::Outcome{.refused = build.log.find("[redacted STORE_KEY]") != std::string::npos,
                         .why = "the log says [redacted STORE_KEY]"};
}

}  // namespace

extern const drills::Drill log_redaction_drill;
const drills::Drill log_redaction_drill{
    .threat = "pipeline-secret-leak",
    .story =
        "a step prints the key that it was given: traced, in base64 at three alignments, percent-encoded, as "
        "JSON, in hexadecimal, four letters a line",
    .honest_story = "commit ids, digests, run ids, losses and an example of the documentation",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = keep_log,
    .trials = 20,
    .harm = "whoever reads the build's log has the key"};

}  // namespace sallyport::experiment::mlops_pipeline
