#include "formats/onnx_operators.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace sallyport::formats::onnx {
namespace {

using OperatorNames = std::set<std::string_view>;

OperatorNames split(std::string_view text) {
  OperatorNames out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.insert(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

struct Domain {
  std::string_view name;
  OperatorNames operators;
};

const std::vector<Domain>& domains() {
  static const std::vector<Domain> kDomains = {
#define ONNX_OPERATORS(domain, names) {domain, split(names)},
#include "formats/onnx_operators.def"
#undef ONNX_OPERATORS
  };
  return kDomains;
}

// Operators of ONNX Runtime's own domains that run what is not in the graph: Python functions, ATen by name,
// kernels and programs compiled for a device.
const OperatorNames& calling() {
  static const OperatorNames kCalling =
      split("ATen PythonOp PythonOpGrad TritonOp EPContext Snpe ExternalFunction TorchScript OpaqueOp");
  return kCalling;
}

constexpr std::array<std::string_view, 5> kRuntimeDomains = {
    "com.microsoft", "com.microsoft.nchwc", "com.microsoft.nhwc", "com.ms.internal.nhwc", "ai.onnx.training"};

}  // namespace

Standing standing_of(std::string_view domain, std::string_view op) {
  if (domain == "ai.onnx") domain = "";
  if (std::ranges::find(kRuntimeDomains, domain) != kRuntimeDomains.end()) {
    return calling().contains(op) ? Standing::kCalls : Standing::kKnown;
  }
  for (const Domain& known : domains()) {
    if (known.name == domain) return known.operators.contains(op) ? Standing::kKnown : Standing::kUnknown;
  }
  return Standing::kCustom;
}

bool is_learned(std::string_view op) {
  static const OperatorNames kLearned = split(
      "MatMul Gemm Conv ConvTranspose LSTM GRU RNN Einsum QLinearConv QLinearMatMul MatMulInteger "
      "ConvInteger "
      "DeformConv Attention TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor SVMClassifier "
      "SVMRegressor LinearClassifier LinearRegressor MultiHeadAttention GroupQueryAttention QAttention "
      "FusedMatMul FusedConv FusedGemm MatMulNBits MatMulBnb4 DynamicQuantizeMatMul MatMulIntegerToFloat "
      "QGemm QLinearGlobalAveragePool");
  return kLearned.contains(op);
}

}  // namespace sallyport::formats::onnx
