// What a notebook sends: the layers below it stay within their limits, and the broker refuses what it must.
#include <cstdlib>

#include "core/limits/notebook.h"
#include "services/notebook/broker.h"
#include "services/notebook/readings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace notebooks = sallyport::services::notebook;
  if (size > 4096) return 0;
  const sallyport::BytesView body(data, size);
  std::size_t layers = 0;
  std::size_t bytes = 0;
  notebooks::for_each_layer(body, [&](sallyport::BytesView layer) {
    ++layers;
    bytes += layer.size();
  });
  if (layers > sallyport::limits::kEgressLayersMax ||
      bytes > size + sallyport::limits::kEgressUnpackedBytesMax)
    std::abort();
  notebooks::Broker broker({.allowed = {"sink"}, .budget_bytes = 2 * size}, {});
  if (broker.offer("a", "elsewhere", body).released) std::abort();
  const bool first = broker.offer("a", "sink", body).released;
  if (broker.bytes_of("a") != (first ? size : 0)) std::abort();
  return 0;
}
