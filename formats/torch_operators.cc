#include "formats/torch_operators.h"

#include <algorithm>
#include <array>

namespace sallyport::formats::torch_operators {
namespace {

constexpr std::array<std::string_view, 6> kTouchesFiles{"from_file", "save",  "load",
                                                        "_save",     "_load", "import_ir_module"};
constexpr std::array<std::string_view, 12> kNamespaces{
    "aten",   "prim",       "prims",        "quantized",    "quantized_decomposed", "prepacked",
    "mkldnn", "sparse",     "_quantized",   "higher_order", "rngprims",             "_c10d_functional"};
constexpr std::array<std::string_view, 6> kVision{"nms",      "roi_align",   "ps_roi_align",
                                                  "roi_pool", "ps_roi_pool", "deform_conv2d"};

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

Standing standing_of(std::string_view space, std::string_view name) {
  if (is_one_of(kTouchesFiles, name)) return Standing::kTouchesFiles;
  if (is_one_of(kNamespaces, space)) return Standing::kPlain;
  if (space == "torchvision" && is_one_of(kVision, name)) return Standing::kPlain;
  if (space == "image" || space == "torchaudio" || space == "torchtext") return Standing::kReadsMedia;
  return Standing::kCustom;
}

std::string_view reason(Standing standing) {
  switch (standing) {
    case Standing::kPlain: return "";
    case Standing::kTouchesFiles: return "reads or writes files";
    case Standing::kReadsMedia: return "belongs to a library that reads files";
    case Standing::kCustom: return "is an operator of a native library";
  }
  return "";
}

}  // namespace sallyport::formats::torch_operators
