#include "tests/paths.h"

namespace sallyport::tests {

std::string source_dir() { return SALLYPORT_SOURCE_DIR; }

std::string build_dir() { return SALLYPORT_BINARY_DIR; }

}  // namespace sallyport::tests
