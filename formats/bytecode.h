// Compiled Python as it lies in files: .pyc headers, and marshalled code objects without one.
//
// Recognised by the header together with the type byte and the counts that a code object begins with
// (CPython's Python/marshal.c and importlib/_bootstrap_external.py, 2.7 to 3.15); nothing is unmarshalled.
// Pure functions.
#pragma once

#include "core/bytes.h"

namespace sallyport::formats {

// A module that was compiled: a magic number, its header, then a code object.
bool is_compiled_module(BytesView bytes);
// What marshal.dumps makes of a code object, which marshal.loads turns back into one to be called.
bool is_marshalled_code(BytesView bytes);

}  // namespace sallyport::formats
