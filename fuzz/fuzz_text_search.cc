// Personal data and secrets in text: spans lie in the text, in order and apart.
#include <cstdlib>

#include "core/bytes.h"
#include "formats/personal.h"
#include "formats/secrets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace formats = sallyport::formats;
  const std::string_view text = sallyport::as_text({data, size});
  std::size_t end = 0;
  for (const auto& span : formats::find_personal(text)) {
    if (span.begin < end || span.end <= span.begin || span.end > size) std::abort();
    end = span.end;
  }
  const auto secrets = formats::find_secrets(text);
  if (!secrets) std::abort();
  for (const auto& secret : *secrets) {
    if (secret.rule == nullptr || secret.offset + secret.length > size) std::abort();
  }
  return 0;
}
