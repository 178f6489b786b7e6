// Data that one file names in another: tensors of an ONNX model, of an OpenVINO network, of a TensorFlow
// checkpoint. By itself such a file has no structure; beside the one that names all of its bytes it has.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/inspect/inspect.h"
#include "services/scan/scan.h"
#include "services/scan/tree.h"

namespace sallyport::services::scan {

// What the file `name`, a path within the folder, says of others: paths within the folder as well.
std::vector<DataExtent> extents_of(const formats::inspect::Inspection& inspection, const std::string& name);

// Accounts for each file of which nothing is known where the extents that others name cover it; what lies
// between two of them must be zeros, as they pad. files[i] is wanted[i].
void explain_by_others(std::span<const TreeFile* const> wanted, std::span<ScannedFile> files);

}  // namespace sallyport::services::scan
