#include "bench/data_bench.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <numeric>

#include "core/env.h"
#include "core/limits/data.h"
#include "formats/codec.h"
#include "formats/table.h"
#include "learn/random.h"
#include "learn/statistics.h"
#include "services/data_check/source.h"
#include "tests/paths.h"
#include "tests/peer.h"

namespace sallyport::bench::data {
namespace {

namespace fs = std::filesystem;

fs::path place_of(const std::string& path) {
  if (const char* chosen = std::getenv("SALLYPORT_SHARED_DATA")) return fs::path(chosen) / path;
  return fs::path(tests::source_dir()) / ".." / "shared" / "data" / path;
}

void miss(const std::string& path, const std::string& why) {
  std::fprintf(stderr, "bench: data: %s IS LEFT OUT: %s\n", path.c_str(), why.c_str());
}

}  // namespace

std::optional<Dataset> shared_table(const std::string& path, const std::string& labels) {
  if (!fs::exists(place_of(path))) {
    miss(path, "it is not there");
    return std::nullopt;
  }
  Result<Dataset> out = services::data_check::load(
      {.paths = {place_of(path)}, .labels = labels.empty() ? labels : place_of(labels).string()});
  if (out) return std::move(*out);
  miss(path, out.error().message);
  return std::nullopt;
}

std::optional<std::string> shared_text(const std::string& path) {
  const Result<Bytes> packed = system_env().read_file(place_of(path), limits::kTableUnpackedBytesMax);
  if (!packed) {
    miss(path, packed.error().message);
    return std::nullopt;
  }
  const std::optional<formats::Codec> codec = formats::codec_of(*packed);
  const formats::Inflated plain =
      formats::unpack(codec.value_or(formats::Codec::kNone), *packed, limits::kTableUnpackedBytesMax);
  if (!plain.error) return std::string(as_text(plain.bytes));
  miss(path, plain.error->message);
  return std::nullopt;
}

const Dataset* mnist() {
  static const std::optional<Dataset> known =
      shared_table("mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz");
  return known ? &*known : nullptr;
}

Dataset sample_of(const Dataset& data, std::size_t rows, std::uint64_t seed) {
  learn::Random random(learn::derive_seed(seed, 100));
  return data.pick(random.sample(data.rows(), std::min(rows, data.rows())));
}

double computed_s() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double average_precision(std::span<const double> score, const std::vector<bool>& bad) {
  std::vector<std::size_t> order(score.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return score[i]; });
  double hits = 0;
  double out = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (!bad[order[i]]) continue;
    hits += 1;
    out += hits / static_cast<double>(i + 1);
  }
  return hits == 0 ? 0 : out / hits;
}

Detection detection_of(std::span<const double> score, const std::vector<bool>& bad) {
  std::vector<double> of_bad;
  std::vector<double> of_clean;
  for (std::size_t i = 0; i < score.size(); ++i) (bad[i] ? of_bad : of_clean).push_back(score[i]);
  return {.auroc = learn::area_under_roc(of_bad, of_clean),
          .tpr = learn::true_positive_rate_at(of_bad, of_clean, 0.01),
          .precision = average_precision(score, bad)};
}

Exchange::Exchange() {
  std::string pattern = (fs::temp_directory_path() / "sallyport-data-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) != nullptr) folder_ = pattern;
}

Exchange::~Exchange() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

Result<void> Exchange::put(const std::string& name, std::span<const double> values,
                           std::size_t columns) const {
  std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': (" +
                       std::to_string(values.size() / columns) + ", " + std::to_string(columns) + "), }";
  constexpr std::size_t kPreamble = 10;
  header.resize((kPreamble + header.size() + 64) / 64 * 64 - kPreamble - 1, ' ');
  header += '\n';
  Bytes out = to_bytes("\x93NUMPY\x01");
  out.push_back(0);
  out.push_back(static_cast<std::uint8_t>(header.size() & 0xFF));
  out.push_back(static_cast<std::uint8_t>(header.size() >> 8));
  const Bytes text = to_bytes(header);
  out.insert(out.end(), text.begin(), text.end());
  const auto* data = reinterpret_cast<const std::uint8_t*>(values.data());
  out.insert(out.end(), data, data + values.size_bytes());
  return system_env().write_new(folder_ / (name + ".npy"), out, 0644);
}

Result<void> Exchange::put(const std::string& name, const Json& json) const {
  return system_env().write_new(folder_ / (name + ".json"), as_bytes(canonical(json)), 0644);
}

Result<Json> Exchange::ask(const std::string& environment, const std::string& packages,
                           const std::string& name) const {
  const fs::path peer = tests::peer(environment, packages);
  if (peer.empty()) {
    miss("peer " + environment, "it could not be installed");
    return invalid(environment + " could not be installed");
  }
  const std::string script = tests::source_dir() + "/bench/data_peers.py";
  const Result<Run> run =
      run_program({.words = {(peer / "bin" / "python").string(), "-B", script, name, folder_.string()},
                   .environment = {{"OPENBLAS_NUM_THREADS", "1"}, {"OMP_NUM_THREADS", "1"}},
                   .folder = folder_.string()});
  if (!run || run->exit_code != 0) {
    miss("peer " + environment + ", " + name, run ? "it failed" : run.error().message);
    return invalid(environment + " failed");
  }
  return parse_json(as_text(TRY(system_env().read_file(folder_ / "answer.json"))));
}

}  // namespace sallyport::bench::data
