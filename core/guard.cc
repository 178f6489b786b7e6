#include "core/guard.h"

#include <algorithm>

namespace sallyport {

Parameters::Parameters(std::span<const Parameter> defaults) {
  for (const Parameter& parameter : defaults) values_.emplace_back(parameter.name, parameter.value);
}

Result<void> Parameters::set(std::string_view name, double value) {
  for (auto& [known, current] : values_) {
    if (known == name) {
      current = value;
      return {};
    }
  }
  return invalid("no parameter '" + std::string(name) + "'");
}

double Parameters::get(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return value;
  }
  check_failed("a guard asked for a parameter that it does not declare", __FILE__, __LINE__);
}

Json Parameters::to_json() const {
  Json out = Json::object();
  for (const auto& [name, value] : values_) out[name] = value;
  return out;
}

namespace {
// One side's rows in `shards` slices, each summarised and merged into `summary`.
Result<void> add_side(std::any& summary, const Fold& fold, const Dataset& rows, Side side,
                      const Contract& contract, const Parameters& parameters, std::size_t shards) {
  for (std::size_t i = 0; i < shards; ++i) {
    const std::size_t begin = rows.rows() * i / shards;
    const std::size_t end = rows.rows() * (i + 1) / shards;
    std::any part = shards == 1 ? TRY(fold.summarise(rows, side, contract, parameters))
                                : TRY(fold.summarise(rows.slice(begin, end), side, contract, parameters));
    summary = summary.has_value() ? fold.merge(std::move(summary), std::move(part)) : std::move(part);
  }
  return {};
}
}  // namespace

Result<Examination> run_fold(const Fold& fold, const DatasetSubject& subject, const Parameters& parameters,
                             std::size_t shards) {
  SP_CHECK(subject.data != nullptr && shards > 0);
  std::any summary;
  TRY(add_side(summary, fold, *subject.data, Side::kData, subject.contract, parameters, shards));
  if (subject.reference != nullptr) {
    TRY(add_side(summary, fold, *subject.reference, Side::kReference, subject.contract, parameters, shards));
  }
  return fold.judge(summary, subject.contract, parameters);
}

}  // namespace sallyport
