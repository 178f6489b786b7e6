// Datasets of HDF5: where their values lie (IV.A.2.i and its indexes).
#include <algorithm>

#include "core/limits.h"
#include "formats/hdf5_walk.h"

namespace sallyport::formats::hdf5 {
namespace {

constexpr std::uint64_t kCompact = 0, kContiguous = 1, kChunked = 2, kVirtualLayout = 3;

std::string name_of(const std::optional<Datatype>& type) {
  constexpr std::string_view kNames[] = {"integer",   "float",     "time", "string", "bits",  "opaque",
                                         "compound", "reference", "enum", "vlen",   "array", "complex"};
  const int kind = type ? type->kind : -1;
  return kind < 0 || kind >= 12 ? "unknown" : std::string(kNames[kind]);
}

}  // namespace

void Walk::read_layout(const Shape& shape) {
  Fields fields(shape.layout->data);
  const int version = static_cast<int>(fields.number(1));
  Dataset dataset{.path = shape.path, .type = name_of(shape.type), .filters = shape.filters};
  out_.datasets.push_back(std::move(dataset));
  if (version < 3) {
    const std::uint64_t rank = fields.number(1);
    const std::uint64_t kind = fields.number(1);
    fields.skip(5);
    const std::uint64_t address = kind == kCompact ? 0 : offset(fields);
    if (kind == kContiguous) return read_contiguous(shape, address, UINT64_MAX);
    if (kind == kChunked) return read_chunk_tree(address, static_cast<std::size_t>(rank));
    return;  // compact: the values are part of the message
  }
  const std::uint64_t kind = fields.number(1);
  if (version > 5 || kind > kVirtualLayout) {
    note(shape.layout->offset - base_, "hdf5: layout " + std::to_string(version) + " is not read");
  } else if (kind == kCompact && shape.type && shape.type->kind == kVariable) {
    follow_variable(fields.take(fields.number(2)), *shape.type);
  } else if (kind == kContiguous) {
    const std::uint64_t address = offset(fields);
    read_contiguous(shape, address, length(fields));
  } else if (kind == kChunked && version == 3) {
    const std::size_t dimensions = static_cast<std::size_t>(fields.number(1));
    read_chunk_tree(offset(fields), dimensions);
  } else if (kind == kChunked) {
    read_chunk_index(fields, version, shape);
  } else if (kind == kVirtualLayout) {
    const std::uint64_t collection = offset(fields);
    Fields block(defined(collection) ? global_object(collection, fields.number(4)) : BytesView{});
    block.skip(1 + length_bytes_);
    out_.externals.push_back({.kind = Outside::kVirtual,
                              .object = shape.path,
                              .file = block.text(),
                              .offset = shape.layout->offset});
  }
}

// Only as many bytes as the shape calls for: what an oversized block holds beyond them is nobody's.
void Walk::read_contiguous(const Shape& shape, std::uint64_t address, std::uint64_t size) {
  if (!defined(address) || !shape.type || !shape.elements) return;
  std::uint64_t wanted = 0;
  if (__builtin_mul_overflow(*shape.elements, shape.type->size, &wanted)) {
    return note(address, "hdf5: the shape of " + shown(shape.path) + " overflows 64 bits");
  }
  if (size != UINT64_MAX && size < wanted) {
    note(address, "hdf5: " + shown(shape.path) + " has fewer bytes than its shape calls for");
  }
  wanted = std::min(wanted, size);
  if (wanted == 0 || !own(address, wanted, "values")) return;
  out_.datasets.back().data = {.offset = base_ + address, .length = wanted};
  if (shape.type->kind == kVariable) follow_variable(at(address).take(wanted), *shape.type);
}

// Each element says where in a global heap its value is; that heap's collections are reached in no other way.
void Walk::follow_variable(BytesView data, const Datatype& type) {
  if (type.size != 8 + offset_bytes_) return;
  Fields fields(data);
  while (fields.left() >= type.size) {
    const std::uint64_t count = fields.number(4);
    const std::uint64_t collection = offset(fields);
    const std::uint64_t index = fields.number(4);
    if (count == 0 || !defined(collection)) continue;
    const BytesView value = global_object(collection, index);
    if (value.empty()) return;
  }
}

void Walk::add_chunk(std::uint64_t address, std::uint64_t size) {
  if (!defined(address) || size == 0) return;
  if (own(address, size, "chunk")) out_.chunks.push_back({.offset = base_ + address, .length = size});
}

// `dimensions` counts the bytes of an element as one.
void Walk::read_chunk_tree(std::uint64_t root, std::size_t dimensions) {
  if (!defined(root)) return;
  struct Node {
    std::uint64_t address;
  };
  std::vector<Node> stack{{root}};
  const std::uint64_t key = 8 + 8 * static_cast<std::uint64_t>(dimensions);
  while (!stack.empty()) {
    const std::uint64_t node = stack.back().address;
    stack.pop_back();
    if (!first_visit(node)) continue;
    Fields fields = at(node);
    const bool is_tree = fields.sign("TREE") && fields.number(1) == 1;
    const std::uint64_t level = fields.number(1);
    const std::uint64_t used = fields.number(2);
    fields.skip(2 * offset_bytes_);
    const std::uint64_t size =
        8 + 2 * offset_bytes_ + (2 * chunk_k_ + 1) * key + 2 * chunk_k_ * offset_bytes_;
    if (!is_tree || !fields.ok() || used > 2 * chunk_k_ || dimensions > limits::kHdf5RankMax + 1) {
      note(node, "hdf5: no node of a tree of chunks at byte " + std::to_string(node));
      continue;
    }
    if (!own(node, size, "tree of chunks")) continue;
    for (std::uint64_t i = 0; i < used && fields.ok(); ++i) {
      const std::uint64_t bytes = fields.number(4);
      fields.skip(key - 4);
      const std::uint64_t child = offset(fields);
      if (level == 0) {
        add_chunk(child, bytes);
      } else {
        stack.push_back({child});
      }
    }
  }
}

void Walk::read_chunk_index(Fields fields, int version, const Shape& shape) {
  constexpr std::uint64_t kSingle = 1, kImplicit = 2, kFixedArray = 3, kTree = 5;
  const std::uint64_t flags = fields.number(1);
  const std::uint64_t dimensions = fields.number(1);
  const std::size_t width = static_cast<std::size_t>(fields.number(1));
  std::uint64_t chunk = 1;
  for (std::uint64_t i = 0; i < dimensions; ++i) {
    if (__builtin_mul_overflow(chunk, fields.number(width), &chunk)) return;
  }
  const std::uint64_t kind = fields.number(1);
  const std::size_t size_bytes = version == 5 ? 8 : length_bytes_;
  if (kind == kSingle) {
    if ((flags & 2) != 0) {
      chunk = fields.number(size_bytes);
      fields.skip(4);
    }
    return add_chunk(offset(fields), chunk);
  }
  if (kind == kFixedArray) {
    fields.skip(1);
    return read_fixed_array(offset(fields), chunk);
  }
  if (kind == kTree) {
    fields.skip(6);
    const std::uint64_t tree = offset(fields);
    if (!defined(tree)) return;
    const std::size_t plain = offset_bytes_ + 8 * shape.rank;
    for (const BytesView record : records(tree)) {
      Fields entry(record);
      const std::uint64_t address = offset(entry);
      const bool packed = record.size() > plain + 4;
      add_chunk(address, packed ? entry.number(record.size() - plain - 4) : chunk);
    }
    return;
  }
  fields.skip(kind == kImplicit ? 0 : 5);
  if (defined(offset(fields))) {
    note(shape.layout->offset - base_, "hdf5: chunks of " + shown(shape.path) + " by index " +
                                           std::to_string(kind) + " are not followed");
  }
}

void Walk::read_fixed_array(std::uint64_t address, std::uint64_t chunk_size) {
  if (!defined(address)) return;
  Fields fields = at(address);
  const bool is_array = fields.sign("FAHD");
  fields.skip(1);
  const bool packed = fields.number(1) == 1;
  const std::uint64_t entry = fields.number(1);
  const std::uint64_t page_bits = fields.number(1);
  const std::uint64_t count = length(fields);
  const std::uint64_t data = offset(fields);
  const std::uint64_t least = offset_bytes_ + (packed ? 5 : 0);
  const bool sane = page_bits < 32 && entry >= least && entry <= least + 8 && count <= bytes_.size();
  if (!is_array || !fields.ok() || !sane || !first_visit(address)) {
    return note(address, "hdf5: no fixed array at byte " + std::to_string(address));
  }
  own(address, 8 + length_bytes_ + offset_bytes_ + kChecksum, "fixed array");
  if (!defined(data)) return;
  const std::uint64_t page = std::uint64_t{1} << page_bits;
  const bool paged = count > page;
  const std::uint64_t pages = paged ? (count + page - 1) / page : 0;
  const std::uint64_t prefix = 6 + offset_bytes_ + (paged ? (pages + 7) / 8 + kChecksum : 0);
  const std::uint64_t sums = paged ? pages * kChecksum : kChecksum;
  if (!own(data, prefix + count * entry + sums, "fixed array's block")) return;
  Fields body = at(data);
  if (!body.sign("FADB")) {
    return note(data, "hdf5: no block of a fixed array at byte " + std::to_string(data));
  }
  body.skip(prefix - 4);
  for (std::uint64_t i = 0; i < count && body.ok(); ++i) {
    if (paged && i != 0 && i % page == 0) body.skip(kChecksum);
    Fields element(body.take(entry));
    const std::uint64_t where = offset(element);
    // A page that was never written is zero, and no chunk lies where the superblock is.
    const std::size_t size_bytes = static_cast<std::size_t>(entry) - offset_bytes_ - (packed ? 4 : 0);
    if (where != 0) add_chunk(where, packed ? element.number(size_bytes) : chunk_size);
  }
}

}  // namespace sallyport::formats::hdf5
