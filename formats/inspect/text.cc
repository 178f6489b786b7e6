// Plain text that no format claims: it is read by people, and no loader runs it. But a script under the name
// of weights is a disguise, and what stands in it as base64 or hexadecimal is unpacked where it looks like a
// pickle, since some program beside it does the same.
#include <algorithm>
#include <array>
#include <string_view>

#include "formats/armour.h"
#include "formats/inspect/hidden.h"
#include "formats/inspect/inspect.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

bool plausible(const Layer& layer) {
  const auto is_control = [](std::uint8_t byte) {
    return byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != '\f' && byte != 0x1B;
  };
  return std::none_of(layer.bytes.begin(), layer.bytes.end(), is_control) && is_utf8(as_text(layer.bytes));
}

// Names that say weights to whoever downloads them; none of their formats is text that begins with "#!".
bool named_as_weights(std::string_view name) {
  constexpr std::array<std::string_view, 17> kEndings{
      ".bin", ".pt",   ".pth",  ".pkl", ".pickle", ".ckpt",        ".model", ".onnx",  ".h5",
      ".pb",  ".gguf", ".ggml", ".npy", ".npz",    ".safetensors", ".keras", ".joblib"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
}

void inspect_text(Probe& probe) {
  constexpr std::size_t kPickleMin = 12;  // shorter ones call nothing
  const std::string_view text = as_text(probe.bytes());
  probe.claim("text");
  probe.account(0, text.size());
  if (text.starts_with("#!") && named_as_weights(probe.layer().name)) {
    probe.observe({.topic = Topic::kIntake,
                   .rule = "script-disguised",
                   .length = std::min(text.find('\n'), text.size()),
                   .message = "a script under the name of a model's weights",
                   .remedy = "do not run it; ask the publisher why it is there"});
  }
  for (Armoured& run : find_armoured(text, kPickleMin)) {
    if (!may_begin_pickle(run.bytes, 0) || run.bytes.back() != '.') continue;  // '.' is STOP
    probe.nest(std::string(run.kind) + " at byte " + std::to_string(run.offset), std::move(run.bytes),
               Role::kMember);
  }
}

}  // namespace

extern const Inspector text_inspector;
const Inspector text_inspector{
    .id = "text", .rank = Rank::kFallback, .plausible = plausible, .inspect = inspect_text};

}  // namespace sallyport::formats::inspect
