// HDF5, and the models that Keras keeps in it: what it takes from other files, what its attributes say, and
// which of its bytes belong to nothing.
#include "formats/hdf5.h"

#include <algorithm>
#include <numeric>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

using hdf5::Stretch;

bool plausible(const Layer& layer) { return hdf5::find_superblock(layer.bytes).has_value(); }

bool climbs_out(std::string_view path) {
  const bool drive = path.size() > 1 && path[1] == ':';
  return drive || path.starts_with('/') || path.starts_with('\\') || path.find("..") != path.npos ||
         path.find("://") != path.npos;
}

void observe_external(Probe& probe, const hdf5::External& external) {
  Observation out{.topic = Topic::kStructure, .offset = external.offset};
  out.severity = climbs_out(external.file) ? Severity::kHigh : Severity::kMedium;
  out.remedy = "ask the publisher for a file that holds all of its data";
  const std::string object = shown(external.object);
  const std::string file = shown(external.file);
  switch (external.kind) {
    case hdf5::Outside::kLink:
      out.rule = "hdf5-external-link";
      out.message = "reading " + object + " would open another file, " + file;
      break;
    case hdf5::Outside::kStorage:
      out.rule = "hdf5-external-storage";
      out.message = "the values of " + object + " would be read from another file, " + file;
      break;
    case hdf5::Outside::kVirtual:
      out.rule = "hdf5-virtual-dataset";
      out.message = "the values of " + object + " would be put together from other datasets, in " + file;
      break;
    case hdf5::Outside::kUserDefined:
      out.rule = "hdf5-user-defined-link";
      out.severity = Severity::kHigh;
      out.message = "following " + object + " would call code registered for links of type " + external.file;
      break;
  }
  probe.observe(out);
  if (external.kind == hdf5::Outside::kUserDefined || external.file == ".") return;
  if (climbs_out(external.file)) return;
  probe.refer({.topic = Topic::kStructure,
               .path = external.file,
               .what = "data of " + object,
               .offset = external.offset});
}

// Configurations are JSON; PyTables unpickles every fixed text that ends in a full stop.
bool is_loaded(std::string_view value) {
  if (value.size() < 3) return false;
  return value[0] == '{' || value[0] == '[' || value[0] == '\x80' || value.back() == '.';
}

void nest_attributes(Probe& probe, const hdf5::File& file) {
  for (const hdf5::Attribute& attribute : file.attributes) {
    const std::string name = (attribute.object == "/" ? "" : attribute.object) + "@" + attribute.name;
    for (const std::string& value : attribute.values) {
      if (attribute.is_text && is_loaded(value)) probe.nest(name, to_bytes(value), Role::kMember);
    }
  }
}

// The library reuses what it freed, but leaves some: zeros, and structures that outgrew their place, which
// are smaller than those that replaced them. Nobody reads either; what is not zero is searched all the same,
// and more of it than the structures in use would need is nobody's.
void account_free_space(Probe& probe, const hdf5::File& file) {
  std::vector<Stretch> used = file.structures;
  std::sort(used.begin(), used.end(), [](const Stretch& a, const Stretch& b) { return a.offset < b.offset; });
  used.push_back({.offset = file.end});
  const auto sum = [](std::uint64_t total, const Stretch& s) { return total + s.length; };
  std::uint64_t data = std::accumulate(file.chunks.begin(), file.chunks.end(), std::uint64_t{0}, sum);
  for (const hdf5::Dataset& dataset : file.datasets) data += dataset.data.length;
  const std::uint64_t all = std::accumulate(used.begin(), used.end(), std::uint64_t{0}, sum);
  std::vector<Stretch> stale;
  std::uint64_t at = file.base;
  for (const Stretch& next : used) {
    if (next.offset > at) {
      const Stretch gap{.offset = at, .length = next.offset - at};
      const BytesView bytes = probe.bytes().subspan(gap.offset, gap.length);
      const bool zero = std::all_of(bytes.begin(), bytes.end(), [](auto byte) { return byte == 0; });
      if (zero) probe.account(gap.offset, gap.length);
      if (!zero) stale.push_back(gap);
    }
    at = std::max(at, next.offset + next.length);
  }
  const std::uint64_t freed = std::accumulate(stale.begin(), stale.end(), std::uint64_t{0}, sum);
  if (freed > all - std::min(all, data)) return;
  for (const Stretch& gap : stale) {
    probe.nest("free space", gap.offset, gap.length, Codec::kNone, Role::kTyped);
  }
}

std::string_view kind_of(const hdf5::File& file) {
  const bool keras = std::any_of(file.attributes.begin(), file.attributes.end(), [](const auto& attribute) {
    return attribute.name == "keras_version" || attribute.name == "layer_names";
  });
  return keras ? "keras-h5" : "hdf5";
}

void inspect_hdf5(Probe& probe) {
  const hdf5::File file = hdf5::read(probe.bytes(), *hdf5::find_superblock(probe.bytes()));
  probe.claim(kind_of(file));
  if (file.base != 0) probe.nest("user block", 0, file.base);
  for (const Stretch& s : file.structures) probe.account(s.offset, s.length);
  for (const hdf5::Dataset& dataset : file.datasets) {
    if (dataset.data.length == 0) continue;
    probe.nest(dataset.path, dataset.data.offset, dataset.data.length, Codec::kNone, Role::kTyped);
  }
  for (const hdf5::External& external : file.externals) observe_external(probe, external);
  for (const hdf5::Note& note : file.unread) probe.unread(note.offset, 0, note.what);
  nest_attributes(probe, file);
  if (file.unread.empty()) account_free_space(probe, file);
}

}  // namespace

extern const Inspector hdf5_inspector;
const Inspector hdf5_inspector{.id = "hdf5", .plausible = plausible, .inspect = inspect_hdf5};

}  // namespace sallyport::formats::inspect
