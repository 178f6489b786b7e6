// XML: what is said lies in the document.
#include <cstdlib>

#include "core/bytes.h"
#include "formats/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sallyport::formats::XmlReader reader(sallyport::as_text({data, size}));
  for (auto event = reader.next(); event && *event; event = reader.next()) {
    if ((*event)->offset > size || reader.depth() > size) std::abort();
    for (const auto& attribute : (*event)->attributes) {
      if (sallyport::formats::unescaped(attribute.raw).size() > attribute.raw.size()) std::abort();
    }
  }
  return 0;
}
