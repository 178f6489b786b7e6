// Chat templates in files of their own.
#include "formats/inspect/templates.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) {
  return (layer.name.ends_with(".jinja") || layer.name.ends_with(".jinja2")) && is_utf8(as_text(layer.bytes));
}

void inspect_jinja(Probe& probe) {
  probe.claim("jinja");
  probe.account(0, probe.bytes().size());
  judge_template(probe, as_text(probe.bytes()), "template", 0, true);
}

}  // namespace

extern const Inspector jinja_inspector;
const Inspector jinja_inspector{
    .id = "jinja", .rank = Rank::kFallback, .plausible = plausible, .inspect = inspect_jinja};

}  // namespace sallyport::formats::inspect
