// How often the pickle policy cries wolf: the sets of globals that published models import, each as a pickle
// that imports just those, through the scanner.
//
// The sets lie outside of the repository, beside the checkout or where SALLYPORT_MODEL_GLOBALS says.
#include <cstdlib>

#include "bench/bench.h"
#include "core/env.h"
#include "core/json.h"
#include "core/limits.h"
#include "formats/inflate.h"
#include "formats/pickle_scan.h"
#include "tests/paths.h"

namespace sallyport::bench {
namespace {

struct GlobalSet {
  double files = 0;
  std::vector<std::pair<std::string, std::string>> globals = {};
};

std::string models_path() {
  if (const char* chosen = std::getenv("SALLYPORT_MODEL_GLOBALS")) return chosen;
  return tests::source_dir() + "/../shared/data/models/popular_model_globals.json.gz";
}

Result<std::vector<GlobalSet>> read_sets(BytesView packed) {
  const formats::Inflated plain =
      formats::inflate(packed, formats::Wrapper::kGzip, limits::kYamlDataBytesMax);
  if (plain.error) return std::unexpected(*plain.error);
  const Json json = TRY(parse_json(as_text(plain.bytes)));
  std::vector<GlobalSet> out;
  for (const Json& entry : json) {
    GlobalSet set;
    set.files = TRY(get_number(entry, "files"));
    const Json globals = TRY(get_array(entry, "globals"));
    for (const Json& global : globals) {
      const std::string text = global.get<std::string>();
      const std::size_t dot = text.rfind('.');
      set.globals.emplace_back(text.substr(0, dot), text.substr(dot + 1));
    }
    out.push_back(std::move(set));
  }
  return out;
}

std::string short_text(const std::string& text) { return "\x8c" + std::string(1, char(text.size())) + text; }

// Protocol 2 imports by GLOBAL, protocol 4 by STACK_GLOBAL.
std::string pickle_of(const GlobalSet& set, int protocol) {
  std::string out = protocol == 2 ? "\x80\x02](" : "\x80\x04](";
  for (const auto& [module, name] : set.globals) {
    out += protocol == 2 ? "c" + module + "\n" + name + "\n" : short_text(module) + short_text(name) + "\x93";
  }
  return out + "e.";
}

bool is_clean(const std::string& bytes) {
  const formats::pickle::Report report = formats::pickle::scan_pickles(as_bytes(bytes));
  return report.concerns.empty() && report.divergences.empty() && !report.error && report.pickles == 1;
}

}  // namespace

Result<std::vector<Figure>> bench_precision() {
  const Bytes packed = TRY(system_env().read_file(models_path()));
  const std::vector<GlobalSet> sets = TRY(read_sets(packed));
  double files = 0;
  double refused = 0;
  std::size_t refused_sets = 0;
  for (const GlobalSet& set : sets) {
    files += set.files;
    const bool clean = is_clean(pickle_of(set, 2)) && is_clean(pickle_of(set, 4));
    refused += clean ? 0 : set.files;
    refused_sets += clean ? 0 : 1;
  }
  if (files == 0) return invalid("precision: no sets of globals");
  const std::string how = std::to_string(sets.size()) + " sets of globals of " +
                          std::to_string(static_cast<long>(files)) + " files, " +
                          std::to_string(refused_sets) + " sets refused";
  std::vector<Figure> out;
  out.push_back({.name = "pickles of popular models not clean",
                 .value = 100 * refused / files,
                 .unit = "%",
                 .target = 1,
                 .better = Better::kLower,
                 .how = how});
  return out;
}

}  // namespace sallyport::bench
