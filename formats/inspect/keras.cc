// Configurations of Keras models, in files, archives and attributes of HDF5. Observes only: the JSON that
// they are written in is accounted for as JSON.
#include "formats/keras.h"

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) { return keras::looks_like_config(as_text(layer.bytes)); }

void inspect_keras(Probe& probe) {
  const Result<Json> read = parse_json(as_text(probe.bytes()));
  if (!read) {
    const bool meant = as_text(probe.bytes()).find("class_name") != std::string_view::npos;
    if (meant) probe.unread(0, probe.bytes().size(), read.error().message);
    return;
  }
  for (const keras::Concern& concern : keras::judge(*read)) {
    probe.observe({.topic = Topic::kCode,
                   .rule = concern.rule,
                   .severity = concern.severity,
                   .length = probe.bytes().size(),
                   .message = "building the model: " + concern.message,
                   .remedy = "ask the publisher for a model of Keras' own layers, or for its weights alone"});
  }
}

}  // namespace

extern const Inspector keras_inspector;
const Inspector keras_inspector{.id = "keras", .plausible = plausible, .inspect = inspect_keras};

}  // namespace sallyport::formats::inspect
