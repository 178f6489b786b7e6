// TFLite: a flatbuffer that is verified before anything in it is believed; its operators, and what nothing
// in it refers to.
#include "formats/tflite.h"

#include "formats/inspect/inspect.h"
#include "formats/path_rules.h"
#include "formats/tensorflow_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kRemedy = "convert the model again with builtin operators only";
// What TFLite's own runtime registers beside the builtin operators.
constexpr std::string_view kDetection = "TFLite_Detection_PostProcess";
constexpr std::uint64_t kDelegate = 51;

bool plausible(const Layer& layer) { return tflite::is_tflite(layer.bytes); }

void say(Probe& probe, Topic topic, std::string rule, std::uint64_t offset, std::string message,
         std::uint64_t length = 0) {
  probe.observe({.topic = topic,
                 .rule = std::move(rule),
                 .offset = offset,
                 .length = length,
                 .message = std::move(message),
                 .remedy = std::string(kRemedy)});
}

// Bad offsets are a loader's bug and a device's payload alike.
void say_misplaced(Probe& probe, std::uint64_t offset, const std::string& message) {
  say(probe, Topic::kStructure, "tflite-out-of-place", offset, message);
  say(probe, Topic::kOperator, "tflite-out-of-place", offset, message);
}

void judge_operator(Probe& probe, const tflite::Operator& op) {
  const std::string name = "'" + printable(op.custom) + "'";
  if (op.builtin == tflite::kCustomCall || op.builtin == kDelegate) {
    return say(probe, Topic::kOperator, "tflite-calling-operator", op.offset,
               "an operator hands over to code that is chosen by a name in the file");
  }
  if (op.builtin >= tflite::kBuiltins) {
    return say(probe, Topic::kOperator, "tflite-unknown-operator", op.offset,
               "operator number " + std::to_string(op.builtin) + " is no builtin one");
  }
  if (op.builtin != tflite::kCustom || op.custom == kDetection) return;
  constexpr std::string_view kFlex = "Flex";
  if (!op.custom.starts_with(kFlex)) {
    return say(probe, Topic::kOperator, "tflite-custom-operator", op.offset,
               "custom operator " + name + " would run code that the device registers under that name");
  }
  const tensorflow::Standing standing =
      tensorflow::standing_of(std::string_view(op.custom).substr(kFlex.size()));
  if (standing == tensorflow::Standing::kPlain) return;
  say(probe, Topic::kOperator, "tflite-flex-operator", op.offset,
      "TensorFlow operator " + name + " " + std::string(tensorflow::reason(standing)));
}

void inspect_tflite(Probe& probe) {
  probe.claim("tflite");
  const Result<tflite::Model> model = tflite::read_tflite(probe.bytes());
  if (!model) {
    say_misplaced(probe, 0, model.error().message);
    probe.unread(0, probe.bytes().size(), model.error().message);
    return;
  }
  for (const tflite::Operator& op : model->operators) judge_operator(probe, op);
  for (const tflite::Problem& problem : model->problems)
    say_misplaced(probe, problem.offset, problem.message);
  for (const flatbuffer::Stretch& part : model->used) probe.account(part.begin, part.end - part.begin);
  for (const flatbuffer::Stretch& gap : model->unreferenced) {
    say(probe, Topic::kOperator, "tflite-unreferenced-data", gap.begin,
        std::to_string(gap.end - gap.begin) + " bytes that nothing in the model refers to",
        gap.end - gap.begin);
  }
  for (const std::string& unknown : model->unknown) {
    probe.unread(0, 0, "tflite: " + unknown + " is not in the schema, so what it refers to was not followed");
  }
  for (const tflite::ExternalFile& file : model->files) {
    if (const std::string problem = path_problem(file.name); !problem.empty()) {
      say(probe, Topic::kOperator, "tflite-external-path", file.offset,
          "weights are taken from the file '" + printable(file.name) + "', which " + problem);
    }
    probe.refer({.topic = Topic::kOperator,
                 .path = file.name,
                 .what = "external weights",
                 .place = {},
                 .offset = file.offset});
  }
}

}  // namespace

extern const Inspector tflite_inspector;
const Inspector tflite_inspector{.id = "tflite", .plausible = plausible, .inspect = inspect_tflite};

}  // namespace sallyport::formats::inspect
