// What a guard says: findings, and the numbers that tell how far its silence can be trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"

namespace sallyport {

enum class Severity : std::uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
enum class Confidence : std::uint8_t { kLow, kMedium, kHigh };

std::string_view name_of(Severity severity);
std::string_view name_of(Confidence confidence);
std::optional<Severity> severity_named(std::string_view name);

// Where: a path or the name of an artifact, and within it bytes or a row. Rows count from 0.
struct Location {
  std::string path = {};
  std::optional<std::uint64_t> offset = {};
  std::optional<std::uint64_t> length = {};
  std::optional<std::uint64_t> row = {};
  std::optional<std::uint64_t> line = {};
  std::string column = {};
  std::string commit = {};  // set when only a repository's history holds it
};

struct Finding {
  Severity severity = Severity::kHigh;
  Confidence confidence = Confidence::kHigh;
  Location where = {};
  std::string message;      // what is wrong: lower case, no full stop
  std::string remedy = {};  // what to do about it
  std::string rule = {};    // "pickle-dangerous-call", of a guard that has several: stable between releases
};

// A measured quantity that stands beside a verdict: a rate with its interval, a sample size, the power of a
// test at a stated effect. Absent members were not measured.
struct Statistic {
  std::string name;
  double value = 0;
  std::optional<double> low = {};
  std::optional<double> high = {};
  std::optional<std::uint64_t> sample_size = {};
  std::optional<double> power = {};
  std::string effect = {};  // the effect at which `power` holds
  std::optional<double> false_positive_rate = {};
};

struct Examination {
  std::vector<Finding> findings = {};
  std::vector<Statistic> statistics = {};
};

Json to_json(const Finding& finding);
Json to_json(const Statistic& statistic);
// "downloads/bert.bin, byte 1204" or "train.csv, row 17, column label".
std::string to_text(const Location& where);

}  // namespace sallyport
