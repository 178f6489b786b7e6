// Boosted trees: UBJSON and LightGBM's text, read and judged.
#include "core/bytes.h"
#include "formats/boosting.h"
#include "formats/ubjson.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace boosting = sallyport::formats::boosting;
  const auto document = sallyport::formats::parse_ubjson({data, size});
  if (document && boosting::is_xgboost(*document)) (void)boosting::judge_xgboost(*document);
  (void)boosting::judge_lightgbm(sallyport::as_text({data, size}));
  return 0;
}
