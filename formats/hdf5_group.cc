// Groups of HDF5: symbol tables (III.A.1, III.B to III.D) and links in headers and heaps (IV.A.2.g).
#include <algorithm>

#include "formats/hdf5_heap.h"
#include "formats/hdf5_walk.h"

namespace sallyport::formats::hdf5 {
namespace {

std::string joined(const std::string& path, const std::string& name) {
  return path == "/" ? path + name : path + "/" + name;
}

}  // namespace

BytesView Walk::local_heap(std::uint64_t address) {
  Fields fields = at(address);
  const bool is_heap = fields.sign("HEAP");
  fields.skip(4);
  const std::uint64_t size = length(fields);
  length(fields);
  const std::uint64_t data = offset(fields);
  if (!is_heap || !fields.ok()) {
    note(address, "hdf5: no local heap at byte " + std::to_string(address));
    return {};
  }
  if (!own(address, 8 + 2 * length_bytes_ + offset_bytes_, "local heap")) return {};
  if (!own(data, size, "local heap's names")) return {};
  return at(data).take(size);
}

void Walk::read_symbol_table(BytesView data, const std::string& path) {
  Fields fields(data);
  const std::uint64_t root = offset(fields);
  const BytesView names = local_heap(offset(fields));
  std::vector<std::uint64_t> nodes{root};
  while (!nodes.empty()) {
    const std::uint64_t node = nodes.back();
    nodes.pop_back();
    if (!first_visit(node)) continue;
    if (at(node).sign("SNOD")) {
      read_symbols(node, names, path);
      continue;
    }
    Fields tree = at(node);
    const bool is_tree = tree.sign("TREE") && tree.number(1) == 0;
    tree.skip(1);
    const std::uint64_t used = tree.number(2);
    tree.skip(2 * offset_bytes_);
    const std::uint64_t size =
        8 + 2 * offset_bytes_ + (2 * group_k_ + 1) * length_bytes_ + 2 * group_k_ * offset_bytes_;
    if (!is_tree || used > 2 * group_k_ || !tree.ok()) {
      note(node, "hdf5: no node of a group's tree at byte " + std::to_string(node));
    } else if (own(node, size, "group's tree")) {
      for (std::uint64_t i = 0; i < used; ++i) {
        length(tree);
        nodes.push_back(offset(tree));
      }
    }
  }
}

void Walk::read_symbols(std::uint64_t node, BytesView names, const std::string& path) {
  constexpr std::uint64_t kSoftLink = 2;
  Fields fields = at(node);
  fields.skip(6);
  const std::uint64_t used = fields.number(2);
  const std::uint64_t entry = 2 * offset_bytes_ + 24;
  if (used > 2 * leaf_k_ || !own(node, 8 + 2 * leaf_k_ * entry, "group's symbols")) {
    note(node, "hdf5: too many symbols at byte " + std::to_string(node));
    return;
  }
  for (std::uint64_t i = 0; i < used && fields.ok(); ++i) {
    Fields name(names, offset(fields));
    const std::uint64_t header = offset(fields);
    const std::uint64_t kind = fields.number(4);
    fields.skip(20);
    const std::string child = joined(path, name.text());
    if (!name.ok()) note(node, "hdf5: a name past the end of its heap, in " + shown(path));
    // A soft link names an object of this file, which is reached by its own name.
    if (kind != kSoftLink) todo_.push_back({.address = header, .path = child});
  }
}

void Walk::read_link(BytesView data, std::uint64_t where, const std::string& path) {
  constexpr std::uint64_t kHard = 0, kSoft = 1, kExternal = 64;
  Fields fields(data);
  const std::uint64_t version = fields.number(1);
  const std::uint64_t flags = fields.number(1);
  const std::uint64_t kind = (flags & 8) != 0 ? fields.number(1) : kHard;
  if ((flags & 4) != 0) fields.skip(8);
  if ((flags & 16) != 0) fields.skip(1);
  const std::uint64_t name_size = fields.number(1U << (flags & 3));
  const std::string name = joined(path, std::string(as_text(fields.take(name_size))));
  if (!fields.ok() || version != 1) {
    note(where - base_, "hdf5: a link of " + shown(path) + " is malformed");
  } else if (kind == kHard) {
    todo_.push_back({.address = offset(fields), .path = name});
  } else if (kind == kExternal) {
    fields.skip(3);
    out_.externals.push_back(
        {.kind = Outside::kLink, .object = name, .file = fields.text(), .offset = where});
  } else if (kind != kSoft) {
    out_.externals.push_back(
        {.kind = Outside::kUserDefined, .object = name, .file = std::to_string(kind), .offset = where});
  }
}

// Links and attributes that outgrew the header: a heap of messages and a tree of their places in it.
void Walk::read_dense(BytesView data, const Message& message, const std::string& path) {
  const bool attributes = message.type == 0x15;
  Fields fields(data);
  fields.skip(1);
  const std::uint64_t flags = fields.number(1);
  if ((flags & 1) != 0) fields.skip(attributes ? 2 : 8);
  const std::uint64_t heap_address = offset(fields);
  const std::uint64_t by_name = offset(fields);
  const std::uint64_t by_order = (flags & 2) != 0 ? offset(fields) : by_name;
  if (!fields.ok() || !defined(heap_address) || !first_visit(heap_address)) return;
  const Heap heap = open_heap(heap_address);
  if (heap.id_bytes == 0) return;
  if (defined(by_order) && by_order != by_name) records(by_order);
  constexpr std::size_t kHash = 4;
  for (const BytesView record : records(by_name)) {
    const std::size_t skip = attributes ? 0 : kHash;
    if (record.size() < skip + heap.id_bytes) continue;
    const BytesView object = heap_object(heap, record.subspan(skip, heap.id_bytes));
    if (object.empty()) {
      note(heap_address, "hdf5: an entry of " + shown(path) + " is not in its heap");
    } else if (attributes) {
      read_attribute(object, path);
    } else {
      read_link(object, static_cast<std::uint64_t>(object.data() - bytes_.data()), path);
    }
  }
}

}  // namespace sallyport::formats::hdf5
