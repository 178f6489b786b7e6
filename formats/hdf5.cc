#include "formats/hdf5.h"

#include <algorithm>

#include "core/limits.h"
#include "formats/hdf5_walk.h"

namespace sallyport::formats::hdf5 {
namespace {

constexpr std::string_view kSignature = "\x89HDF\r\n\x1A\n";
constexpr std::uint64_t kLastAddress = UINT64_MAX;

// Message types (IV.A.2).
constexpr int kDataspace = 0x01, kLinkInfo = 0x02, kType = 0x03, kLink = 0x06, kExternalFiles = 0x07;
constexpr int kLayout = 0x08, kFilters = 0x0B, kAttribute = 0x0C, kContinuation = 0x10;
constexpr int kSymbolTable = 0x11, kAttributeInfo = 0x15, kLastKnown = 0x18;
constexpr int kFlagShared = 2;

std::uint64_t padded(std::uint64_t size) { return (size + 7) / 8 * 8; }

}  // namespace

Fields::Fields(BytesView bytes, std::uint64_t at) : bytes_(bytes), ok_(at <= bytes.size()) {
  if (ok_) at_ = static_cast<std::size_t>(at);
}

BytesView Fields::take(std::uint64_t count) {
  if (!ok_ || count > bytes_.size() - at_) {
    ok_ = false;
    return {};
  }
  const BytesView out = bytes_.subspan(at_, static_cast<std::size_t>(count));
  at_ += out.size();
  return out;
}

std::uint64_t Fields::number(std::size_t width) {
  std::uint64_t out = 0;
  const BytesView bytes = take(width);
  for (std::size_t i = std::min<std::size_t>(bytes.size(), 8); i-- > 0;) out = out << 8 | bytes[i];
  return out;
}

std::string Fields::text() {
  const std::string_view rest = ok_ ? as_text(bytes_.subspan(at_)) : "";
  const std::size_t end = rest.find('\0');
  if (end == rest.npos) {
    ok_ = false;
    return {};
  }
  at_ += end + 1;
  return std::string(rest.substr(0, end));
}

std::optional<std::uint64_t> find_superblock(BytesView bytes) {
  for (std::uint64_t at = 0; at < bytes.size(); at = at == 0 ? 512 : at * 2) {
    if (as_text(bytes.subspan(static_cast<std::size_t>(at))).starts_with(kSignature)) return at;
  }
  return std::nullopt;
}

File read(BytesView bytes, std::uint64_t superblock) { return Walk(bytes).run(superblock); }

Fields Walk::at(std::uint64_t address) const {
  return Fields(bytes_, address > kLastAddress - base_ ? kLastAddress : base_ + address);
}

bool Walk::defined(std::uint64_t address) const {
  return address != kLastAddress >> (64 - 8 * offset_bytes_);
}

void Walk::note(std::uint64_t address, std::string what) {
  if (out_.unread.size() < limits::kInspectSeenMax) {
    out_.unread.push_back({.offset = base_ + address, .what = std::move(what)});
  }
}

bool Walk::own(std::uint64_t address, std::uint64_t length, std::string_view what) {
  const std::uint64_t size = bytes_.size() - base_;
  const std::string name = "hdf5: " + std::string(what);
  if (address > size || length > size - address) {
    note(std::min(address, size), name + " past end at byte " + std::to_string(address));
    return false;
  }
  if (length > limits::kHdf5CoverMax * bytes_.size() - owned_) {
    note(address, name + ": structures cover the file more than " + std::to_string(limits::kHdf5CoverMax) +
                      " times");
    return false;
  }
  owned_ += length;
  out_.structures.push_back({.offset = base_ + address, .length = length});
  return true;
}

File Walk::run(std::uint64_t superblock) {
  if (read_superblock(superblock)) {
    while (!todo_.empty()) {
      const Todo next = std::move(todo_.back());
      todo_.pop_back();
      if (defined(next.address) && first_visit(next.address)) visit_object(next.address, next.path);
    }
  }
  return std::move(out_);
}

bool Walk::read_superblock(std::uint64_t superblock) {
  Fields fields(bytes_, superblock + kSignature.size());
  const std::uint64_t version = fields.number(1);
  if (version < 2) fields.skip(4);
  offset_bytes_ = fields.number(1);
  length_bytes_ = fields.number(1);
  const auto is_width = [](std::size_t width) { return width == 2 || width == 4 || width == 8; };
  out_.base = superblock;
  base_ = superblock;
  if (!fields.ok() || version > 3 || !is_width(offset_bytes_) || !is_width(length_bytes_)) {
    note(0, "hdf5: superblock of an unknown kind");
    return false;
  }
  fields.skip(1);
  std::uint64_t extension = kLastAddress >> (64 - 8 * offset_bytes_);
  std::uint64_t base = 0, end = 0, root = 0, size = 0;
  if (version < 2) {
    leaf_k_ = fields.number(2);
    group_k_ = fields.number(2);
    fields.skip(4);
    if (version == 1) {
      chunk_k_ = fields.number(2);
      fields.skip(2);
    }
    base = offset(fields);
    fields.skip(offset_bytes_);  // free space, never written
    end = offset(fields);
    fields.skip(2 * offset_bytes_);  // driver information, offset of the root's name
    root = offset(fields);
    fields.skip(24);
    size = (version == 0 ? 48 : 52) + 6 * offset_bytes_;
  } else {
    base = offset(fields);
    extension = offset(fields);
    end = offset(fields);
    root = offset(fields);
    fields.skip(4);
    size = 16 + 4 * offset_bytes_;
  }
  if (!fields.ok() || base > bytes_.size()) {
    note(0, "hdf5: superblock past end");
    return false;
  }
  // The library moves the base to where it found the superblock.
  const std::uint64_t bytes = end < base ? 0 : end - base;
  out_.end = base_ + std::min<std::uint64_t>(bytes, bytes_.size() - base_);
  if (bytes > bytes_.size() - base_) note(0, "hdf5: the file is shorter than its superblock says");
  if (!own(0, size, "superblock")) return false;
  todo_.push_back({.address = root, .path = "/"});
  if (defined(extension)) todo_.push_back({.address = extension, .path = "superblock extension"});
  return true;
}

void Walk::visit_object(std::uint64_t address, const std::string& path) {
  std::vector<Message> messages;
  Fields first = at(address);
  const bool is_v2 = first.sign("OHDR");
  if (!(is_v2 ? collect_v2(address, messages) : collect_v1(address, messages))) {
    note(address, "hdf5: no object header of " + shown(path) + " at byte " + std::to_string(address));
    return;
  }
  Shape shape{.path = path};
  for (const Message& message : messages) read_message(message, shape);
  if (shape.layout) read_layout(shape);
}

// Cuts messages out of a block of an object header.
void Walk::split(BytesView data, std::uint64_t start, int flags, int version, std::vector<Message>& out) {
  Fields fields(data);
  const std::size_t prefix = version == 1 ? 8 : (flags & 4) != 0 ? 6 : 4;
  while (fields.left() >= prefix) {
    Message message;
    message.type = static_cast<int>(fields.number(version == 1 ? 2 : 1));
    const std::uint64_t size = fields.number(2);
    message.flags = static_cast<int>(fields.number(1));
    fields.skip(version == 1 ? 3 : prefix - 4);
    message.offset = start + data.size() - fields.left();
    message.data = fields.take(size);
    if (!fields.ok()) {
      note(start - base_, "hdf5: header message past end at byte " + std::to_string(message.offset));
      return;
    }
    out.push_back(message);
  }
}

bool Walk::collect_v1(std::uint64_t address, std::vector<Message>& out) {
  Fields fields = at(address);
  if (fields.number(1) != 1) return false;
  fields.skip(7);
  const std::uint64_t size = fields.number(4);
  fields.skip(4);
  const BytesView first = fields.take(size);
  if (!fields.ok() || !own(address, 16 + size, "object header")) return false;
  split(first, base_ + address + 16, 0, 1, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].type != kContinuation) continue;
    Fields next(out[i].data);
    const std::uint64_t block = offset(next);
    const std::uint64_t bytes = length(next);
    if (!next.ok() || !first_visit(block) || !own(block, bytes, "continuation")) continue;
    split(at(block).take(bytes), base_ + block, 0, 1, out);
  }
  return true;
}

bool Walk::collect_v2(std::uint64_t address, std::vector<Message>& out) {
  Fields fields = at(address);
  fields.skip(4);
  const std::uint64_t version = fields.number(1);
  const int flags = static_cast<int>(fields.number(1));
  const std::uint64_t prefix = 6U + ((flags & 32) != 0 ? 16 : 0) + ((flags & 16) != 0 ? 4 : 0);
  fields.skip(prefix - 6);
  const std::uint64_t width = 1U << (flags & 3);
  const std::uint64_t size = fields.number(width);
  const BytesView first = fields.take(size);
  fields.skip(4);
  if (!fields.ok() || version != 2) return false;
  if (!own(address, prefix + width + size + 4, "object header")) return false;
  split(first, base_ + address + prefix + width, flags, 2, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].type != kContinuation) continue;
    Fields next(out[i].data);
    const std::uint64_t block = offset(next);
    const std::uint64_t bytes = length(next);
    if (!next.ok() || !first_visit(block)) continue;
    if (bytes < 8 || !at(block).sign("OCHK")) {
      note(block, "hdf5: no continuation block at byte " + std::to_string(block));
    } else if (own(block, bytes, "continuation")) {
      const BytesView body = at(block).take(bytes).subspan(4, static_cast<std::size_t>(bytes) - 8);
      split(body, base_ + block + 4, flags, 2, out);
    }
  }
  return true;
}

void Walk::read_message(const Message& message, Shape& shape) {
  switch (message.type) {
    case kDataspace:
      return read_dataspace(shared(message), shape);
    case kType:
      shape.type = read_datatype(shared(message));
      return;
    case kLinkInfo:
    case kAttributeInfo:
      return read_dense(message.data, message, shape.path);
    case kLink:
      return read_link(message.data, message.offset, shape.path);
    case kExternalFiles:
      return read_external_files(message, shape.path);
    case kLayout:
      shape.layout = message;
      return;
    case kFilters:
      return read_filters(shared(message), shape);
    case kAttribute:
      return read_attribute(shared(message), shape.path);
    case kSymbolTable:
      return read_symbol_table(message.data, shape.path);
    default:
      // The others hold times, comments, counts and defaults, and point nowhere; 0x0F and 0x17 are of the
      // superblock's extension and point to shared messages and free space.
      if (message.type == 0x0F || message.type > kLastKnown) {
        note(message.offset - base_, "hdf5: header message " + std::to_string(message.type) + " is not read");
      }
  }
}

// A message may stand for one in another object's header.
BytesView Walk::shared(const Message& message) {
  if ((message.flags & kFlagShared) == 0) return message.data;
  Fields fields(message.data);
  const std::uint64_t version = fields.number(1);
  const std::uint64_t kind = fields.number(1);
  if (version == 1) fields.skip(6);
  const std::uint64_t address = offset(fields);
  if (!fields.ok() || (version == 3 && kind == 1)) {
    note(message.offset - base_, "hdf5: a message in the heap of shared ones is not read");
    return {};
  }
  std::vector<Message> messages;
  if (!(at(address).sign("OHDR") ? collect_v2(address, messages) : collect_v1(address, messages))) return {};
  todo_.push_back({.address = address, .path = "named datatype"});
  const auto same = [&](const Message& m) { return m.type == message.type && (m.flags & kFlagShared) == 0; };
  const auto found = std::find_if(messages.begin(), messages.end(), same);
  return found == messages.end() ? BytesView{} : found->data;
}

Datatype Walk::read_datatype(BytesView data) const {
  Fields fields(data);
  const int kind = static_cast<int>(fields.number(1) & 0x0F);
  fields.skip(3);
  const std::uint64_t size = fields.number(4);
  return fields.ok() ? Datatype{.kind = kind, .size = size} : Datatype{.kind = -1};
}

void Walk::read_dataspace(BytesView data, Shape& shape) const {
  Fields fields(data);
  const std::uint64_t version = fields.number(1);
  shape.rank = static_cast<std::size_t>(fields.number(1));
  fields.skip(1);
  const bool is_null = version == 2 && fields.number(1) == 2;
  if (version == 1) fields.skip(5);
  std::uint64_t elements = is_null ? 0 : 1;
  for (std::size_t i = 0; i < shape.rank; ++i) {
    if (__builtin_mul_overflow(elements, length(fields), &elements)) return;
  }
  if (fields.ok()) shape.elements = elements;
}

void Walk::read_filters(BytesView data, Shape& shape) const {
  Fields fields(data);
  const std::uint64_t version = fields.number(1);
  const std::uint64_t count = fields.number(1);
  if (version == 1) fields.skip(6);
  for (std::uint64_t i = 0; i < count && fields.ok(); ++i) {
    const int id = static_cast<int>(fields.number(2));
    const std::uint64_t name = version == 1 || id >= 256 ? fields.number(2) : 0;
    fields.skip(2);
    const std::uint64_t values = fields.number(2);
    fields.skip((version == 1 ? padded(name) : name) + 4 * (version == 1 ? (values + 1) / 2 * 2 : values));
    if (fields.ok()) shape.filters.push_back(id);
  }
}

void Walk::read_attribute(BytesView data, const std::string& path) {
  Fields fields(data);
  const std::uint64_t version = fields.number(1);
  const int flags = static_cast<int>(fields.number(1));
  std::uint64_t name_size = fields.number(2);
  std::uint64_t type_size = fields.number(2);
  std::uint64_t space_size = fields.number(2);
  if (version == 3) fields.skip(1);
  if (version == 1) {
    name_size = padded(name_size);
    type_size = padded(type_size);
    space_size = padded(space_size);
  }
  Attribute out{.object = path};
  const std::string_view name = as_text(fields.take(name_size));
  out.name = std::string(name.substr(0, name.find('\0')));
  Message type{.flags = version > 1 && (flags & 1) != 0 ? kFlagShared : 0, .data = fields.take(type_size)};
  Message space{.flags = version > 1 && (flags & 2) != 0 ? kFlagShared : 0, .data = fields.take(space_size)};
  type.type = kType;
  space.type = kDataspace;
  type.offset = space.offset = base_;
  if (!fields.ok() || version < 1 || version > 3) {
    note(0, "hdf5: an attribute of " + shown(path) + " is malformed");
    return;
  }
  Shape shape;
  read_dataspace(shared(space), shape);
  read_values(fields.take(fields.left()), read_datatype(shared(type)), shape.elements.value_or(0), out);
  out_.attributes.push_back(std::move(out));
}

void Walk::read_values(BytesView data, const Datatype& type, std::uint64_t elements, Attribute& out) {
  if (type.kind < 0 || type.size == 0 || elements > data.size() / type.size) {
    if (elements != 0) note(0, "hdf5: the values of attribute " + shown(out.name) + " are past its end");
    return;
  }
  out.is_text = type.kind == kFixedText || type.kind == kVariable;
  if (!out.is_text) {
    out.values.emplace_back(as_text(data.first(static_cast<std::size_t>(elements * type.size))));
    return;
  }
  Fields fields(data);
  for (std::uint64_t i = 0; i < elements; ++i) {
    Fields element(fields.take(type.size));
    if (type.kind == kFixedText) {
      const std::string_view text = as_text(element.take(type.size));
      out.values.emplace_back(text.substr(0, text.find_last_not_of('\0') + 1));
      continue;
    }
    const std::uint64_t count = element.number(4);
    const std::uint64_t collection = offset(element);
    const std::uint64_t index = element.number(4);
    out.values.emplace_back(count == 0 ? "" : as_text(global_object(collection, index)));
  }
}

void Walk::read_external_files(const Message& message, const std::string& path) {
  Fields fields(message.data);
  fields.skip(6);
  const std::uint64_t used = fields.number(2);
  const BytesView names = local_heap(offset(fields));
  for (std::uint64_t i = 0; i < used && fields.ok(); ++i) {
    Fields name(names, length(fields));
    length(fields);
    length(fields);
    out_.externals.push_back(
        {.kind = Outside::kStorage, .object = path, .file = name.text(), .offset = message.offset});
  }
}

BytesView Walk::global_object(std::uint64_t address, std::uint64_t index) {
  const auto [collection, fresh] = collections_.try_emplace(address);
  auto& objects = collection->second;
  if (fresh) {
    Fields fields = at(address);
    const bool signed_ = fields.sign("GCOL");
    fields.skip(4);
    const std::uint64_t size = length(fields);
    if (!signed_ || !fields.ok() || size < 8 + length_bytes_ || !own(address, size, "global heap")) {
      note(address, "hdf5: no global heap collection at byte " + std::to_string(address));
      return {};
    }
    Fields body(at(address).take(size), 8 + length_bytes_);
    while (body.left() >= 8 + length_bytes_) {
      const std::uint64_t number = body.number(2);
      body.skip(6);
      const std::uint64_t bytes = length(body);
      if (number == 0) break;
      objects[number] = body.take(bytes);
      body.skip(std::min<std::uint64_t>(padded(bytes) - bytes, body.left()));
    }
  }
  const auto found = objects.find(index);
  if (found == objects.end()) {
    note(address, "hdf5: no object " + std::to_string(index) + " in the global heap at byte " +
                      std::to_string(address));
  }
  return found == objects.end() ? BytesView{} : found->second;
}

}  // namespace sallyport::formats::hdf5
