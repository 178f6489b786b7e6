#include "services/notebook/broker.h"

#include <algorithm>

#include "core/limits/notebook.h"
#include "services/notebook/readings.h"

namespace sallyport::services::notebook {
namespace {

constexpr std::size_t kCanaryBytesMin = 12;
constexpr std::size_t kTailBytes = std::size_t{16} << 10;

}  // namespace

Protected::Protected() : prints_(limits::kEgressPrintsMax) {}

void Protected::add(const Dataset& table) {
  const std::vector<std::size_t> columns = table.feature_columns();
  std::vector<double> row_by_row;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const std::size_t column : columns) row_by_row.push_back(table.columns[column].numbers[row]);
    // Windows that span the end of a row are kept too.
    if (row_by_row.size() < 4096) continue;
    prints_.add(row_by_row);
    row_by_row.erase(row_by_row.begin(), row_by_row.end() - (learn::kOrderWindow - 1));
  }
  prints_.add(row_by_row);
  for (const std::size_t column : columns) prints_.add(table.columns[column].numbers);
}

Result<void> Protected::add_canary(std::string canary) {
  if (canary.size() < kCanaryBytesMin)
    return invalid("canary: shorter than " + std::to_string(kCanaryBytesMin) + " bytes");
  canaries_.push_back(std::move(canary));
  return {};
}

std::string Broker::refusal(const Meter& meter, const std::string& destination, BytesView body,
                            std::set<std::uint64_t>& windows) const {
  if (!meter.closed.empty()) return meter.closed;
  if (std::ranges::find(options_.allowed, destination) == options_.allowed.end())
    return "nothing may be sent to " + destination;
  if (body.size() > limits::kEgressBodyBytesMax) return "the body is longer than kEgressBodyBytesMax";
  if (body.size() > options_.budget_bytes - std::min(options_.budget_bytes, meter.bytes))
    return "the notebook's budget of " + std::to_string(options_.budget_bytes) + " bytes is spent";
  std::string why;
  Bytes joined = meter.tail;
  joined.insert(joined.end(), body.begin(), body.end());
  bool whole = true;
  const auto look = [&](BytesView layer) {
    for (const std::string& canary : guarded_.canaries_) {
      if (as_text(layer).find(canary) != std::string_view::npos) why = "a planted row is in the body";
    }
    for_each_reading(layer, [&](std::span<const double> numbers) {
      guarded_.prints_.match(numbers, [&](std::uint64_t window) {
        if (windows.size() < limits::kEgressSeenMax) windows.insert(window);
      });
    });
  };
  // By itself, since what it is told by stands at its front; and behind what went before.
  whole = for_each_layer(body, look) && whole;
  if (!meter.tail.empty()) whole = for_each_layer(joined, look) && whole;
  if (!whole && why.empty()) why = "the body unpacks to more than kEgressUnpackedBytesMax";
  if (windows.size() > options_.windows_max && why.empty())
    why = std::to_string(windows.size()) + " windows of protected numbers were sent or are in the body";
  return why;
}

Release Broker::offer(const std::string& notebook, const std::string& destination, BytesView body) {
  const std::scoped_lock lock(mutex_);
  Meter& meter = meters_[notebook];
  std::set<std::uint64_t> windows = meter.windows;
  std::string why = refusal(meter, destination, body, windows);
  if (why.empty()) {
    meter.bytes += body.size();
    meter.windows = std::move(windows);
    meter.tail.insert(meter.tail.end(), body.begin(), body.end());
    if (meter.tail.size() > kTailBytes)
      meter.tail.erase(meter.tail.begin(), meter.tail.end() - static_cast<std::ptrdiff_t>(kTailBytes));
    return {.released = true};
  }
  // Who tried once is not asked again; a destination may be a slip.
  const bool is_leak = windows.size() > options_.windows_max || why.starts_with("a planted row");
  if (is_leak && meter.closed.empty()) meter.closed = "the notebook tried before: " + why;
  return {.released = false, .why = std::move(why)};
}

std::uint64_t Broker::bytes_of(const std::string& notebook) const {
  const std::scoped_lock lock(mutex_);
  const auto found = meters_.find(notebook);
  return found == meters_.end() ? 0 : found->second.bytes;
}

}  // namespace sallyport::services::notebook
