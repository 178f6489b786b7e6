#include "formats/inspect/templates.h"

#include "formats/jinja.h"

namespace sallyport::formats::inspect {

void judge_template(Probe& probe, std::string_view source, const std::string& name, std::uint64_t offset,
                    bool in_place) {
  const jinja::Judgement judgement = jinja::judge(source);
  for (const jinja::Concern& concern : judgement.concerns) {
    probe.observe({.topic = Topic::kTemplate,
                   .rule = concern.rule,
                   .severity = concern.severity,
                   .confidence = concern.confidence,
                   .offset = offset + (in_place ? concern.offset : 0),
                   .message = name + ": " + concern.message,
                   .remedy = "use the template of the model's own publisher, and read what differs"});
  }
  if (judgement.error) probe.unread(offset, 0, name + ": " + judgement.error->message);
}

}  // namespace sallyport::formats::inspect
