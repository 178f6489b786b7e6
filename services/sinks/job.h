// A job that takes stored fields, filled in: a shell script, a template, a YAML document or a prompt, in
// which
// `@{FIELD|GRAMMAR}` stands where the field goes. `@@{` is a plain "@{".
//
//   docker run @{tags.image|image} --epochs @{params.epochs|number}
//
// A field that the record has not, one that does not fit its grammar and one without a grammar refuse the
// whole job. Nothing that was filled in is looked at again. Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "services/sinks/field.h"

namespace sallyport::services::sinks {

enum class Sink : std::uint8_t { kShell, kTemplate, kYaml, kPrompt };
Result<Sink> sink_named(std::string_view name);

// At most 1 MiB of job. kDenied: a field that a sink does not take.
Result<std::string> filled(Sink sink, std::string_view job, const Fields& fields);

}  // namespace sallyport::services::sinks
