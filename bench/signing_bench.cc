// OpenSSF model signatures by our commands, on one core, beside the ecosystem's own tool on the same folders.
//
// model_signing is installed from PyPI by this benchmark alone; where that fails it is left out, and that is
// said.
#include <cstdio>

#include "bench/bench.h"
#include "core/env.h"
#include "tests/paths.h"
#include "tests/peer.h"

namespace sallyport::bench {
namespace {

constexpr int kRounds = 5;
constexpr std::size_t kLarge = std::size_t{1} << 30;
constexpr std::size_t kSmall = 20'000;

using Words = std::vector<std::string>;

// A model of eight files.
Result<void> write_model(const fs::path& folder, std::size_t bytes) {
  constexpr std::size_t kFiles = 8;
  TRY(system_env().make_directories(folder));
  Bytes content(bytes / kFiles);
  for (std::size_t f = 0; f < kFiles; ++f) {
    system_env().random(std::span(content).first(1024));
    TRY(system_env().write_new(folder / ("part-" + std::to_string(f) + ".bin"), content, 0644));
  }
  return {};
}

Result<double> seconds(const Words& words) {
  const Run run = TRY(run_program({.words = words}));
  if (run.exit_code != 0)
    return invalid(words[3] + " " + words[4] + " ended with " + std::to_string(run.exit_code));
  return run.seconds;
}

// Pinned to the first core.
Words on_one_core(Words words) {
  words.insert(words.begin(), {"taskset", "-c", "0"});
  return words;
}

struct Tool {
  Words sign = {};
  Words verify = {};
};
Result<std::pair<double, double>> measure(const Tool& tool, const fs::path& signature) {
  std::vector<double> sign;
  std::vector<double> verify;
  for (int round = 0; round < kRounds; ++round) {
    std::error_code code;
    fs::remove(signature, code);
    sign.push_back(TRY(seconds(on_one_core(tool.sign))));
    verify.push_back(TRY(seconds(on_one_core(tool.verify))));
  }
  return std::pair(median(sign), median(verify));
}

Tool ours(const fs::path& scratch, const std::string& model, const std::string& signature) {
  const std::string program = tests::sallyport();
  const std::string key = (scratch / "signer").string();
  return {
      .sign = {program, "sign", model, "--key", key + ".key", "--out", signature},
      .verify = {program, "verify-signature", model, "--public-key", key + ".pub", "--signature", signature}};
}
Tool theirs(const fs::path& peer, const fs::path& scratch, const std::string& model,
            const std::string& signature) {
  const std::string program = (peer / "bin" / "model_signing").string();
  const std::string key = (scratch / "signer").string();
  return {
      .sign = {program, "sign", "key", "--private_key", key + ".key", "--signature", signature, model},
      .verify = {program, "verify", "key", "--public_key", key + ".pub", "--signature", signature, model}};
}

struct Size {
  const char* title;
  std::size_t bytes;
  double scale;  // of a second
  const char* unit;
  double target;
};
constexpr Size kSizes[] = {{"1 GiB", kLarge, 1, "s", 0.9}, {"20 kB", kSmall, 1e3, "ms", 10}};

}  // namespace

Result<std::vector<Figure>> bench_signing() {
  const Scratch scratch;
  const std::string program = tests::sallyport();
  TRY(run_program({.words = {program, "keygen", "--algorithm", "ecdsa-p256", "--directory",
                             scratch.path().string(), "signer"}}));
  const fs::path peer = tests::peer("model-signing", "model-signing==1.1.1 pyOpenSSL");
  if (peer.empty())
    std::fprintf(stderr, "sallyport-bench: signing: model_signing is left out: not installed\n");
  std::vector<Figure> out;
  for (const Size& size : kSizes) {
    const fs::path model = scratch.path() / std::to_string(size.bytes);
    const fs::path signature = scratch.path() / (std::to_string(size.bytes) + ".sig");
    TRY(write_model(model, size.bytes));
    const auto add = [&](const char* what, double value, bool is_ours) {
      Figure figure{
          .name = std::string("signing: ") + what + " " + size.title + (is_ours ? "" : ", model_signing"),
          .value = value * size.scale,
          .unit = size.unit,
          .better = Better::kLower,
          .how = is_ours ? "the whole command, 8 files, 1 core, page cache warm, median of 5"
                         : "model_signing 1.1.1 on the same folder"};
      if (is_ours) figure.target = size.target;
      out.push_back(std::move(figure));
    };
    const auto [sign, verify] = TRY(measure(ours(scratch.path(), model, signature), signature));
    add("sign", sign, true);
    add("verify", verify, true);
    if (peer.empty()) continue;
    const auto [sign_peer, verify_peer] =
        TRY(measure(theirs(peer, scratch.path(), model, signature), signature));
    add("sign", sign_peer, false);
    add("verify", verify_peer, false);
  }
  return out;
}

}  // namespace sallyport::bench
