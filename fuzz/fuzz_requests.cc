// Requests for inference: a request that is read is written in one spelling, which reads as itself.
#include <cstdlib>

#include "core/json.h"
#include "formats/oip.h"

namespace {

namespace oip = sallyport::formats::oip;

const oip::Signature& signature() {
  static const oip::Signature read = [] {
    const auto document = sallyport::parse_json(
        R"({"name":"m","outputs":[{"name":"y","datatype":"FP32","shape":[-1,2]}],
            "inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]},
                      {"name":"t","datatype":"BYTES","shape":[-1]}]})");
    if (!document) std::abort();
    auto parsed = oip::read_signature(*document);
    if (!parsed) std::abort();
    return *parsed;
  }();
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto framing = oip::read_framing("application/json", {data, size});
  if (!framing) return 0;
  const auto document = sallyport::parse_json(framing->json);
  if (!document) return 0;
  (void)oip::escaped_member_name(framing->json);
  const auto request = oip::read_infer(*document, framing->binary, signature(), {});
  if (!request) return 0;
  const auto written = oip::write_infer(*request);
  if (!written) std::abort();
  const auto again = sallyport::parse_json(*written);
  if (!again) std::abort();
  const auto reread = oip::read_infer(*again, {}, signature(), {});
  if (!reread || oip::write_infer(*reread) != *written) std::abort();
  return 0;
}
