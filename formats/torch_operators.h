// PyTorch's operators by name, as scripts, mobile bytecode and exported programs call them: what computes on
// tensors, what touches files, and what comes from a native library that nobody here has seen.
//
// Allowed are the namespaces of PyTorch itself, and of torchvision what computes on tensors. Pure functions,
// safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport::formats::torch_operators {

enum class Standing : std::uint8_t { kPlain, kTouchesFiles, kReadsMedia, kCustom };

// "aten" and "add"; "aten" for what is called as torch.add.
Standing standing_of(std::string_view space, std::string_view name);
// "reads or writes files": what running the operator does; empty for a plain one.
std::string_view reason(Standing standing);

}  // namespace sallyport::formats::torch_operators
