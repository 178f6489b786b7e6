// Pickle: interpreting, describing and explaining end on any bytes, and one text of the machine says what the
// other says.
//
// The first byte picks what is done to the rest, so that mutations find the opcodes faster: as it is, or with
// every byte that is no opcode taken for one.
#include <cstdlib>
#include <string>

#include "formats/pickle.h"
#include "formats/pickle_explain.h"
#include "formats/pickle_opcodes.h"
#include "formats/pickle_scan.h"

namespace {

namespace pickle = sallyport::formats::pickle;

class Describer : public pickle::Observer {
 public:
  void on_use(const pickle::Use& use, const pickle::Heap& heap) override {
    constexpr std::size_t kDescribedMax = 1000;
    ++uses;
    if (uses > kDescribedMax) return;
    const std::string text = heap.describe_call(use);
    // A finding is one line, whatever the stream says.
    if (text.find_first_of("\n\r\x1b") != std::string::npos) std::abort();
  }
  std::size_t uses = 0;
};

std::string as_opcodes(std::string bytes) {
  std::string known;
  for (int code = 0; code < 256; ++code) {
    if (pickle::kLayouts[static_cast<std::size_t>(code)] != pickle::Layout::kUnknown) {
      known.push_back(static_cast<char>(code));
    }
  }
  for (char& c : bytes) {
    const auto code = static_cast<unsigned char>(c);
    if (pickle::kLayouts[code] == pickle::Layout::kUnknown) c = known[code % known.size()];
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) bytes = as_opcodes(std::move(bytes));
  const sallyport::BytesView view = sallyport::as_bytes(bytes);

  Describer describer;
  const pickle::Outcome outcome = pickle::interpret(view, 0, describer);
  if (outcome.end > view.size()) std::abort();
  // Plain data is what has no use, and with symbols it ends as it does without.
  pickle::Heap heap(view);
  Describer again;
  const pickle::Outcome full = pickle::interpret_in_full(view, 0, heap, again);
  if (full.end != outcome.end || full.opcodes != outcome.opcodes) std::abort();
  if (again.uses != describer.uses) std::abort();
  if (full.error.has_value() != outcome.error.has_value()) std::abort();
  if (outcome.plain != (describer.uses == 0)) std::abort();

  constexpr std::size_t kLinesMax = 200;
  const pickle::Explanation explanation = pickle::explain(view, 0, {.lines_max = kLinesMax});
  if (explanation.lines.size() > kLinesMax + kLinesMax / 2 + 32) std::abort();
  (void)pickle::scan_pickles(view);
  pickle::Unpickler unpickler(view);
  (void)unpickler.load(0, describer);
  (void)unpickler.load(outcome.end, describer);
  return 0;
}
