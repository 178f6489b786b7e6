// Jupyter notebooks (nbformat 3 and 4): cells and their outputs, read from strict JSON.
//
// Text that a notebook splits into lines is joined. Everything that can carry text is kept as an output:
// streams, tracebacks, every MIME type of rich output, attachments. Limits: those of core/json.h. Pure
// functions.
#pragma once

#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct NotebookOutput {
  std::string kind = {};  // "stream", "error", or the MIME type
  std::string text = {};
};

struct NotebookCell {
  std::string kind = {};  // "code", "markdown", "raw", ...
  std::string source = {};
  std::vector<NotebookOutput> outputs = {};
};

struct Notebook {
  std::vector<NotebookCell> cells = {};
};

// Whether the bytes are a JSON object with cells, whatever the file is called.
bool looks_like_notebook(BytesView bytes);
Result<Notebook> read_notebook(BytesView bytes);

}  // namespace sallyport::formats
