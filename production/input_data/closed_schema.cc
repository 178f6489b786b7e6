// input-schema-smuggling: a request holds more than its schema says, and somebody behind us reads it.
//
// Everything that an inference request may hold is listed by the protocol and the model's metadata, so the
// rest is refused rather than skipped: unknown or repeated members, names spelled with escapes, values out of
// range, text that is itself a document. What passes has one meaning for every parser;
// formats::oip::write_infer spells it.
#include "core/guard.h"
#include "formats/oip.h"

namespace sallyport::production::input_data {
namespace {

namespace oip = formats::oip;

constexpr Parameter kParameters[] = {
    {"body_bytes_max", 16.0 * 1024 * 1024, "size of a request in bytes"},
    {"elements_max", 1 << 20, "elements of one tensor"},
    {"text_bytes_max", 1 << 20, "size of one text element in bytes"},
    {"allow_nested_json", 0, "1 lets a text element be a JSON document itself"},
};

Finding refused(std::string message, std::optional<std::uint64_t> offset = {}) {
  return {.severity = Severity::kHigh,
          .where = {.path = "request", .offset = offset},
          .message = std::move(message),
          .remedy = "send only what the model's metadata (GET /v2/models/NAME) names"};
}

// The first thing that the schema does not allow; Error only when the metadata itself cannot be read.
Result<Examination> check(const RequestSubject& request, const Parameters& parameters) {
  const oip::Signature signature = TRY(oip::read_signature(request.model));
  const oip::Caps caps{.elements_max = static_cast<std::uint64_t>(parameters.get("elements_max")),
                       .text_bytes_max = static_cast<std::uint64_t>(parameters.get("text_bytes_max")),
                       .nested = parameters.get("allow_nested_json") != 0 ? oip::NestedJson::kAllow
                                                                          : oip::NestedJson::kRefuse};
  if (static_cast<double>(request.body.size()) > parameters.get("body_bytes_max")) {
    return Examination{.findings = {refused("body of " + std::to_string(request.body.size()) + " bytes")}};
  }
  const auto framing = oip::read_framing(request.content_type, request.body);
  if (!framing) return Examination{.findings = {refused(framing.error().message)}};
  if (framing->json.starts_with("\xEF\xBB\xBF")) {
    return Examination{.findings = {refused("a byte order mark, which only some parsers pass over", 0)}};
  }
  Json own;
  const Json* document = request.document;
  if (document == nullptr) {
    auto parsed = parse_json(framing->json);
    if (!parsed) return Examination{.findings = {refused(parsed.error().message)}};
    own = std::move(*parsed);
    document = &own;
  }
  if (const auto offset = oip::escaped_member_name(framing->json)) {
    return Examination{.findings = {refused("a member name is spelled with escapes", *offset)}};
  }
  const auto infer = oip::read_infer(*document, framing->binary, signature, caps);
  if (!infer) return Examination{.findings = {refused(infer.error().message)}};
  return Examination{};
}

}  // namespace

extern const Guard closed_schema;
const Guard closed_schema{
    .id = "closed_schema",
    .threats = {"input-schema-smuggling"},
    .summary = "an inference request that holds anything which its schema does not name",
    .looks_for =
        "members, names, shapes, types and values beyond the Open Inference Protocol v2 and the model's "
        "metadata, by a strict parser; what a model does with text that is allowed is not judged",
    .parameters = kParameters,
    .request = check};

}  // namespace sallyport::production::input_data
