#include "formats/layers.h"

#include <algorithm>
#include <array>
#include <memory>

#include "core/limits.h"
#include "formats/inflate.h"
#include "formats/tar.h"
#include "formats/utf8.h"
#include "formats/zip.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kNotesMax = 100;

// A layer that waits: a view of bytes that `owner` keeps, or of the file's own.
struct Task {
  std::string path;
  BytesView bytes;
  std::shared_ptr<const Bytes> owner;
  std::uint64_t offset = 0;
  bool in_place = true;
  int depth = 0;
  bool deflated = false;
};

struct Recognised {
  std::string_view magic;
  std::string_view name;
};
constexpr std::array<Recognised, 6> kUnread{{
    {"BZh", "bzip2"},
    {std::string_view("\xFD"
                      "7zXZ\0",
                      6),
     "xz"},
    {"\x28\xB5\x2F\xFD", "zstd"},
    {"\x04\x22\x4D\x18", "lz4"},
    {"7z\xBC\xAF\x27\x1C", "7z"},
    {"Rar!\x1A\x07", "rar"},
}};

class Peeler {
 public:
  explicit Peeler(const std::function<void(const Layer&)>& visit) : visit_(visit) {}

  Peeled run(BytesView file) {
    tasks_.push_back({.path = {}, .bytes = file, .owner = nullptr});
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.back());
      tasks_.pop_back();
      if (task.deflated && !unpack(task, Wrapper::kNone)) continue;
      visit_({.path = task.path,
              .bytes = task.bytes,
              .offset = task.offset,
              .in_place = task.in_place,
              .depth = task.depth});
      const std::size_t first_child = tasks_.size();
      open(task);
      // Children come off the end of the stack: first things first.
      std::reverse(tasks_.begin() + static_cast<std::ptrdiff_t>(first_child), tasks_.end());
    }
    return std::move(out_);
  }

 private:
  void open(const Task& task) {
    const bool is_zip = zip::is_zip(task.bytes);
    const bool is_tar = tar::is_tar(task.bytes);
    const bool packed = is_gzip(task.bytes) || is_zlib(task.bytes);
    if ((is_zip || is_tar || packed) && task.depth == limits::kArchiveDepthMax) {
      unread(task, "nested more than " + std::to_string(limits::kArchiveDepthMax) + " deep");
      return;
    }
    if (is_zip) open_zip(task);
    if (is_tar) open_tar(task);
    if (packed) open_packed(task);
    for (const Recognised& format : kUnread) {
      if (as_text(task.bytes).starts_with(format.magic)) {
        unread(task, std::string(format.name) + " compression is not opened");
      }
    }
  }

  Task child(const Task& parent, const std::string& name, BytesView bytes, std::uint64_t offset) const {
    return {.path = parent.path.empty() ? name : parent.path + " > " + name,
            .bytes = bytes,
            .owner = parent.owner,
            .offset = parent.offset + offset,
            .in_place = parent.in_place,
            .depth = parent.depth + 1};
  }

  void open_zip(const Task& task) {
    const Result<zip::Archive> archive = zip::parse(task.bytes);
    if (!archive) {
      // Some file has the letters of an end record in its last bytes; only a real archive can exceed a limit.
      if (archive.error().kind == ErrorKind::kLimit) unread(task, archive.error().message);
      return;
    }
    for (const zip::Disagreement& d : archive->disagreements) {
      if (out_.disagreements.size() < kNotesMax)
        out_.disagreements.push_back({task.path, task.offset + d.offset, d.what});
    }
    for (const zip::Member& member : archive->members) {
      Task next = child(task, printable(member.name, 200), member.data, member.data_offset);
      next.deflated = member.method == zip::kDeflated;
      if (member.overlaps) {
        unread(next, "overlaps another member");
      } else if (member.method != zip::kStored && member.method != zip::kDeflated) {
        unread(next, "zip method " + std::to_string(member.method) + " is not opened");
      } else if (!member.data.empty()) {
        tasks_.push_back(std::move(next));
      }
    }
  }

  void open_tar(const Task& task) {
    const tar::Archive archive = tar::parse(task.bytes);
    for (const tar::Member& member : archive.members) {
      if (member.data.empty()) continue;
      tasks_.push_back(child(task, printable(member.name, 200), member.data, member.offset));
    }
    if (archive.error) unread(task, archive.error->message);
  }

  void open_packed(const Task& task) {
    const bool gzip = is_gzip(task.bytes);
    Task next = child(task, gzip ? "gzip" : "zlib", task.bytes, 0);
    // Two bytes of anything may look like zlib's header: only what inflates is a layer, and only gzip's is
    // missed.
    if (unpack(next, gzip ? Wrapper::kGzip : Wrapper::kZlib)) tasks_.push_back(std::move(next));
  }

  // Replaces the task's bytes by what they inflate to; false when that is nothing.
  bool unpack(Task& task, Wrapper wrapper) {
    const std::size_t room = limits::kInflatedBytesMax - inflated_;
    Inflated inflated = inflate(task.bytes, wrapper, room);
    inflated_ += inflated.bytes.size();
    const bool certain = wrapper != Wrapper::kZlib || inflated.bytes.size() > task.bytes.size();
    if (inflated.error && (certain || inflated.over_budget)) unread(task, inflated.error->message);
    if (inflated.bytes.empty()) return false;
    task.owner = std::make_shared<const Bytes>(std::move(inflated.bytes));
    task.bytes = *task.owner;
    task.offset = 0;
    task.in_place = false;
    task.deflated = false;
    return true;
  }

  void unread(const Task& task, std::string what) {
    if (out_.unread.size() < kNotesMax) out_.unread.push_back({task.path, task.offset, std::move(what)});
  }

  const std::function<void(const Layer&)>& visit_;
  std::vector<Task> tasks_;
  std::size_t inflated_ = 0;
  Peeled out_;
};

}  // namespace

Peeled peel(BytesView file, const std::function<void(const Layer&)>& visit) {
  return Peeler(visit).run(file);
}

}  // namespace sallyport::formats
