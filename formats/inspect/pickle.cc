// Pickles, wherever they lie: what loading would import, call, construct or change.
#include "formats/pickle_scan.h"

#include "formats/inspect/inspect.h"
#include "formats/torch_storage.h"

namespace sallyport::formats::inspect {
namespace {

using pickle::Concern;
using pickle::How;
using pickle::Judgement;

constexpr std::string_view kRemedy = "load a safetensors edition of this model, or ask its publisher for one";

std::string_view verb_of(How how) {
  switch (how) {
    case How::kImported:
      return "import ";
    case How::kCalled:
      return "call ";
    case How::kConstructed:
      return "construct ";
    case How::kBuilt:
      return "set the state of ";
    case How::kFilled:
      return "fill ";
  }
  return "";
}

std::string rule_of(const Concern& concern) {
  const std::string_view act = concern.how == How::kImported ? "import"
                               : concern.how == How::kBuilt || concern.how == How::kFilled ? "state"
                                                                                           : "call";
  const std::string_view judgement = concern.judgement == Judgement::kDangerous   ? "dangerous"
                                     : concern.judgement == Judgement::kArguments ? "misused"
                                                                                  : "unlisted";
  return "pickle-" + std::string(judgement) + "-" + std::string(act);
}

Observation to_observation(const Concern& concern) {
  const bool dangerous = concern.judgement == Judgement::kDangerous;
  const bool acts = concern.how != How::kImported;
  return {.topic = Topic::kCode,
          .rule = rule_of(concern),
          .severity = dangerous && acts ? Severity::kCritical : Severity::kHigh,
          .confidence = dangerous ? Confidence::kHigh : Confidence::kMedium,
          .offset = concern.offset,
          .message = "loading would " + std::string(verb_of(concern.how)) + concern.call + ", which " +
                     concern.reason,
          .remedy = std::string(kRemedy)};
}

bool plausible(const Layer& layer) { return !layer.bytes.empty(); }

// What lies behind the pickles of an old checkpoint, as far as they ask for it.
void account_storages(Probe& probe, const TorchLegacy& legacy) {
  constexpr std::uint64_t kCountBytes = 8;
  for (const TorchLegacyStorage& storage : legacy.storages) {
    probe.account(storage.offset - kCountBytes, kCountBytes);
    probe.nest("storage " + storage.key, storage.offset, storage.length, Codec::kNone, Role::kTyped);
  }
}

void inspect_pickle(Probe& probe) {
  // A tensor's raw bytes may start with anything, PROTO included.
  const pickle::PolicyTable* packs = probe.options().packs;
  const pickle::Report report = pickle::scan_pickles(probe.bytes(), probe.layer().role == Role::kMember,
                                                     packs ? *packs : pickle::PolicyTable::built_in());
  if (report.pickles == 0) return;
  const std::optional<TorchLegacy> legacy = read_torch_legacy(probe.bytes());
  probe.claim(legacy ? "pytorch-legacy" : report.joblib ? "joblib" : "pickle");
  probe.account(report.begin, report.end - report.begin);
  if (legacy && legacy->storages_at == report.end) account_storages(probe, *legacy);
  for (const Concern& concern : report.concerns) probe.observe(to_observation(concern));
  for (const pickle::Divergence& divergence : report.divergences) {
    probe.observe({.topic = Topic::kCode,
                   .rule = "pickle-loaders-disagree",
                   .confidence = Confidence::kMedium,
                   .offset = divergence.offset,
                   .message = "loaders disagree on what the bytes say: " + divergence.what,
                   .remedy = std::string(kRemedy)});
  }
  for (const std::string& held : report.held) probe.nest("bytes", to_bytes(held), Role::kMember);
  if (report.error) {
    probe.unread(report.end, probe.bytes().size() - report.end, report.error->message);
  }
}

}  // namespace

extern const Inspector pickle_inspector;
const Inspector pickle_inspector{.id = "pickle", .plausible = plausible, .inspect = inspect_pickle};

}  // namespace sallyport::formats::inspect
