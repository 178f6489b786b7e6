// Figures: what the project promises to reach, measured in one run, each beside its target.
//
// A group measures and returns its figures; main.cc lists the groups and prints. Groups run one after the
// other, alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sallyport::bench {

enum class Better : std::uint8_t { kHigher, kLower };

struct Figure {
  std::string name = {};
  double value = 0;
  std::string unit = {};
  std::optional<double> target = {};  // absent: for information
  Better better = Better::kHigher;
  std::string how = {};  // on what it was measured

  bool met() const {
    if (!target) return true;
    return better == Better::kHigher ? value >= *target : value <= *target;
  }
};

// Seconds on a clock that never goes back.
double now_s();

double median(std::vector<double> values);

// A folder that goes when the benchmark does.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Runs a program to its end, without output, and gives the seconds it took; an Error when it could not be
// run, was killed or took longer than the limit. Any exit code below 126 is an answer.
struct Program {
  std::vector<std::string> words = {};
  std::vector<std::pair<std::string, std::string>> environment = {};  // on top of ours
  std::string folder = {};                                            // to run in; empty: ours
  unsigned limit_s = 600;
};
struct Run {
  double seconds = 0;
  int exit_code = 0;
  std::uint64_t peak_bytes = 0;  // resident, of the largest of its processes
};
Result<Run> run_program(const Program& program);

Result<std::vector<Figure>> bench_trust();
// A part of it: many clients that append to the log.
Result<std::vector<Figure>> bench_log_appends();
Result<std::vector<Figure>> bench_sandbox();
Result<std::vector<Figure>> bench_pipeline();
Result<std::vector<Figure>> bench_pickle();
Result<std::vector<Figure>> bench_precision();
Result<std::vector<Figure>> bench_pickle_agreement();
Result<std::vector<Figure>> bench_scan();
// Of data sets; see bench/data_bench.h.
Result<std::vector<Figure>> bench_data_labels();
Result<std::vector<Figure>> bench_data_planted();
Result<std::vector<Figure>> bench_data_text();
Result<std::vector<Figure>> bench_data_drift();
Result<std::vector<Figure>> bench_data_memory();
Result<std::vector<Figure>> bench_tracking();
Result<std::vector<Figure>> bench_sealed();
Result<std::vector<Figure>> bench_tracking_suites();
Result<std::vector<Figure>> bench_data_versions();
Result<std::vector<Figure>> bench_signing();

// A pickle as CPython writes it of nested dicts and lists, of at least so many bytes.
std::string plain_containers(int protocol, std::size_t bytes_min);
Result<std::vector<Figure>> bench_secrets();
Result<std::vector<Figure>> bench_repository();
Result<std::vector<Figure>> bench_redact();
Result<std::vector<Figure>> bench_agreement();

}  // namespace sallyport::bench
