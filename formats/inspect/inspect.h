// What a file is made of, layer by layer, and what loading it would do: the one walk that every guard of
// model files shares.
//
// The file itself is the first layer; members of archives and what is compressed are layers of their own.
// Each layer is shown to every inspector (inspectors.def) that its bytes could be meant for, whatever the
// file is called, and what any of them sees is kept. An inspector accounts for the bytes of the structures it
// parsed; bytes that nobody accounts for are listed, and a file with such bytes is never said to be searched
// whole.
//
// An Observation says what is wrong and to which topic it belongs; the guard of that topic turns it into a
// finding. Nothing is executed, no file is opened, nothing recurses. Bounded by limits::kArchiveDepthMax,
// kInspectLayersMax, kUnpackedBytesMax and the limits of each parser; what a bound leaves out is in `unread`.
// For one thread at a time; separate inspections are independent.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/finding.h"
#include "core/guard.h"
#include "core/limits.h"
#include "core/result.h"
#include "formats/codec.h"
#include "formats/pickle_policy.h"

namespace sallyport::formats::inspect {

// What an observation is about; each topic has one guard.
enum class Topic : std::uint8_t {
  kCode,       // loading runs code, or may
  kGraph,      // a graph does more than arithmetic: custom domains, file operators, paths that climb out
  kOperator,   // packages for devices and scripts: custom operators, calls, data that nothing refers to
  kArchive,    // made to be unpacked without end
  kStructure,  // malformed where loaders trip, or read differently by different loaders
  kTemplate,   // prompts, chat templates and generation settings that do more than format
  kLogic,      // weights or graph logic of a known hidden family
  kIntake,     // code beside weights, remote code, a disguise
};
inline constexpr std::size_t kTopics = 8;

// What a child layer is to its parent.
enum class Role : std::uint8_t {
  kMember,  // it must account for its own bytes
  kTyped,   // a block of known type and size: only looked at for what hides in it
};

struct Layer {
  std::string path = {};     // "" for the file, "archive/data.pkl" in it, "a.zip > b.gz > ..." deeper
  std::string name = {};     // the last part: the file's or the member's own name; a hint, never trusted
  BytesView bytes = {};      // valid during the call
  std::uint64_t offset = 0;  // in the file, when the bytes lie in it as they are
  bool in_place = true;
  int depth = 0;
  Role role = Role::kMember;
};

struct Observation {
  Topic topic = Topic::kCode;
  std::string rule = {};  // "pickle-dangerous-call": stable, for policies and reports
  Severity severity = Severity::kHigh;
  Confidence confidence = Confidence::kHigh;
  std::uint64_t offset = 0;  // in the layer when an inspector says it; as for Place once it is kept
  std::uint64_t length = 0;
  std::string message = {};  // what loading would do: lower case, no full stop
  std::string remedy = {};
};

// Where in the file, or in which unpacked layer.
struct Place {
  std::string layer = {};
  bool in_place = true;  // the offset counts in the file; otherwise in the layer
};
struct Seen : Observation {
  Place place = {};
};
struct Unread {
  Place place = {};
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string what = {};
};

// A file that this one names: external tensor data, a code module. Whoever knows the folder resolves it.
struct Reference {
  Topic topic = Topic::kGraph;
  std::string path = {};  // as written; relative to the folder of the file
  std::string what = {};  // "external data of initializer 'w'"
  Place place = {};
  std::uint64_t offset = 0;
  // Where data of known type begins in the file that it names, up to bytes_min; nothing: that is not said.
  std::optional<std::uint64_t> data_begin = {};
  std::uint64_t bytes_min = 0;  // as many the file that it names must have
};
inline constexpr std::size_t kReferencesMax = 100'000;  // of one file: large models keep each tensor apart

struct Inspection {
  std::vector<std::string> formats = {};  // of the file itself, as its inspectors claimed it
  std::vector<Seen> seen = {};            // by topic and place; at most kInspectSeenMax
  std::vector<Unread> unread = {};        // what could not be followed, and why
  std::vector<Unread> unaccounted = {};   // stretches that no structure explains
  std::vector<Reference> references = {};
  std::uint64_t bytes_total = 0;  // of the file and of what was unpacked from it
  std::uint64_t bytes_unaccounted = 0;
  std::uint64_t layers = 0;

  bool complete() const { return unread.empty() && bytes_unaccounted == 0; }
  // The share of all bytes that belong to a parsed structure or a typed block: 1 when every one does.
  double coverage() const;
  std::string format() const;  // "pytorch-zip", "pickle+zip", "unknown"
};

struct Options {
  std::string name = {};  // of the file, as a hint
  int depth_max = limits::kArchiveDepthMax;
  std::uint64_t unpacked_bytes_max = limits::kUnpackedBytesMax;
  std::uint64_t layers_max = limits::kInspectLayersMax;
  // What pickles may do; nullptr: the built-in packs. It must outlive the inspection.
  const pickle::PolicyTable* packs = nullptr;
  // Sees each layer before the inspectors do.
  std::function<void(const Layer&)> on_layer = {};
};

// What an inspector sees and says of one layer.
class Probe {
 public:
  virtual ~Probe() = default;
  const Layer& layer() const { return layer_; }
  BytesView bytes() const { return layer_.bytes; }
  virtual const Options& options() const = 0;

  // The layer is a `name`. Two claims on one layer are an observation of their own: a file of two faces.
  virtual void claim(std::string_view name) = 0;
  // The bytes belong to a structure that was parsed, or to a block whose type and size are known.
  virtual void account(std::uint64_t offset, std::uint64_t length) = 0;
  virtual void observe(Observation observation) = 0;
  // Something that could matter and that nobody could follow.
  virtual void unread(std::uint64_t offset, std::uint64_t length, std::string what) = 0;
  virtual void refer(Reference reference) = 0;
  // Bytes of this layer as they are, or packed by `codec`; opened when their turn comes. They count as
  // accounted for in this layer, a packed stream as far as it goes. `size` is what the archive announces; a
  // member that unpacks to another is an observation.
  virtual void nest(std::string name, std::uint64_t offset, std::uint64_t length, Codec codec = Codec::kNone,
                    Role role = Role::kMember, std::optional<std::uint64_t> size = std::nullopt) = 0;
  // Bytes that the inspector decoded itself: a base64 text, a literal.
  virtual void nest(std::string name, Bytes bytes, Role role = Role::kMember) = 0;

 protected:
  explicit Probe(Layer layer) : layer_(std::move(layer)) {}

 private:
  Layer layer_;
};

enum class Rank : std::uint8_t {
  kFormat,    // has a magic number or a grammar of its own
  kFallback,  // text, images: runs where no format claimed the layer
};

// One format, one file, one line in inspectors.def.
struct Inspector {
  std::string_view id;
  Rank rank = Rank::kFormat;
  // Whether the bytes could be meant for this format's loaders: cheap, and never by the name alone where the
  // bytes can tell.
  bool (*plausible)(const Layer& layer) = nullptr;
  void (*inspect)(Probe& probe) = nullptr;
};
std::span<const Inspector* const> inspectors();

Inspection inspect(BytesView file, const Options& options);

// For guards: the observations of one topic as findings; and when there are none but part of the file could
// not be followed, an Error, because silence would then mean nothing.
Result<Examination> examine(const FileSubject& file, Topic topic);
Finding to_finding(const Seen& seen, const std::string& path);
std::string to_text(const Unread& unread);

}  // namespace sallyport::formats::inspect
