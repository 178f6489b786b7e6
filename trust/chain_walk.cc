#include "trust/chain_walk.h"

#include <algorithm>

#include "core/limits.h"
#include "core/parallel.h"

namespace sallyport::trust {
namespace {

// Who reads whom when every stage has its default artifacts: the table of ARCHITECTURE.md, by stage.
constexpr std::array<std::uint16_t, kStages.size()> kReads = [] {
  std::array<std::uint16_t, kStages.size()> out{};
  const auto reads = [&](Stage reader, std::initializer_list<Stage> writers) {
    for (const Stage writer : writers) {
      out[static_cast<std::size_t>(reader)] |=
          static_cast<std::uint16_t>(1U << static_cast<unsigned>(writer));
    }
  };
  reads(Stage::kPreprocessing, {Stage::kAcquisition});
  reads(Stage::kAnalysis, {Stage::kPreprocessing});
  reads(Stage::kPreparation, {Stage::kPreprocessing, Stage::kAnalysis});
  reads(Stage::kVersionedData, {Stage::kPreparation});
  reads(Stage::kTraining,
        {Stage::kVersionedData, Stage::kPreparation, Stage::kCodeRepository, Stage::kPipeline});
  reads(Stage::kValidation, {Stage::kTraining, Stage::kPreparation});
  reads(Stage::kMetadataStore, {Stage::kValidation, Stage::kTraining, Stage::kVersionedData});
  reads(Stage::kExport, {Stage::kTraining, Stage::kMetadataStore, Stage::kPreparation});
  reads(Stage::kRegistry, {Stage::kExport, Stage::kMetadataStore, Stage::kValidation});
  reads(Stage::kServing, {Stage::kRegistry, Stage::kExport, Stage::kPreparation});
  reads(Stage::kInput, {Stage::kServing, Stage::kPreparation});
  reads(Stage::kOutput, {Stage::kServing, Stage::kInput});
  reads(Stage::kMonitoring, {Stage::kServing, Stage::kOutput});
  return out;
}();

std::string brief(const Digest& digest) { return "sha256:" + digest.brief() + "..."; }

bool reads_outside(Stage stage) { return stage == Stage::kCodeRepository || stage == Stage::kPipeline; }

std::string plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string text_of(const GatePredicate& gate) {
  std::string out = "gate says " + gate.verdict + ", " + plural(guard_count(gate.guards), "guard") + ", " +
                    plural(gate.findings.size(), "finding");
  if (gate.verdict == "warn" && !gate.reasons.empty() && gate.reasons.front().is_string()) {
    out += ": " + gate.reasons.front().get<std::string>();
  }
  return out;
}

}  // namespace

ChainWalk::Judged ChainWalk::judge_anew(const LedgerEntry& entry) const {
  static constexpr std::string_view kRoles[] = {role::kRunner};
  Judged out{.entry = &entry, .gate = {}, .refusal = {}};
  Result<GatePredicate> gate = parse_gate(entry.statement.predicate);
  if (!gate) {
    out.refusal = gate.error();
    return out;
  }
  out.gate = std::move(*gate);
  if (const auto signers = verify_envelope(entry.envelope, root_, kRoles); !signers) {
    out.refusal = signers.error();
  } else if (!out.gate.passes()) {
    std::string why = "its gate said " + out.gate.verdict;
    if (!out.gate.reasons.empty() && out.gate.reasons.front().is_string()) {
      why += ": " + out.gate.reasons.front().get<std::string>();
    }
    out.refusal = Error{ErrorKind::kDenied, why, "mend what the gate found and run the pipeline again"};
  } else if (out.gate.policy_digest != policy_.digest) {
    out.refusal =
        Error{ErrorKind::kDenied,
              "it passed under policy " + brief(out.gate.policy_digest) + ", the current one is " +
                  brief(policy_.digest),
              "run the pipeline again under the current policy, or restore the policy it passed under"};
  }
  return out;
}

const ChainWalk::Judged& ChainWalk::judge(const LedgerEntry& entry) {
  const auto known = judged_.find(entry.index);
  if (known != judged_.end()) return known->second;
  return judged_.emplace(entry.index, judge_anew(entry)).first->second;
}

std::string ChainWalk::unfit(const Judged& judged, const Want& want) {
  const std::string stage(name_of(judged.gate.stage));
  if (want.before && judged.gate.stage >= *want.before) {
    return "is attested by " + stage + " (" + log_place(judged.entry->index) +
           "), which comes no earlier than its reader";
  }
  if (want.name.empty()) return {};
  std::string as;
  for (const NamedDigest& subject : judged.entry->statement.subjects) {
    if (subject.digest != want.digest) continue;
    if (subject.name == want.name) return {};
    as = subject.name;
  }
  return "is attested by " + stage + " (" + log_place(judged.entry->index) + ") as '" + as + "', not as '" +
         want.name + "'";
}

// Among the gates that fit: of the latest stage the newest. A re-run adds attestations and takes none away.
Result<const ChainWalk::Judged*> ChainWalk::choose(const Want& want) {
  const Judged* best = nullptr;
  std::optional<Error> refusal;
  for (const LedgerEntry* entry : ledger_.find_subject(want.digest)) {
    if (entry->statement.predicate_type != predicate::kGate) continue;
    const Judged& judged = judge(*entry);
    if (judged.refusal) {
      refusal = *judged.refusal;
      refusal->message = "attested by " + log_place(entry->index) + ", but " + refusal->message;
    } else if (const std::string why = unfit(judged, want); !why.empty()) {
      refusal = Error{ErrorKind::kDenied, why, "run the pipeline again from the stage that made it"};
    } else if (best == nullptr || judged.gate.stage >= best->gate.stage) {
      best = &judged;
    }
  }
  if (best != nullptr) return best;
  if (refusal) return std::unexpected(*refusal);
  return fail(ErrorKind::kNotFound, missing_text(want),
              "run `sallyport log show` to see what was attested; run the pipeline again for these bytes");
}

std::string ChainWalk::missing_text(const Want& want) const {
  std::string out = "no gate attests these bytes";
  if (want.name.empty()) return out;
  for (const LedgerEntry* entry : ledger_.find_type(predicate::kGate)) {
    for (const NamedDigest& subject : entry->statement.subjects) {
      if (subject.name != want.name) continue;
      out = "no gate attests these bytes; the newest attested " + want.name + " is " + brief(subject.digest) +
            " (" + log_place(entry->index) + ")";
    }
  }
  return out;
}

void ChainWalk::fail_link(std::size_t link, const Error& error) {
  if (links_[link].verdict != LinkVerdict::kOk) return;
  links_[link].verdict = LinkVerdict::kFail;
  links_[link].text = error.message;
  links_[link].hint = error.hint;
}

void ChainWalk::visit(const Judged& judged, const Digest& artifact, std::vector<Want>& wants) {
  const std::uint64_t index = judged.entry->index;
  if (visits_.contains(index)) return;
  const std::size_t link = links_.size();
  const std::string stage(name_of(judged.gate.stage));
  links_.push_back({.stage = stage,
                    .verdict = LinkVerdict::kOk,
                    .text = text_of(judged.gate),
                    .log_index = static_cast<std::int64_t>(index),
                    .artifact = artifact});
  visits_.emplace(index, Visit{judged, link});
  for (const NamedDigest& output : judged.entry->statement.subjects) {
    bytes_.try_emplace(output.digest, Stored{output.name, link, false});
  }
  for (const NamedDigest& input : judged.gate.inputs) {
    const bool known = !ledger_.find_subject(input.digest).empty();
    const bool outside =
        judged.gate.stage == Stage::kAcquisition || (reads_outside(judged.gate.stage) && !known);
    bytes_.try_emplace(input.digest, Stored{input.name, link, outside});
    if (outside) continue;
    wants.push_back({input.digest, input.name, judged.gate.stage, stage + " (" + log_place(index) + ")"});
  }
}

void ChainWalk::follow(std::vector<Want> wants) {
  std::set<std::pair<Digest, std::pair<std::string, std::optional<Stage>>>> seen;
  while (!wants.empty()) {
    const Want want = std::move(wants.back());
    wants.pop_back();
    if (!seen.insert({want.digest, {want.name, want.before}}).second) continue;
    if (links_.size() >= limits::kChainLinksMax) {
      trouble_ = Error{ErrorKind::kLimit, "the chain has more than 10000 links"};
      return;
    }
    const Result<const Judged*> chosen = choose(want);
    if (chosen) {
      visit(**chosen, want.digest, wants);
      continue;
    }
    const bool missing = chosen.error().kind == ErrorKind::kNotFound;
    const std::string what = want.name.empty()
                                 ? brief(want.digest)
                                 : want.reader + " read " + want.name + " " + brief(want.digest);
    links_.push_back({.stage = want.before ? std::string(name_of(*want.before)) : "artifact",
                      .verdict = missing ? LinkVerdict::kMissing : LinkVerdict::kFail,
                      .text = what + ": " + chosen.error().message,
                      .artifact = want.digest,
                      .hint = chosen.error().hint});
  }
}

// Stages that stand behind an artifact without having made anything that it was made from, as validation
// behind a model that is to be exported: the newest gate that read the artifact itself.
void ChainWalk::add_readers(const Digest& artifact, const std::set<Stage>& required) {
  for (const Stage stage : required) {
    const bool reached = std::any_of(visits_.begin(), visits_.end(), [&](const auto& visit) {
      return visit.second.judged.gate.stage == stage;
    });
    if (reached) continue;
    const Judged* newest = nullptr;
    for (const LedgerEntry* entry : ledger_.find_type(predicate::kGate)) {
      const Judged& judged = judge(*entry);
      if (judged.refusal || judged.gate.stage != stage) continue;
      const auto& inputs = judged.gate.inputs;
      const bool reads =
          std::any_of(inputs.begin(), inputs.end(), [&](const auto& i) { return i.digest == artifact; });
      if (reads) newest = &judged;
    }
    if (newest == nullptr) continue;
    std::vector<Want> wants;
    visit(*newest, artifact, wants);
    follow(std::move(wants));
  }
}

std::set<Stage> ChainWalk::required_stages(Stage base, bool base_itself) const {
  unsigned behind = kReads[static_cast<std::size_t>(base)];
  for (std::size_t i = kStages.size(); i-- > 0;) {
    if ((behind >> i & 1U) != 0) behind |= kReads[i];
  }
  if (base_itself) behind |= 1U << static_cast<unsigned>(base);
  const auto& asked = policy_.chain_require;
  std::set<Stage> out;
  for (const StageInfo& entry : kStages) {
    if ((behind >> static_cast<unsigned>(entry.stage) & 1U) == 0) continue;
    // Serving and what follows it watch a running system; nothing is made from them.
    if (entry.stage > Stage::kRegistry && entry.stage != base) continue;
    if (asked.empty() || std::find(asked.begin(), asked.end(), entry.stage) != asked.end())
      out.insert(entry.stage);
  }
  return out;
}

void ChainWalk::require(const std::set<Stage>& required) {
  for (const Stage stage : required) {
    const bool reached = std::any_of(visits_.begin(), visits_.end(), [&](const auto& visit) {
      return visit.second.judged.gate.stage == stage;
    });
    if (reached) continue;
    links_.push_back(
        {.stage = std::string(name_of(stage)),
         .verdict = LinkVerdict::kMissing,
         .text = "no gate of this stage stands behind the artifact",
         .hint = "run the pipeline with this stage, or leave it out of `chain: require` in the policy"});
  }
}

// Serving and later stages hand on what they read, so objects of theirs are checked like all others.
void ChainWalk::check_bytes() {
  const Store store = workspace_.store();
  std::vector<std::pair<Digest, Stored>> all;
  for (const auto& [digest, stored] : bytes_) {
    if (!stored.outside || store.has(digest)) all.emplace_back(digest, stored);
  }
  std::vector<Result<void>> done(all.size());
  parallel_for(all.size(), [&](std::size_t i) { done[i] = store.verify(all[i].first); });
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (done[i]) continue;
    if (done[i].error().kind == ErrorKind::kIo) trouble_ = done[i].error();
    Error error = done[i].error();
    error.message = all[i].second.name + ": " + error.message;
    fail_link(all[i].second.link, error);
  }
}

Result<void> ChainWalk::walk(const Digest& artifact, std::optional<Stage> used_by, bool needs_evaluation) {
  follow({Want{artifact, "", used_by, ""}});
  if (visits_.empty()) return {};
  // The first link is the artifact's own gate.
  const Stage base = used_by ? *used_by : *stage_named(links_.front().stage);
  const std::set<Stage> required = required_stages(base, !used_by);
  add_readers(artifact, required);
  require(required);
  for (const auto& [index, visit] : visits_) check_stage(visit, needs_evaluation);
  check_bytes();
  if (trouble_) return std::unexpected(*trouble_);
  return {};
}

std::vector<ChainLink> ChainWalk::links() const {
  std::vector<ChainLink> out = links_;
  const auto rank = [](const ChainLink& link) {
    const auto stage = stage_named(link.stage);
    return stage ? static_cast<int>(*stage) : static_cast<int>(kStages.size());
  };
  std::stable_sort(out.begin(), out.end(), [&](const ChainLink& a, const ChainLink& b) {
    return std::pair(rank(a), a.log_index) > std::pair(rank(b), b.log_index);
  });
  return out;
}

}  // namespace sallyport::trust
