#include "formats/inspect/inspect.h"

#include <algorithm>
#include <bitset>
#include <tuple>

#include "core/limits/hidden.h"
#include "formats/inspect/hidden.h"
#include "formats/inspect/idioms.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

struct Stretch {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// What is remembered of a layer until the end, when all its children have been opened.
struct Record {
  Place place = {};
  std::uint64_t offset = 0;  // of the layer, for places in it
  std::uint64_t size = 0;
  Role role = Role::kMember;
  std::vector<std::string> claims = {};
  std::vector<Stretch> stretches = {};
};

// A layer that waits: bytes that `owner` keeps, or the file's own.
struct Task {
  Layer layer = {};
  std::shared_ptr<const Bytes> owner = {};
  Codec codec = Codec::kNone;
  std::optional<std::uint64_t> size = {};  // unpacked, as announced
  std::size_t parent = 0;                  // index of its record
  std::uint64_t parent_offset = 0;         // where it lies in the parent
};

// What nobody accounted for, in order; nothing in a block of known type.
std::vector<Stretch> gaps_of(const Record& record) {
  if (record.role == Role::kTyped) return {};
  std::vector<Stretch> stretches = record.stretches;
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
  stretches.push_back({record.size, record.size});
  std::vector<Stretch> gaps;
  std::uint64_t at = 0;
  for (const Stretch& stretch : stretches) {
    if (stretch.begin > at) gaps.push_back({at, stretch.begin});
    at = std::max(at, stretch.end);
  }
  return gaps;
}

class Walk;

class LayerProbe : public Probe {
 public:
  LayerProbe(Walk& walk, const Task& task, std::size_t record)
      : Probe(task.layer), walk_(walk), task_(task), record_(record) {}

  const Options& options() const override;
  void claim(std::string_view name) override;
  void account(std::uint64_t offset, std::uint64_t length) override;
  void observe(Observation observation) override;
  void unread(std::uint64_t offset, std::uint64_t length, std::string what) override;
  void refer(Reference reference) override;
  void nest(std::string name, std::uint64_t offset, std::uint64_t length, Codec codec, Role role,
            std::optional<std::uint64_t> size) override;
  void nest(std::string name, Bytes bytes, Role role) override;

 private:
  Task child(std::string name) const;

  Walk& walk_;
  const Task& task_;
  std::size_t record_;
};

class Walk {
 public:
  explicit Walk(const Options& options) : options_(options) {}
  Inspection run(BytesView file);

 private:
  friend class LayerProbe;
  void visit(Task& task);
  bool unpack(Task& task);
  std::uint64_t room() const { return unpacked_max_ - unpacked_; }
  void observe_in_parent(const Task& task, Topic topic, std::string rule, std::string message);
  void observe_bomb(const Task& task, std::uint64_t made);
  bool too_many(const Task& task);
  void show(Probe& probe, std::size_t record, Rank rank);
  void two_faces(Probe& probe, std::size_t record);
  void note_unread(std::size_t record, std::uint64_t offset, std::uint64_t length, std::string what);
  void account(std::size_t record, std::uint64_t offset, std::uint64_t length);
  void finish(const Record& record);

  const Options& options_;
  Inspection out_;
  std::vector<Record> records_;
  std::vector<Task> tasks_;
  std::uint64_t unpacked_ = 0;
  std::uint64_t unpacked_max_ = 0;  // shrinks once a bomb was met
  std::size_t hidden_tries_ = limits::kHiddenTriesMax;
};

const Options& LayerProbe::options() const { return walk_.options_; }

void LayerProbe::claim(std::string_view name) {
  std::vector<std::string>& claims = walk_.records_[record_].claims;
  if (std::find(claims.begin(), claims.end(), name) == claims.end()) claims.emplace_back(name);
}

void LayerProbe::account(std::uint64_t offset, std::uint64_t length) {
  walk_.account(record_, offset, length);
}

void LayerProbe::observe(Observation observation) {
  if (walk_.out_.seen.size() >= limits::kInspectSeenMax) return;
  const Record& record = walk_.records_[record_];
  Seen seen;
  static_cast<Observation&>(seen) = std::move(observation);
  // What a hostile structure points at may lie anywhere; what is said of it lies in the layer.
  seen.offset = std::min<std::uint64_t>(seen.offset, record.size);
  seen.length = std::min<std::uint64_t>(seen.length, record.size - seen.offset);
  seen.place = record.place;
  seen.offset += record.offset;
  walk_.out_.seen.push_back(std::move(seen));
}

void LayerProbe::unread(std::uint64_t offset, std::uint64_t length, std::string what) {
  walk_.note_unread(record_, offset, length, std::move(what));
}

void LayerProbe::refer(Reference reference) {
  if (walk_.out_.references.size() >= kReferencesMax) {
    unread(reference.offset, 0, "refers to more files than are followed");
    return;
  }
  reference.place = walk_.records_[record_].place;
  reference.offset += walk_.records_[record_].offset;
  walk_.out_.references.push_back(std::move(reference));
}

Task LayerProbe::child(std::string name) const {
  Task out;
  out.layer.name = printable(name, limits::kPathBytesMax);
  out.layer.path = layer().path.empty() ? out.layer.name : layer().path + " > " + out.layer.name;
  out.layer.depth = layer().depth + 1;
  out.parent = record_;
  return out;
}

void LayerProbe::nest(std::string name, std::uint64_t offset, std::uint64_t length, Codec codec, Role role,
                      std::optional<std::uint64_t> size) {
  const std::uint64_t end = bytes().size();
  if (offset > end) return;
  length = std::min(length, end - offset);
  Task task = child(std::move(name));
  task.layer.bytes = bytes().subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  task.layer.offset = layer().offset + offset;
  task.layer.in_place = layer().in_place;
  task.owner = task_.owner;
  task.codec = codec;
  task.size = size;
  task.layer.role = role;
  task.parent_offset = offset;
  if (codec == Codec::kNone) account(offset, length);
  walk_.tasks_.push_back(std::move(task));
}

void LayerProbe::nest(std::string name, Bytes bytes, Role role) {
  Task task = child(std::move(name));
  if (bytes.size() > walk_.room()) {
    unread(0, 0, task.layer.name + " is larger than what is unpacked of one file");
    return;
  }
  walk_.unpacked_ += bytes.size();
  walk_.out_.bytes_total += bytes.size();
  task.owner = std::make_shared<const Bytes>(std::move(bytes));
  task.layer.bytes = *task.owner;
  task.layer.in_place = false;
  task.layer.role = role;
  walk_.tasks_.push_back(std::move(task));
}

void Walk::note_unread(std::size_t record, std::uint64_t offset, std::uint64_t length, std::string what) {
  if (out_.unread.size() >= limits::kInspectSeenMax) return;
  const Record& r = records_[record];
  offset = std::min<std::uint64_t>(offset, r.size);
  length = std::min<std::uint64_t>(length, r.size - offset);
  out_.unread.push_back(
      {.place = r.place, .offset = r.offset + offset, .length = length, .what = std::move(what)});
}

void Walk::account(std::size_t record, std::uint64_t offset, std::uint64_t length) {
  Record& r = records_[record];
  if (length == 0 || offset >= r.size) return;
  const std::uint64_t end = length > r.size - offset ? r.size : offset + length;
  // Structures are mostly accounted for one behind the other.
  if (!r.stretches.empty() && r.stretches.back().end == offset) {
    r.stretches.back().end = end;
  } else {
    r.stretches.push_back({offset, end});
  }
}

void Walk::observe_in_parent(const Task& task, Topic topic, std::string rule, std::string message) {
  LayerProbe(*this, task, task.parent)
      .observe({.topic = topic,
                .rule = std::move(rule),
                .offset = task.parent_offset,
                .length = task.layer.bytes.size(),
                .message = printable(task.layer.name, limits::kPathBytesMax) + " " + std::move(message),
                .remedy = "do not unpack it; ask its publisher for the model itself"});
}

// Whoever packed one bomb may have packed more: a little is still unpacked, for the report.
void Walk::observe_bomb(const Task& task, std::uint64_t made) {
  observe_in_parent(task, Topic::kArchive, "archive-expands-too-far",
                    "unpacks from " + std::to_string(task.layer.bytes.size()) + " bytes to " +
                        std::to_string(made) + " and more");
  unpacked_max_ = std::min<std::uint64_t>(unpacked_max_, unpacked_ + limits::kAfterBombBytesMax);
}

// Replaces the task's bytes by what they unpack to; false when that is nothing.
bool Walk::unpack(Task& task) {
  const std::uint64_t packed = task.layer.bytes.size();
  const std::string name = task.layer.name + ": ";
  if (room() == 0) {
    account(task.parent, task.parent_offset, packed);
    note_unread(task.parent, task.parent_offset, packed, name + "what is unpacked of one file is used up");
    return false;
  }
  const auto bytes_max = static_cast<std::size_t>(room());
  Inflated unpacked = formats::unpack(task.codec, task.layer.bytes, bytes_max, task.size);
  unpacked_ += unpacked.bytes.size();
  out_.bytes_total += unpacked.bytes.size();
  account(task.parent, task.parent_offset, unpacked.error ? packed : unpacked.consumed);
  if (unpacked.over_budget) {
    observe_bomb(task, unpacked.bytes.size());
    note_unread(task.parent, task.parent_offset, packed, name + "unpacks to more than the limit");
  } else if (unpacked.error) {
    note_unread(task.parent, task.parent_offset, packed, name + unpacked.error->message);
  } else if (task.size && *task.size != unpacked.bytes.size()) {
    observe_in_parent(task, Topic::kStructure, "archive-size-lies",
                      "unpacks to " + std::to_string(unpacked.bytes.size()) + " bytes, announced are " +
                          std::to_string(*task.size));
  }
  if (unpacked.bytes.empty()) return false;
  task.owner = std::make_shared<const Bytes>(std::move(unpacked.bytes));
  task.layer.bytes = *task.owner;
  task.layer.offset = 0;
  task.layer.in_place = false;
  task.codec = Codec::kNone;
  return true;
}

void Walk::show(Probe& probe, std::size_t record, Rank rank) {
  for (const Inspector* inspector : inspectors()) {
    if (inspector->rank != rank || !inspector->plausible(probe.layer())) continue;
    if (rank == Rank::kFallback && !records_[record].claims.empty()) return;
    inspector->inspect(probe);
  }
}

// A file that is one thing to one loader and another to the next was made to be.
void Walk::two_faces(Probe& probe, std::size_t record) {
  const std::vector<std::string>& claims = records_[record].claims;
  if (claims.size() < 2) return;
  std::string names;
  for (const std::string& claim : claims) names += (names.empty() ? "" : " and ") + claim;
  probe.observe({.topic = Topic::kStructure,
                 .rule = "two-formats",
                 .severity = Severity::kHigh,
                 .confidence = Confidence::kMedium,
                 .length = probe.bytes().size(),
                 .message = "the same bytes are " + names + ", depending on who loads them",
                 .remedy = "ask the publisher for a file of one format"});
}

// Whether the task is beyond the bounds of what is opened.
bool Walk::too_many(const Task& task) {
  const bool deep = task.layer.depth > options_.depth_max;
  if (!deep && out_.layers < options_.layers_max) return false;
  const std::string what = deep ? "nests more than " + std::to_string(options_.depth_max) + " deep"
                                : "is one of more than " + std::to_string(options_.layers_max) + " layers";
  if (out_.unread.size() < limits::kInspectSeenMax) {
    observe_in_parent(task, Topic::kArchive, deep ? "archive-nests-too-deep" : "archive-too-many-members",
                      what);
  }
  note_unread(task.parent, task.parent_offset, task.layer.bytes.size(), task.layer.name + " " + what);
  return true;
}

void Walk::visit(Task& task) {
  if (too_many(task)) return;
  if (task.codec != Codec::kNone && !unpack(task)) return;
  ++out_.layers;
  const std::size_t record = records_.size();
  records_.push_back({.place = {.layer = task.layer.path, .in_place = task.layer.in_place},
                      .offset = task.layer.in_place ? task.layer.offset : 0,
                      .size = task.layer.bytes.size(),
                      .role = task.layer.role});
  LayerProbe probe(*this, task, record);
  if (options_.on_layer) options_.on_layer(probe.layer());
  const std::size_t first_child = tasks_.size();
  show(probe, record, Rank::kFormat);
  two_faces(probe, record);
  const bool unclaimed = records_[record].claims.empty();
  if (unclaimed && task.layer.role == Role::kMember) show(probe, record, Rank::kFallback);
  std::bitset<kIdioms> said;
  const bool native = is_native_code(task.layer.bytes);  // which says so, and names what it likes
  for (const Stretch& gap : gaps_of(records_[record])) {
    look_for_pickles(probe, gap.begin, gap.end, hidden_tries_);
    if (!native) look_for_idioms(probe, gap.begin, gap.end, said);
  }
  // Children come off the end of the stack: first things first.
  std::reverse(tasks_.begin() + static_cast<std::ptrdiff_t>(first_child), tasks_.end());
}

// Lists what nobody accounted for in a layer.
void Walk::finish(const Record& record) {
  for (const Stretch& gap : gaps_of(record)) {
    const std::uint64_t length = gap.end - gap.begin;
    out_.bytes_unaccounted += length;
    if (out_.unaccounted.size() >= limits::kInspectSeenMax) continue;
    out_.unaccounted.push_back({.place = record.place,
                                .offset = record.offset + gap.begin,
                                .length = length,
                                .what = "belong to no structure that was parsed"});
  }
}

Inspection Walk::run(BytesView file) {
  out_.bytes_total = file.size();
  unpacked_max_ = std::min<std::uint64_t>(
      options_.unpacked_bytes_max,
      std::max<std::uint64_t>(limits::kExpansionFree, file.size() * limits::kExpansionRatioMax));
  Task whole;
  whole.layer.bytes = file;
  whole.layer.name = options_.name;
  tasks_.push_back(std::move(whole));
  while (!tasks_.empty()) {
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    visit(task);
  }
  for (const Record& record : records_) finish(record);
  if (!records_.empty()) out_.formats = records_.front().claims;
  std::stable_sort(out_.seen.begin(), out_.seen.end(), [](const Seen& a, const Seen& b) {
    return std::tie(a.topic, a.place.layer, a.offset) < std::tie(b.topic, b.place.layer, b.offset);
  });
  return std::move(out_);
}

}  // namespace

#define INSPECTOR(id) extern const Inspector id##_inspector;
#include "formats/inspect/inspectors.def"
#undef INSPECTOR

std::span<const Inspector* const> inspectors() {
  static constexpr const Inspector* kInspectors[] = {
#define INSPECTOR(id) &id##_inspector,
#include "formats/inspect/inspectors.def"
#undef INSPECTOR
  };
  return kInspectors;
}

double Inspection::coverage() const {
  if (bytes_total == 0) return 1;
  const std::uint64_t missing = std::min(bytes_unaccounted, bytes_total);
  return static_cast<double>(bytes_total - missing) / static_cast<double>(bytes_total);
}

std::string Inspection::format() const {
  std::string out;
  for (const std::string& name : formats) out += (out.empty() ? "" : "+") + name;
  return out.empty() ? "unknown" : out;
}

Inspection inspect(BytesView file, const Options& options) { return Walk(options).run(file); }

}  // namespace sallyport::formats::inspect
