// A guard: a pure check of one subject for one or more threats.
//
// A guard is a constant record and static functions in one file, without a header. It has no state, does no
// I/O and reads no clock: the same subject and parameters give the same examination on every host. It fills
// in only the hook of the subject it understands. The line in guards.def is its only registration.
//
// A hook returns an Examination (findings and statistics), or an Error when it cannot tell; the gate then
// refuses.
#pragma once

#include <any>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/digest.h"
#include "core/finding.h"
#include "core/json.h"
#include "core/result.h"
#include "core/stage.h"

namespace sallyport {

namespace formats::inspect {
struct Inspection;
}

// A tunable of a guard, with the default that holds when the policy says nothing.
struct Parameter {
  std::string_view name;
  double value;
  std::string_view meaning;  // with its unit
};

// The parameters of one run: the guard's defaults, overlaid with the policy's thresholds.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::span<const Parameter> defaults);

  // Error when the guard has no parameter of that name.
  Result<void> set(std::string_view name, double value);
  // The guard asks only for parameters that it declares.
  double get(std::string_view name) const;
  Json to_json() const;

 private:
  std::vector<std::pair<std::string, double>> values_;
};

// What lies in the folder that is searched, as the operating system lists it; links are not followed.
struct TreeEntry {
  enum class Kind : std::uint8_t { kFile, kDirectory, kSymlink, kOther };
  std::string path = {};  // relative to the folder, '/' between parts
  Kind kind = Kind::kFile;
  std::uint64_t size = 0;
  std::uint64_t links = 1;  // names that the same file has, on this file system
  std::string target = {};  // of a symbolic link, as written
};

struct FileSubject {
  std::string path;
  BytesView bytes;
  // Made once for all guards by the caller; where there is none, a guard makes its own.
  const formats::inspect::Inspection* inspection = nullptr;
  // The folder around the file, sorted by path; `path` is then relative to it. Empty: a file by itself.
  std::span<const TreeEntry> tree = {};
};

// A split that anyone who holds the key recomputes: the keyed hash of a row's group, or of its id, decides.
struct SplitRule {
  Digest key;
  double test_share = 0;
};

// What a transform may do, as its owner declared it in the pipeline file.
struct Contract {
  bool may_relabel = false;
  bool may_drop_rows = true;
  bool may_add_rows = false;
  // Declared renamings of labels, "M" to "1"; an empty map renames nothing.
  std::vector<std::pair<std::string, std::string>> label_mapping = {};
  std::optional<SplitRule> split = {};
};

// What the reference of a data set is to it.
enum class Relation : std::uint8_t {
  kBefore,    // the rows that a step read, beside those that it wrote
  kTraining,  // the training split, beside a test split
  kWhole,     // what a split was cut from, beside the training split
  kAnchor,    // a release that its owner signed, beside a later one
};

// `data` is judged; `reference`, where there is one, is what it is held against.
struct DatasetSubject {
  const Dataset* data = nullptr;
  const Dataset* reference = nullptr;
  Relation relation = Relation::kBefore;
  Contract contract = {};
};

struct RepositoryFile {
  std::string path;
  Bytes bytes;
  std::string commit = {};  // set when only history holds this content
};
struct RepositorySubject {
  std::string name;
  std::span<const RepositoryFile> files;
};

// What a step was declared to do, and what the runner saw it do. Both are made by the runner, never by the
// step; their members are documented by the guards that read them.
struct StepSubject {
  Stage stage = Stage::kPipeline;
  Json declared;
  Json observed;
};

// A candidate for promotion with every statement about it whose signature verified.
struct SignedClaim {
  std::string predicate_type;
  std::vector<Digest> subjects = {};
  std::vector<std::string> roles = {};  // of the keys that signed, once for each key that holds the role
  std::vector<std::string> signers = {};
  std::int64_t log_index = -1;  // -1: not in the log
  Json predicate = {};
};
struct PromotionSubject {
  Digest artifact;
  std::int64_t now_unix_s = 0;
  std::span<const SignedClaim> claims;
  Json request;  // {"name", "alias", "version", "by"}
};

struct RequestSubject {
  std::string principal;
  std::string content_type;
  BytesView body;
  // The model's metadata: {"name", "inputs": [{"name", "datatype", "shape", "minimum", "maximum"}]}
  Json model;
  // The JSON part of the body when the caller has read it with parse_json; nullptr: a guard reads it itself.
  const Json* document = nullptr;
};

struct ResponseSubject {
  std::string content_type;
  BytesView body;
};

// Records of an event log in the order in which the reader found them.
struct EventSubject {
  std::string name;
  std::span<const std::string> records;
  Digest first_key;         // the verifier's copy of the chain's first key
  Json anchors;             // [{"sequence", "chain"}]: heads anchored off host
  std::int64_t answered = -1;  // the gateway's own count of answered requests; -1 when unknown
};

enum class Side : std::uint8_t { kData, kReference };

// A dataset guard is a fold, so that one core, all cores and a cluster give the same findings. `summarise`
// may see the rows in any sharding, `merge` is associative and commutative up to what `judge` looks at.
struct Fold {
  Result<std::any> (*summarise)(const Dataset& shard, Side side, const Contract&,
                                const Parameters&) = nullptr;
  std::any (*merge)(std::any a, std::any b) = nullptr;
  Result<Examination> (*judge)(const std::any& summary, const Contract&, const Parameters&) = nullptr;
  // The only relation that it understands; a gate passes over subjects of another. Empty: it takes any.
  std::optional<Relation> relation = {};
};

// Up to eight threat ids, in a constant.
class ThreatIds {
 public:
  template <class... Ids>
  constexpr ThreatIds(Ids... ids) : ids_{std::string_view(ids)...}, count_(sizeof...(ids)) {}
  constexpr const std::string_view* begin() const { return ids_.data(); }
  constexpr const std::string_view* end() const { return ids_.data() + count_; }

 private:
  std::array<std::string_view, 8> ids_;
  std::size_t count_;
};

struct Guard {
  std::string_view id;
  ThreatIds threats;
  std::string_view summary;    // one line: what it refuses
  std::string_view looks_for;  // printed with every verdict: never "clean", but "no X found by Y"
  int version = 1;
  std::span<const Parameter> parameters = {};

  Result<Examination> (*file)(const FileSubject&, const Parameters&) = nullptr;
  Fold dataset = {};
  Result<Examination> (*repository)(const RepositorySubject&, const Parameters&) = nullptr;
  Result<Examination> (*step)(const StepSubject&, const Parameters&) = nullptr;
  Result<Examination> (*promotion)(const PromotionSubject&, const Parameters&) = nullptr;
  Result<Examination> (*request)(const RequestSubject&, const Parameters&) = nullptr;
  Result<Examination> (*response)(const ResponseSubject&, const Parameters&) = nullptr;
  Result<Examination> (*event)(const EventSubject&, const Parameters&) = nullptr;
};

// Runs a dataset guard's fold over `shards` slices of the subject; the number of shards changes no finding.
Result<Examination> run_fold(const Fold& fold, const DatasetSubject& subject, const Parameters& parameters,
                             std::size_t shards = 1);

}  // namespace sallyport
