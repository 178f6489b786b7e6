// Fractal heaps and the second kind of B-trees (III.G, III.A.2), as far as links and attributes need them.
#include "formats/hdf5_heap.h"

#include <bit>

#include "formats/hdf5_walk.h"

namespace sallyport::formats::hdf5 {
namespace {

// Bytes that hold numbers up to `largest`.
std::size_t width_of(std::uint64_t largest) {
  return largest == 0 ? 1 : static_cast<std::size_t>((std::bit_width(largest) - 1) / 8 + 1);
}

}  // namespace

Heap Walk::open_heap(std::uint64_t address) {
  Fields fields = at(address);
  Heap heap;
  const bool is_heap = fields.sign("FRHP");
  fields.skip(1);
  const std::uint64_t id_bytes = fields.number(2);
  const std::uint64_t filters = fields.number(2);
  fields.skip(1);
  const std::uint64_t managed_max = fields.number(4);
  length(fields);
  const std::uint64_t huge_tree = offset(fields);
  length(fields);
  const std::uint64_t free_space = offset(fields);
  for (int i = 0; i < 8; ++i) length(fields);
  heap.width = fields.number(2);
  heap.start_size = length(fields);
  heap.direct_max = length(fields);
  heap.offset_bytes = static_cast<std::size_t>((fields.number(2) + 7) / 8);
  fields.skip(2);
  const std::uint64_t root = offset(fields);
  const std::uint64_t rows = fields.number(2);
  heap.length_bytes = width_of(std::min(heap.direct_max, managed_max));
  const bool sane = heap.width != 0 && heap.width <= 1024 && std::has_single_bit(heap.start_size) &&
                    std::has_single_bit(heap.direct_max) && heap.direct_max >= heap.start_size &&
                    heap.offset_bytes <= 8 && id_bytes >= 2;
  if (!is_heap || !fields.ok() || filters != 0 || !sane) {
    note(address, "hdf5: a fractal heap that is packed or malformed is not read");
    return {};
  }
  if (!own(address, 26 + 12 * length_bytes_ + 3 * offset_bytes_, "fractal heap")) return {};
  heap.id_bytes = static_cast<std::size_t>(id_bytes);
  if (defined(free_space)) read_free_space(free_space);
  if (defined(root)) add_blocks(heap, root, rows);
  if (!defined(huge_tree)) return heap;
  for (const BytesView record : records(huge_tree)) {
    Fields huge(record);
    const std::uint64_t where = offset(huge);
    const std::uint64_t size = length(huge);
    const std::uint64_t id = length(huge);
    if (huge.ok() && own(where, size, "object of a fractal heap")) heap.huge[id] = at(where).take(size);
  }
  return heap;
}

void Walk::read_free_space(std::uint64_t address) {
  Fields fields = at(address);
  const bool is_header = fields.sign("FSHD");
  fields.skip(2);
  for (int i = 0; i < 4; ++i) length(fields);
  fields.skip(8);
  length(fields);
  const std::uint64_t list = offset(fields);
  length(fields);
  const std::uint64_t allocated = length(fields);
  if (!is_header || !fields.ok()) return;
  own(address, 14 + 7 * length_bytes_ + offset_bytes_ + kChecksum, "free space");
  if (defined(list) && at(list).sign("FSSE")) own(list, allocated, "list of free space");
}

// Walks the blocks from the root: rows of `width` blocks, which double in size from the third row on.
void Walk::add_blocks(Heap& heap, std::uint64_t root, std::uint64_t root_rows) {
  struct Block {
    std::uint64_t address, rows, size;  // of rows 0, a direct block
  };
  const std::size_t prefix = 5 + offset_bytes_ + heap.offset_bytes;
  const auto log2 = [](std::uint64_t n) { return static_cast<std::uint64_t>(std::bit_width(n) - 1); };
  const std::uint64_t direct_rows = log2(heap.direct_max) - log2(heap.start_size) + 2;
  const std::uint64_t first_bits = log2(heap.start_size) + log2(heap.width);
  std::vector<Block> stack{{root, root_rows, heap.start_size}};
  while (!stack.empty()) {
    const Block block = stack.back();
    stack.pop_back();
    if (!defined(block.address) || !first_visit(block.address)) continue;
    Fields fields = at(block.address);
    const bool is_direct = fields.sign("FHDB");
    fields.skip(1 + offset_bytes_);
    const std::uint64_t begin = fields.number(heap.offset_bytes);
    if (is_direct != (block.rows == 0) || !fields.ok() || block.rows > 64) {
      note(block.address, "hdf5: no block of a fractal heap at byte " + std::to_string(block.address));
      continue;
    }
    if (is_direct) {
      if (!own(block.address, block.size, "heap block")) continue;
      heap.blocks[begin] = at(block.address).take(block.size);
      continue;
    }
    own(block.address, prefix + block.rows * heap.width * offset_bytes_ + kChecksum, "heap's indirect block");
    for (std::uint64_t row = 0; row < block.rows; ++row) {
      const std::uint64_t doublings = row == 0 ? 0 : row - 1;
      const std::uint64_t size = doublings < 48 ? heap.start_size << doublings : 0;
      const std::uint64_t rows = row < direct_rows || size == 0 ? 0 : log2(size) - first_bits + 1;
      for (std::uint64_t i = 0; i < heap.width && fields.ok(); ++i) {
        stack.push_back({offset(fields), rows, size});
      }
    }
  }
}

BytesView Walk::heap_object(const Heap& heap, BytesView id) {
  constexpr std::uint64_t kManaged = 0, kHuge = 1, kTiny = 2;
  Fields fields(id);
  const std::uint64_t first = fields.number(1);
  const std::uint64_t kind = first >> 4 & 3;
  if (kind == kTiny) return fields.take((first & 15) + 1);
  if (kind == kHuge) {
    const auto found = heap.huge.find(fields.number(std::min<std::size_t>(fields.left(), length_bytes_)));
    return found == heap.huge.end() ? BytesView{} : found->second;
  }
  if (kind != kManaged) return {};
  const std::uint64_t where = fields.number(heap.offset_bytes);
  const std::uint64_t size = fields.number(heap.length_bytes);
  auto block = heap.blocks.upper_bound(where);
  if (block == heap.blocks.begin() || !fields.ok()) return {};
  --block;
  return Fields(block->second, where - block->first).take(size);
}

// The records of all nodes; their bytes are whole or not there.
std::vector<BytesView> Walk::records(std::uint64_t address) {
  struct Node {
    std::uint64_t address, records;
    std::size_t depth;
  };
  std::vector<BytesView> out;
  Fields fields = at(address);
  const bool is_tree = fields.sign("BTHD");
  fields.skip(2);
  const std::uint64_t node_size = fields.number(4);
  const std::uint64_t record_size = fields.number(2);
  const std::uint64_t depth = fields.number(2);
  fields.skip(2);
  const std::uint64_t root = offset(fields);
  const std::uint64_t root_records = fields.number(2);
  if (!is_tree || !fields.ok() || record_size == 0 || node_size < 10 + record_size || depth > 16) {
    note(address, "hdf5: no B-tree at byte " + std::to_string(address));
    return out;
  }
  const std::uint64_t header = 18 + offset_bytes_ + length_bytes_ + kChecksum;
  if (!first_visit(address) || !own(address, header, "B-tree")) return out;
  // How wide the counts in a pointer are depends on what the nodes below can hold (III.A.2).
  const std::size_t count_bytes = width_of((node_size - 10) / record_size);
  std::vector<std::size_t> total_bytes{0};
  std::uint64_t total = (node_size - 10) / record_size;
  for (std::uint64_t level = 1; level <= depth; ++level) {
    const std::uint64_t pointer = offset_bytes_ + count_bytes + total_bytes.back();
    const std::uint64_t room = node_size < 10 + pointer ? 0 : node_size - 10 - pointer;
    const std::uint64_t most = room / (record_size + pointer);
    if (__builtin_mul_overflow(most + 1, total, &total)) break;
    if (__builtin_add_overflow(total, most, &total)) break;
    total_bytes.push_back(width_of(total));
  }
  if (total_bytes.size() != depth + 1) return out;
  std::vector<Node> stack{{root, root_records, static_cast<std::size_t>(depth)}};
  while (!stack.empty()) {
    const Node node = stack.back();
    stack.pop_back();
    if (!defined(node.address) || !first_visit(node.address)) continue;
    Fields body = at(node.address);
    if (!body.sign(node.depth == 0 ? "BTLF" : "BTIN") || !own(node.address, node_size, "B-tree's node")) {
      note(node.address, "hdf5: no node of a B-tree at byte " + std::to_string(node.address));
      continue;
    }
    body.skip(2);
    for (std::uint64_t i = 0; i < node.records && body.ok(); ++i) out.push_back(body.take(record_size));
    for (std::uint64_t i = 0; node.depth > 0 && i <= node.records && body.ok(); ++i) {
      const std::uint64_t child = offset(body);
      const std::uint64_t count = body.number(count_bytes);
      body.skip(total_bytes[node.depth - 1]);
      stack.push_back({child, count, node.depth - 1});
    }
  }
  return out;
}

}  // namespace sallyport::formats::hdf5
