#include "formats/notebook.h"

#include "core/json.h"

namespace sallyport::formats {
namespace {

// "source" and its like are a string or a list of them.
std::string joined(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  std::string out;
  if (value.is_array()) {
    for (const Json& line : value) {
      if (line.is_string()) out += line.get<std::string>();
    }
  }
  return out;
}

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// A MIME bundle: text under each type, or a JSON value, which is kept as its text.
void add_bundle(const Json& bundle, std::vector<NotebookOutput>& out) {
  if (!bundle.is_object()) return;
  for (const auto& [mime, value] : bundle.items()) {
    const bool text = value.is_string() || value.is_array();
    out.push_back({.kind = mime, .text = text ? joined(value) : canonical(value)});
  }
}

void add_output(const Json& output, std::vector<NotebookOutput>& out) {
  const Json* kind = member(output, "output_type");
  const std::string name = kind != nullptr && kind->is_string() ? kind->get<std::string>() : "output";
  if (const Json* text = member(output, "text")) out.push_back({.kind = name, .text = joined(*text)});
  if (const Json* data = member(output, "data")) add_bundle(*data, out);
  for (const char* part : {"ename", "evalue", "traceback"}) {
    if (const Json* text = member(output, part)) out.push_back({.kind = "error", .text = joined(*text)});
  }
}

Result<NotebookCell> read_cell(const Json& json) {
  if (!json.is_object()) return invalid("notebook: a cell is no object");
  NotebookCell cell;
  const Json* kind = member(json, "cell_type");
  if (kind == nullptr || !kind->is_string()) return invalid("notebook: a cell has no cell_type");
  cell.kind = kind->get<std::string>();
  // Version 3 calls the source of a code cell "input".
  for (const char* name : {"source", "input"}) {
    if (const Json* source = member(json, name)) cell.source += joined(*source);
  }
  if (const Json* outputs = member(json, "outputs"); outputs != nullptr && outputs->is_array()) {
    for (const Json& output : *outputs) add_output(output, cell.outputs);
  }
  if (const Json* attachments = member(json, "attachments");
      attachments != nullptr && attachments->is_object()) {
    for (const auto& [name, bundle] : attachments->items()) add_bundle(bundle, cell.outputs);
  }
  return cell;
}

Result<void> add_cells(const Json& holder, Notebook& out) {
  const Json* cells = member(holder, "cells");
  if (cells == nullptr) return {};
  if (!cells->is_array()) return invalid("notebook: cells is no array");
  for (const Json& cell : *cells) out.cells.push_back(TRY(read_cell(cell)));
  return {};
}

}  // namespace

bool looks_like_notebook(BytesView bytes) {
  const std::string_view text = as_text(bytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' &&
         text.find("\"cell_type\"") != std::string_view::npos;
}

Result<Notebook> read_notebook(BytesView bytes) {
  const Json json = TRY(parse_json(as_text(bytes)));
  if (!json.is_object()) return invalid("notebook: no object");
  Notebook out;
  TRY(add_cells(json, out));
  if (const Json* sheets = member(json, "worksheets"); sheets != nullptr && sheets->is_array()) {
    for (const Json& sheet : *sheets) TRY(add_cells(sheet, out));
  }
  return out;
}

}  // namespace sallyport::formats
