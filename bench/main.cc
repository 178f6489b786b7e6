// sallyport-bench [--format plain|json] [GROUP...]: measures, prints each figure beside its target, and exits
// 1 when one is not met, 2 when one could not be measured.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string_view>

#include "bench/bench.h"
#include "core/json.h"

namespace sallyport::bench {

namespace {

struct Group {
  std::string_view name;
  Result<std::vector<Figure>> (*measure)();
};

constexpr Group kGroups[] = {
    {"trust", bench_trust},
    {"sandbox", bench_sandbox},
    {"pipeline", bench_pipeline},
    {"pickle", bench_pickle},
    {"scan", bench_scan},
    {"precision", bench_precision},
    {"pickle-agreement", bench_pickle_agreement},
    {"secrets", bench_secrets},
    {"data/labels", bench_data_labels},
    {"data/planted", bench_data_planted},
    {"data/text", bench_data_text},
    {"data/drift", bench_data_drift},
    {"data/memory", bench_data_memory},
    {"repository", bench_repository},
    {"redact", bench_redact},
    {"tracking", bench_tracking},
    {"sealed", bench_sealed},
    {"tracking-suites", bench_tracking_suites},
    {"data-versions", bench_data_versions},
    {"signing", bench_signing},
    {"agreement", bench_agreement},
};

// "data" wants data/labels and the others of its kind.
bool wants(std::string_view wanted, const Group& group) {
  return group.name == wanted ||
         (group.name.starts_with(wanted) && group.name.substr(wanted.size()).starts_with('/'));
}

enum class Format : std::uint8_t { kPlain, kJson };

Json to_json(const Figure& figure) {
  Json out = {{"name", figure.name},
              {"value", figure.value},
              {"unit", figure.unit},
              {"how", figure.how},
              {"met", figure.met()}};
  if (figure.target) out["target"] = *figure.target;
  return out;
}

void print_plain(const Figure& figure) {
  char target[64] = "";
  if (figure.target) {
    std::snprintf(target, sizeof target, "%s %g", figure.better == Better::kHigher ? "at least" : "at most",
                  *figure.target);
  }
  const char* verdict = !figure.target ? "" : figure.met() ? "met" : "MISSED";
  std::printf("%-44s %12.4g %-12s %-16s %-7s %s\n", figure.name.c_str(), figure.value, figure.unit.c_str(),
              target, verdict, figure.how.c_str());
}

int run(const std::vector<std::string_view>& wanted, Format format) {
  Json all = Json::array();
  bool missed = false;
  bool unmeasured = false;
  for (const Group& group : kGroups) {
    const auto is_wanted = [&](std::string_view name) { return wants(name, group); };
    if (!wanted.empty() && std::ranges::none_of(wanted, is_wanted)) continue;
    std::fflush(stdout);  // programs that a group runs would write what is left in the buffer again
    const Result<std::vector<Figure>> figures = group.measure();
    if (!figures) {
      std::cerr << "sallyport-bench: " << group.name << ": " << figures.error().message << "\n";
      unmeasured = true;
      continue;
    }
    for (const Figure& figure : *figures) {
      missed = missed || !figure.met();
      if (format == Format::kPlain) print_plain(figure);
      all.push_back(to_json(figure));
    }
  }
  if (format == Format::kJson) std::cout << pretty(all);
  return unmeasured ? 2 : missed ? 1 : 0;
}

int usage() {
  std::cerr << "usage: sallyport-bench [--format plain|json] [GROUP...]\ngroups:";
  for (const Group& group : kGroups) std::cerr << " " << group.name;
  std::cerr << "\n";
  return 64;
}

}  // namespace
}  // namespace sallyport::bench

int main(int argc, char** argv) {
  using namespace sallyport::bench;
  std::vector<std::string_view> wanted;
  Format format = Format::kPlain;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--format" && i + 1 < argc) {
      const std::string_view name = argv[++i];
      if (name != "plain" && name != "json") return usage();
      format = name == "json" ? Format::kJson : Format::kPlain;
    } else if (std::any_of(std::begin(kGroups), std::end(kGroups),
                           [&](const Group& g) { return wants(argument, g); })) {
      wanted.push_back(argument);
    } else {
      return usage();
    }
  }
  return run(wanted, format);
}
