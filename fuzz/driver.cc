// What runs a fuzz target where libFuzzer is not at hand: it mutates samples, keeps those that reach new
// edges, and writes down the input of a crash. It takes the few libFuzzer flags that `./dev fuzz` passes:
//
//   fuzz_NAME [-max_total_time=SECONDS] [-max_len=BYTES] [-seed=N] [-artifact_prefix=PATH] CORPUS...
//                                       the default of max_len is the longest sample, and 4096 at least
//   fuzz_NAME FILE                      runs one input, to reproduce a crash
//
// New samples go into the first corpus folder; samples over kSeedBytesMax are left out. An input that runs
// for over kInputSecondsMax counts as a crash.
#include <algorithm>
#include <array>
#include <chrono>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "fuzz/coverage.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)());

namespace sallyport::fuzz {
namespace {

namespace fs = std::filesystem;
using Input = std::vector<std::uint8_t>;

constexpr unsigned kInputSecondsMax = 10;
constexpr std::size_t kCorpusMax = 10'000;
constexpr std::uint64_t kLengthMin = 4096;
constexpr std::uintmax_t kSeedBytesMax = 64 << 10;

struct Options {
  std::uint64_t seconds_max = 10;
  std::uint64_t length_max = 0;  // 0: the longest sample, and kLengthMin at least
  std::uint64_t seed = 1;
  std::string artifact_prefix = "./";
  std::vector<fs::path> corpus = {};
};

// What the crash handlers write down; they cannot be handed anything.
const Input* running = nullptr;
std::string artifact_path;

void write_running() {
  if (running == nullptr || artifact_path.empty()) return;
  const int file = open(artifact_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  const ssize_t written = write(file, running->data(), running->size());
  close(file);
  running = nullptr;
  if (written >= 0) std::fprintf(stderr, "fuzz: crash, its input is %s\n", artifact_path.c_str());
}

void on_signal(int signal_number) {
  write_running();
  _exit(128 + signal_number);
}

void run_once(const Input& input) {
  running = &input;
  std::ranges::fill(coverage_map(), std::uint8_t{0});
  alarm(kInputSecondsMax);
  LLVMFuzzerTestOneInput(input.data(), input.size());
  alarm(0);
  running = nullptr;
}

// Counts fall into eight bins, so that one more turn of a long loop is nothing new.
std::uint8_t bin_of(std::uint8_t count) {
  constexpr std::array<std::uint8_t, 7> kBounds{1, 2, 3, 7, 15, 31, 127};
  const auto* const bound = std::ranges::lower_bound(kBounds, count);
  return static_cast<std::uint8_t>(1U << static_cast<unsigned>(bound - kBounds.begin()));
}

// Remembers every (edge, bin) seen so far.
class Seen {
 public:
  bool learn() {
    bool is_new = false;
    const std::span<const std::uint8_t> map = coverage_map();
    for (std::size_t i = 0; i < map.size(); i++) {
      if (map[i] == 0) continue;
      const std::uint8_t bin = bin_of(map[i]);
      is_new |= (bins_[i] & bin) == 0;
      bins_[i] = static_cast<std::uint8_t>(bins_[i] | bin);
    }
    return is_new;
  }
  std::size_t edges() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(bins_, [](std::uint8_t bins) { return bins != 0; }));
  }

 private:
  std::array<std::uint8_t, kEdgesMax> bins_{};
};

class Mutator {
 public:
  Mutator(std::uint64_t seed, std::size_t length_max) : random_(seed), length_max_(length_max) {}

  std::size_t below(std::size_t count) { return count == 0 ? 0 : random_() % count; }

  Input mutate(Input input, const Input& other) {
    for (std::size_t left = 1 + below(5); left > 0; left--) change(input, other);
    if (input.size() > length_max_) input.resize(length_max_);
    return input;
  }

 private:
  std::uint8_t byte() { return static_cast<std::uint8_t>(random_()); }

  void change(Input& input, const Input& other) {
    const std::size_t at = below(input.size());
    switch (input.empty() ? 3 : below(9)) {
      case 0: input[at] = byte(); break;
      case 1: input[at] = static_cast<std::uint8_t>(input[at] ^ (1U << below(8))); break;
      case 2: input[at] = static_cast<std::uint8_t>(input[at] + below(17) - 8); break;
      case 3: input.insert(input.begin() + offset(at), 1 + below(8), byte()); break;
      case 4:
        input.erase(input.begin() + offset(at), input.begin() + offset(at + 1 + below(input.size() - at)));
        break;
      case 5: input.resize(at); break;
      case 6: overwrite_integer(input, at); break;
      case 7: copy_block(input, Input(input), at); break;
      default: copy_block(input, other, at);
    }
  }

  static std::ptrdiff_t offset(std::size_t at) { return static_cast<std::ptrdiff_t>(at); }

  // Lengths and counts break parsers at the edges of their types.
  void overwrite_integer(Input& input, std::size_t at) {
    constexpr std::array<std::uint64_t, 10> kEdges{0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF,
                                                   0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF};
    std::array<std::uint8_t, 8> bytes{};
    const std::uint64_t value = kEdges[below(kEdges.size())];
    std::memcpy(bytes.data(), &value, bytes.size());
    const std::size_t width = std::size_t{1} << below(4);
    if (below(2) == 1) std::reverse(bytes.begin(), bytes.begin() + offset(width));
    for (std::size_t i = 0; i < width && at + i < input.size(); i++) input[at + i] = bytes[i];
  }

  void copy_block(Input& input, const Input& from, std::size_t at) {
    if (from.empty()) return;
    const std::size_t start = below(from.size());
    const std::size_t size = 1 + below(std::min<std::size_t>(from.size() - start, 64));
    input.insert(input.begin() + offset(at), from.begin() + offset(start),
                 from.begin() + offset(start + size));
  }

  std::mt19937_64 random_;
  std::size_t length_max_;
};

Input read_input(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(in), {});
}

std::vector<Input> read_corpus(const Options& options) {
  std::vector<fs::path> paths;
  for (const fs::path& folder : options.corpus) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file() && entry.file_size() <= kSeedBytesMax) paths.push_back(entry.path());
    }
  }
  std::ranges::sort(paths);
  std::vector<Input> corpus{{}};
  for (const fs::path& path : paths) corpus.push_back(read_input(path));
  return corpus;
}

void keep(const Options& options, const Input& input, std::uint64_t number) {
  if (options.corpus.empty()) return;
  const std::string name = std::to_string(options.seed) + "-" + std::to_string(number);
  std::ofstream out(options.corpus.front() / name, std::ios::binary);
  out.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
}

void fuzz(const Options& options) {
  std::vector<Input> corpus = read_corpus(options);
  Seen seen;
  for (const Input& input : corpus) {
    run_once(input);
    seen.learn();
  }
  std::uint64_t length_max = options.length_max;
  if (length_max == 0) {
    length_max = std::max<std::uint64_t>(kLengthMin, std::ranges::max(corpus, {}, &Input::size).size());
  }
  Mutator mutator(options.seed, length_max);
  const auto start = std::chrono::steady_clock::now();
  const auto end = start + std::chrono::seconds(options.seconds_max);
  std::uint64_t runs = 0;
  while (std::chrono::steady_clock::now() < end) {
    const Input input =
        mutator.mutate(corpus[mutator.below(corpus.size())], corpus[mutator.below(corpus.size())]);
    run_once(input);
    runs++;
    if (!seen.learn() || corpus.size() >= kCorpusMax) continue;
    keep(options, input, runs);
    corpus.push_back(input);
  }
  std::fprintf(stderr, "fuzz: no crash in %llu runs, %zu samples, %zu edges\n",
               static_cast<unsigned long long>(runs), corpus.size(), seen.edges());
}

bool parse(std::string_view argument, Options& options) {
  const auto number = [&](std::string_view flag, std::uint64_t& value) {
    if (!argument.starts_with(flag)) return false;
    const std::string_view text = argument.substr(flag.size());
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
  };
  if (number("-max_total_time=", options.seconds_max) || number("-max_len=", options.length_max)) return true;
  if (number("-seed=", options.seed)) return true;
  constexpr std::string_view kPrefix = "-artifact_prefix=";
  if (argument.starts_with(kPrefix)) {
    options.artifact_prefix = argument.substr(kPrefix.size());
    return true;
  }
  if (argument.starts_with('-')) return false;
  options.corpus.emplace_back(argument);
  return true;
}

}  // namespace
}  // namespace sallyport::fuzz

int main(int count, char** arguments) {
  using namespace sallyport::fuzz;
  Options options;
  for (int i = 1; i < count; i++) {
    if (!parse(arguments[i], options)) {
      std::fprintf(stderr, "fuzz: unknown flag %s\n", arguments[i]);
      return 64;
    }
  }
  __sanitizer_set_death_callback(write_running);
  for (const int signal_number : {SIGABRT, SIGALRM}) std::signal(signal_number, on_signal);
  if (options.corpus.size() == 1 && fs::is_regular_file(options.corpus.front())) {
    run_once(read_input(options.corpus.front()));
    return 0;
  }
  artifact_path = options.artifact_prefix + "crash";
  fuzz(options);
  return 0;
}
