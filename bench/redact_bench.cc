// How fast secrets are taken out of a log, and how many of their bytes get through: 16 registered secrets,
// each printed in each of its forms, in chunks of any size.
#include <ctime>
#include <random>

#include "bench/bench.h"
#include "core/digest.h"
#include "services/redact/redact.h"

namespace sallyport::bench {
namespace {

using namespace services::redact;

constexpr std::size_t kSecrets = 16;
constexpr std::size_t kLogBytes = 100'000'000;

double computed_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::vector<Secret> make_secrets(std::mt19937_64& random) {
  std::vector<Secret> out;
  for (std::size_t i = 0; i < kSecrets; ++i) {
    std::string value;
    for (int k = 0; k < 40; ++k) value += static_cast<char>('!' + random() % 94);
    out.push_back({"SECRET_" + std::to_string(i), value});
  }
  return out;
}

// As a training prints: losses, paths, digests.
std::string make_log(std::mt19937_64& random) {
  std::string out;
  while (out.size() < kLogBytes) {
    out += "2026-11-29T11:02:" + std::to_string(10 + random() % 50) + "Z INFO trainer step " +
           std::to_string(random() % 100'000) + " loss 0." + std::to_string(random() % 10'000) +
           " batch sha256:" + sha256(std::to_string(out.size())).hex() + " /in/train/shard-" +
           std::to_string(random() % 64) + ".npz\n";
  }
  return out;
}

}  // namespace

Result<std::vector<Figure>> bench_redact() {
  std::mt19937_64 random(7);
  const std::vector<Secret> secrets = make_secrets(random);
  const Redactor redactor = TRY(Redactor::make(secrets));
  std::size_t forms = 0, bytes = 0;
  for (const Secret& secret : secrets) {
    for (const std::string& form : forms_of(secret.value)) {
      ++forms;
      Redactor::Stream stream = redactor.stream();
      std::string out;
      for (std::size_t at = 0; at < form.size();) {
        const std::size_t size = 1 + random() % 9;
        out += stream.take(std::string_view(form).substr(at, size)) + stream.take("\n");
        at += size;
      }
      out += stream.finish();
      if (out.find("[redacted " + secret.name + "]") == std::string::npos) bytes += secret.value.size();
    }
  }
  const std::string log = make_log(random);
  Redactor::Stream stream = redactor.stream();
  std::size_t shown = 0;
  const double start = computed_s();
  for (std::size_t at = 0; at < log.size(); at += 65536)
    shown += stream.take(std::string_view(log).substr(at, 65536)).size();
  shown += stream.finish().size();
  const double seconds = computed_s() - start;
  if (shown != log.size()) return invalid("redact: an honest log was changed");
  return std::vector<Figure>{
      {"redact: log searched", static_cast<double>(log.size()) / 1e6 / seconds, "MB/s", 200, Better::kHigher,
       "16 secrets of 40 bytes, one core, chunks of 64 KiB"},
      {"redact: secret bytes that got through", static_cast<double>(bytes), "", 0, Better::kLower,
       std::to_string(forms) + " forms, split across writes and lines"}};
}

}  // namespace sallyport::bench
