// Memory: a table ten times as large as what `data check --memory` may take, as CSV and as Parquet.
#include <charconv>
#include <fstream>

#include "bench/data_bench.h"
#include "core/limits.h"
#include "core/limits/tables.h"
#include "learn/random.h"
#include "tests/paths.h"

namespace sallyport::bench::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kColumns = 30;
constexpr std::uint64_t kMemory = limits::kDataMemoryBytesMin;
constexpr std::uint64_t kTimes = 10;

// Until both the file and the table in memory are as large as they are to be; how many rows that took.
std::uint64_t write_table(const fs::path& file) {
  constexpr std::uint64_t kRowBytes = (kColumns + 1) * sizeof(double);
  std::ofstream out(file, std::ios::binary);
  std::string text;
  for (std::size_t j = 0; j < kColumns; ++j) text += "c" + std::to_string(j) + ",";
  text += "label\n";
  learn::Random random(11);
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
  while (bytes < kTimes * kMemory || rows * kRowBytes < kTimes * kMemory) {
    const std::uint64_t label = random.below(4);
    for (std::size_t j = 0; j < kColumns; ++j) {
      char number[24];
      const std::uint64_t value = random.below(9'000'000) + (j == label ? 4'000'000 : 0);
      const auto end = std::to_chars(number, number + sizeof number, 1'000'000 + value).ptr;
      text.append(number, end).append(".5,");
    }
    text += static_cast<char>('a' + label);
    text += '\n';
    ++rows;
    if (text.size() < limits::kMiB) continue;
    out << text;
    bytes += text.size();
    text.clear();
  }
  out << text;
  return rows;
}

Result<void> check(const fs::path& file, const std::string& kind, std::uint64_t rows,
                   std::vector<Figure>& out) {
  const std::string program = tests::sallyport();
  const std::string memory = std::to_string(kMemory / limits::kMiB);
  const Run run = TRY(run_program(
      {.words = {program, "data", "check", file.string(), "--labels", "label", "--memory", memory}}));
  if (run.exit_code > 1) return invalid("data check could not tell: exit " + std::to_string(run.exit_code));
  const std::string how = std::to_string(rows) + " rows x " + std::to_string(kColumns + 1) + ", " +
                          std::to_string(fs::file_size(file) / limits::kMiB) + " MiB of " + kind +
                          ", --memory " + memory;
  out.push_back({.name = "table ten times the memory, " + kind + ": peak",
                 .value = static_cast<double>(run.peak_bytes) / static_cast<double>(limits::kMiB),
                 .unit = "MiB",
                 .target = static_cast<double>(kMemory / limits::kMiB),
                 .better = Better::kLower,
                 .how = how + ", of the largest process"});
  out.push_back({.name = "table ten times the memory, " + kind + ": time",
                 .value = run.seconds,
                 .unit = "s",
                 .how = how});
  return {};
}

}  // namespace
}  // namespace sallyport::bench::data

namespace sallyport::bench {

using namespace data;

Result<std::vector<Figure>> bench_data_memory() {
  const Scratch scratch;
  const fs::path csv = scratch.path() / "large.csv";
  const fs::path parquet = scratch.path() / "large.parquet";
  const std::uint64_t rows = write_table(csv);
  std::vector<Figure> out;
  TRY(check(csv, "CSV", rows, out));
  const Exchange exchange;
  TRY(exchange.put("files", Json{{"from", csv.string()}, {"to", parquet.string()}}));
  // Said on stderr where it is not to be had.
  if (exchange.ask("parquet", "numpy==2.4.6 duckdb==1.4.4", "parquet"))
    TRY(check(parquet, "Parquet", rows, out));
  return out;
}

}  // namespace sallyport::bench
