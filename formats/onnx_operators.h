// Which operators a runtime of ONNX has of its own, and which of those hand over to code that it does not.
//
// The table of ai.onnx, ai.onnx.ml and the preview domains is onnx_operators.def. The domains of ONNX Runtime
// are taken whole, since they hold hundreds of fused operators, but for the few that call out. Pure
// functions, safe from any thread.
#pragma once

#include <string_view>

namespace sallyport::formats::onnx {

enum class Standing : unsigned char {
  kKnown,
  kUnknown,  // the domain is a standard one, the name is not
  kCalls,    // runs code or a compiled program that is not the runtime's
  kCustom,   // of a domain that someone registers
};
Standing standing_of(std::string_view domain, std::string_view op);

// Whether its outputs are learned arithmetic on its inputs: products with weights, trees, recurrences.
bool is_learned(std::string_view op);

}  // namespace sallyport::formats::onnx
