#include "services/data_check/parquet.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "core/env.h"
#include "core/limits/tables.h"
#include "core/mapping.h"
#include "services/sandbox/sandbox.h"
#include "services/tools.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;

constexpr double kWallS = 600;
// DuckDB needs some to begin with; its memory limit does not count everything.
constexpr std::uint64_t kWorkerMemoryMin = std::uint64_t{96} << 20;
constexpr std::uint64_t kWorkerMemoryMax = std::uint64_t{8} << 30;

// A table may grow as far as a compressed stream may.
std::uint64_t disk_bytes(std::uint64_t packed) {
  return std::min<std::uint64_t>(
      limits::kTableReadBytesMax,
      std::max<std::uint64_t>(limits::kExpansionFree, packed * limits::kExpansionRatioMax));
}

// A descriptor of the table.
Result<int> convert(const fs::path& file, const fs::path& scratch, std::uint64_t memory_bytes) {
  const std::string worker = TRY(tool("sallyport-duckdb")).string();
  std::error_code error;
  const std::uint64_t packed = fs::file_size(file, error);
  const std::uint64_t memory = std::clamp(memory_bytes, kWorkerMemoryMin, kWorkerMemoryMax);
  sandbox::Confinement confinement{.command = {worker, "table"},
                                   .environment = {{"SALLYPORT_IN", "/in"},
                                                   {"SALLYPORT_OUT", "/out"},
                                                   {"SALLYPORT_MEMORY", std::to_string(memory / 2)}},
                                   .binds = TRY(tool_binds()),
                                   .executes = std::vector<std::string>{},
                                   .limits = {.wall_s = kWallS,
                                              .cpu_s = kWallS,
                                              .memory_bytes = kWorkerMemoryMax,
                                              .disk_bytes = disk_bytes(error ? 0 : packed)}};
  confinement.binds.push_back({.host = file, .inside = "/in/parquet"});
  confinement.binds.push_back({.host = scratch, .inside = "/out", .access = sandbox::Access::kWrite});
  std::string said;
  const sandbox::Outcome outcome =
      TRY(sandbox::run(confinement, {.on_line = [&](sandbox::Stream stream, std::string_view line) {
                         if (stream == sandbox::Stream::kErr) said = line;
                       }}));
  if (outcome.limit != sandbox::Limit::kNone)
    return fail(ErrorKind::kLimit, "parquet: reached its limit of " + std::string(name_of(outcome.limit)));
  if (!outcome.succeeded()) return invalid(said.empty() ? "parquet: the worker died" : said);
  const int table = ::open((scratch / "table.csv").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (table < 0) return fail(ErrorKind::kIo, "parquet: the worker wrote no table");
  return table;
}

}  // namespace

Result<Mapping> convert_parquet(const fs::path& file, std::uint64_t memory_bytes) {
  std::string scratch = (fs::temp_directory_path() / "sallyport-parquet-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr) return fail(ErrorKind::kIo, "parquet: no temporary folder");
  const Result<int> table = convert(file, scratch, memory_bytes);
  // Mapped behind the removal, which is a change of the file as well; what is open stays.
  const Result<void> removed = remove_tree(system_env(), scratch);
  if (!table) return within(file.string(), table.error());
  Result<Mapping> out = Mapping::of(*table, file);
  ::close(*table);
  TRY(removed);
  return out;
}

}  // namespace sallyport::services::data_check
