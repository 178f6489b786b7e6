#include "services/data_check/parquet.h"

#include <unistd.h>

#include "core/env.h"
#include "core/limits/data.h"
#include "core/mapping.h"
#include "formats/table.h"
#include "services/sandbox/sandbox.h"
#include "services/tools.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;

constexpr double kWallS = 600;
constexpr std::uint64_t kMemoryBytes = std::uint64_t{8} << 30;

Result<Dataset> convert(const fs::path& file, const fs::path& scratch) {
  const std::string worker = TRY(tool("sallyport-duckdb")).string();
  sandbox::Confinement confinement{.command = {worker, "table"},
                                   .environment = {{"SALLYPORT_IN", "/in"}, {"SALLYPORT_OUT", "/out"}},
                                   .binds = TRY(tool_binds()),
                                   .executes = std::vector<std::string>{},
                                   .limits = {.wall_s = kWallS,
                                              .cpu_s = kWallS,
                                              .memory_bytes = kMemoryBytes,
                                              .disk_bytes = limits::kTableUnpackedBytesMax}};
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
  const Mapping mapping = TRY(Mapping::open(scratch / "table.csv"));
  return formats::read_table(mapping.bytes(), file.filename().string());
}

}  // namespace

Result<Dataset> load_parquet(const fs::path& file) {
  std::string scratch = (fs::temp_directory_path() / "sallyport-parquet-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr) return fail(ErrorKind::kIo, "parquet: no temporary folder");
  Result<Dataset> out = convert(file, scratch);
  TRY(remove_tree(system_env(), scratch));
  if (!out) return within(file.string(), out.error());
  return out;
}

}  // namespace sallyport::services::data_check
