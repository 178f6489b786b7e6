// Whose code is a model's: in a repository of code, Python is code, and only beside a model that names it
// would it be run by whoever loads the model. Internal to services/scan.
#pragma once

#include <vector>

#include "services/scan/judge.h"
#include "services/scan/tree.h"

namespace sallyport::services::scan {

// Drops what the guard of intake says of Python in folders without a configuration that names code of its
// own.
void drop_ordinary_code(const Tree& tree, std::vector<ScannedFile>& files);

}  // namespace sallyport::services::scan
