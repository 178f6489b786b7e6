// The walk through one HDF5 file, shared by the parts of the reader: the cursor, the book-keeping, the queue.
//
// Not for other use than formats/hdf5*.cc. For one thread at a time.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/hdf5.h"

namespace sallyport::formats::hdf5 {

// Little-endian fields; once one is past the end every further one is 0 and ok() is false.
class Fields {
 public:
  explicit Fields(BytesView bytes, std::uint64_t at = 0);
  bool ok() const { return ok_; }
  std::size_t left() const { return ok_ ? bytes_.size() - at_ : 0; }
  std::uint64_t number(std::size_t width);
  BytesView take(std::uint64_t count);
  void skip(std::uint64_t count) { take(count); }
  bool sign(std::string_view four) { return as_text(take(four.size())) == four; }
  std::string text();  // up to a zero, which is taken

 private:
  BytesView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

struct Datatype {
  int kind = 0;
  std::uint64_t size = 0;  // of one element
};
inline constexpr std::size_t kChecksum = 4;  // bytes
inline constexpr int kFixedText = 3;
inline constexpr int kVariable = 9;

struct Message {
  int type = 0;
  int flags = 0;
  BytesView data = {};
  std::uint64_t offset = 0;  // in the file
};

// What the messages of one object header say of a dataset.
struct Shape {
  std::string path = {};
  std::optional<Datatype> type = {};
  std::optional<std::uint64_t> elements = {};
  std::vector<int> filters = {};
  std::optional<Message> layout = {};
  std::size_t rank = 0;
};

struct Heap;

class Walk {
 public:
  explicit Walk(BytesView bytes) : bytes_(bytes) {}
  File run(std::uint64_t superblock);

 private:
  // hdf5.cc
  bool read_superblock(std::uint64_t superblock);
  void visit_object(std::uint64_t address, const std::string& path);
  bool collect_v1(std::uint64_t address, std::vector<Message>& out);
  bool collect_v2(std::uint64_t address, std::vector<Message>& out);
  void split(BytesView data, std::uint64_t offset, int flags, int version, std::vector<Message>& out);
  void read_message(const Message& message, Shape& shape);
  BytesView shared(const Message& message);
  Datatype read_datatype(BytesView data) const;
  void read_dataspace(BytesView data, Shape& shape) const;
  void read_attribute(BytesView data, const std::string& path);
  void read_values(BytesView data, const Datatype& type, std::uint64_t elements, Attribute& out);
  void read_filters(BytesView data, Shape& shape) const;
  void read_external_files(const Message& message, const std::string& path);
  BytesView global_object(std::uint64_t collection, std::uint64_t index);

  // hdf5_group.cc
  void read_symbol_table(BytesView data, const std::string& path);
  void read_symbols(std::uint64_t node, BytesView names, const std::string& path);
  BytesView local_heap(std::uint64_t address);
  void read_link(BytesView data, std::uint64_t offset, const std::string& path);
  void read_dense(BytesView data, const Message& message, const std::string& path);

  // hdf5_heap.cc
  Heap open_heap(std::uint64_t address);
  void read_free_space(std::uint64_t address);
  void read_indirect(const Fields& at, Heap& heap, std::uint64_t address, std::uint64_t rows);
  void add_blocks(Heap& heap, std::uint64_t root, std::uint64_t rows);
  BytesView heap_object(const Heap& heap, BytesView id);
  std::vector<BytesView> records(std::uint64_t tree);

  // hdf5_data.cc
  void read_layout(const Shape& shape);
  void read_contiguous(const Shape& shape, std::uint64_t address, std::uint64_t size);
  void read_chunked(Fields fields, int version, const Shape& shape);
  void read_chunk_tree(std::uint64_t root, std::size_t dimensions);
  void read_chunk_index(Fields fields, int version, const Shape& shape);
  void read_fixed_array(std::uint64_t address, std::uint64_t chunk_size);
  void add_chunk(std::uint64_t address, std::uint64_t size);
  void follow_variable(BytesView data, const Datatype& type);

  // Addresses count from the base address.
  Fields at(std::uint64_t address) const;
  bool defined(std::uint64_t address) const;
  // Keeps that the bytes belong to a structure; false when they are not all there or too much was claimed.
  bool own(std::uint64_t address, std::uint64_t length, std::string_view what);
  bool first_visit(std::uint64_t address) { return visited_.insert(address).second; }
  void note(std::uint64_t address, std::string what);
  std::uint64_t offset(Fields& fields) const { return fields.number(offset_bytes_); }
  std::uint64_t length(Fields& fields) const { return fields.number(length_bytes_); }

  struct Todo {
    std::uint64_t address = 0;
    std::string path = {};
  };

  BytesView bytes_;
  File out_;
  std::uint64_t base_ = 0;
  std::size_t offset_bytes_ = 8;
  std::size_t length_bytes_ = 8;
  std::uint64_t leaf_k_ = 4;
  std::uint64_t group_k_ = 16;
  std::uint64_t chunk_k_ = 32;
  std::uint64_t owned_ = 0;
  std::vector<Todo> todo_;
  std::set<std::uint64_t> visited_;
  std::map<std::uint64_t, std::map<std::uint64_t, BytesView>> collections_;
};

}  // namespace sallyport::formats::hdf5
