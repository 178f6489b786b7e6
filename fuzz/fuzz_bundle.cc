// bundle.json and the parts beside weights: what is read is written as what is read again as the same, and
// golden samples meet any preprocessing without harm.
#include <cstdlib>

#include "learn/bundle_parts.h"
#include "trust/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace learn = sallyport::learn;
  const sallyport::BytesView bytes(data, size);
  const std::string_view text = sallyport::as_text(bytes);
  if (const auto bundle = sallyport::trust::parse_bundle(bytes)) {
    const std::string written = sallyport::trust::serialize(*bundle);
    const auto again = sallyport::trust::parse_bundle(sallyport::as_bytes(written));
    if (!again || *again != *bundle) std::abort();
  }
  if (const auto labels = learn::parse_labels(text)) {
    const auto again = learn::parse_labels(learn::labels_json(*labels).dump());
    if (!again || *again != *labels) std::abort();
  }
  const auto preprocessing = learn::parse_preprocessing(text);
  if (preprocessing) {
    const auto again = learn::parse_preprocessing(learn::to_json(*preprocessing).dump());
    if (!again || *again != *preprocessing) std::abort();
  }
  if (const auto golden = learn::parse_golden(text)) {
    learn::Preprocessing same{.features = golden->features, .in_graph = false};
    same.input.shape = {static_cast<std::uint32_t>(golden->features.size())};
    const auto inputs = learn::golden_inputs(*golden, same);
    if (inputs) (void)learn::golden_differences(*golden, {"a", "b"}, *inputs);
  }
  return 0;
}
