// An alias such as `champion` moves only by a signed, sequence-numbered, expiring statement of two approvers,
// to bytes that the registrar registered and the evaluator evaluated.
//
// request: {"name", "version", "by": who registers} and, when an alias moves or stands, "alias" with
// "last_sequence", the sequence number of the approved move that stands now (0 or left out: none). A
// statement that is still to be logged with this gate needs {"pending": true}.
//
// An approval is a signature by a key of the approver role. Whoever registered the version, or asks for the
// move, approves nothing, even with a key that holds both roles.
//
// Missed: two approvers who agree to a bad model.
#include <algorithm>
#include <set>

#include "core/env.h"
#include "core/guard.h"
#include "trust/claims.h"
#include "trust/root.h"

namespace sallyport::production::model_registry {

extern const Guard alias_approval;

namespace {

constexpr Parameter kParameters[] = {
    {"approvals", 2, "approvers who must have signed a move, apart from its author and the registrar"},
};

struct Request {
  std::string name = {};
  std::string alias = {};
  std::int64_t version = 0;
  std::int64_t last_sequence = 0;
  std::string by = {};
};

Result<Request> read_request(const Json& json) {
  Request out{.name = TRY(get_string(json, "name")), .version = TRY(get_int(json, "version"))};
  if (json.contains("alias")) out.alias = TRY(get_string(json, "alias"));
  if (json.contains("last_sequence")) out.last_sequence = TRY(get_int(json, "last_sequence"));
  if (json.contains("by")) out.by = TRY(get_string(json, "by"));
  return out;
}

struct Move {
  const SignedClaim* claim = nullptr;
  trust::AliasPredicate said = {};
};

class Report {
 public:
  Report(const PromotionSubject& subject, Request request) : subject_(subject), request_(std::move(request)) {
    if (!request_.by.empty()) authors_.insert(request_.by);
  }

  // The registrar's statement that gives these bytes their number.
  void version() {
    for (const SignedClaim& claim : subject_.claims) {
      if (claim.predicate_type != trust::predicate::kVersion) continue;
      const auto said = trust::parse_version(claim.predicate);
      if (!said || said->model != request_.name || said->version != request_.version) continue;
      if (!counts(claim) || trust::signers_in(claim, trust::role::kRegistrar) == 0) continue;
      return note_authors(claim);
    }
    refuse("version " + std::to_string(request_.version) + " of " + shown(request_.name) +
               " was never registered by the registrar with these bytes",
           "register them: `sallyport run` does");
  }

  void evaluation() {
    const trust::EvaluationClaims found = trust::evaluations_of(subject_);
    std::string why;
    for (const std::string& refused : found.refused) why += "; " + refused;
    if (found.standing.empty()) {
      return refuse("no evaluation by the evaluator stands behind these bytes" + why,
                    "let the validation stage run before the move");
    }
    const std::int64_t expires = found.standing.back().said.expires_unix_s;
    if (subject_.now_unix_s < expires) return;
    refuse("the evaluation " + trust::place_of(*found.standing.back().claim) + " expired on " +
               format_time(expires),
           "run the validation again");
  }

  void move(std::size_t approvals) {
    const Move move = newest_move();
    if (move.claim == nullptr) {
      return refuse("no statement moves " + target() + " to version " + std::to_string(request_.version) +
                        " of these bytes",
                    "have the approvers sign the move: `sallyport promote`, then `sallyport approve`");
    }
    const std::string place = "the move " + trust::place_of(*move.claim);
    const bool pending = move.claim->log_index < 0;
    if (move.said.sequence < request_.last_sequence ||
        (pending && move.said.sequence == request_.last_sequence)) {
      refuse(place + " has sequence " + std::to_string(move.said.sequence) + ", but " +
                 std::to_string(request_.last_sequence) + " stands already: an old approval is played again",
             "approve a new move with the next sequence number");
    }
    if (subject_.now_unix_s >= move.said.expires_unix_s) {
      refuse(place + " expired on " + format_time(move.said.expires_unix_s),
             "have the approvers sign the move again");
    }
    const std::size_t given = approvals_of(*move.claim);
    if (given >= approvals) return;
    std::string who;
    for (const std::string& signer : move.claim->signers) who += (who.empty() ? "" : ", ") + shown(signer);
    refuse(place + " lacks " + std::to_string(approvals) + " approvals: it has " + std::to_string(given) +
               ", signed by " + (who.empty() ? "nobody" : who),
           "have an approver who neither registered the version nor asks for the move sign it");
  }

  Examination finish() && { return std::move(out_); }

 private:
  std::string target() const { return shown(request_.name + "@" + request_.alias); }

  bool counts(const SignedClaim& claim) const {
    return trust::is_about(claim, subject_.artifact) && trust::stands(claim, subject_);
  }

  // By sequence, and of equals the newer one.
  Move newest_move() const {
    Move newest;
    for (const SignedClaim& claim : subject_.claims) {
      if (claim.predicate_type != trust::predicate::kAlias || !counts(claim)) continue;
      auto said = trust::parse_alias(claim.predicate);
      if (!said || said->model != request_.name || said->alias != request_.alias) continue;
      if (said->version != request_.version) continue;
      const bool later = newest.claim == nullptr || said->sequence > newest.said.sequence ||
                         (said->sequence == newest.said.sequence && trust::is_newer(claim, *newest.claim));
      if (later) newest = {&claim, std::move(*said)};
    }
    return newest;
  }

  // A claim says which roles its signers hold together, not which signer holds which. A registrar whose own
  // statement shows no approver's key approves nothing anyway; any other author's signature on a move takes
  // one approval away.
  void note_authors(const SignedClaim& version) {
    for (const std::string& signer : version.signers) {
      if (trust::signers_in(version, trust::role::kApprover) > 0) {
        authors_.insert(signer);
      } else {
        authors_.erase(signer);
      }
    }
  }

  std::size_t approvals_of(const SignedClaim& claim) const {
    const std::set<std::string> signers(claim.signers.begin(), claim.signers.end());
    const auto authors = static_cast<std::size_t>(
        std::ranges::count_if(signers, [&](const std::string& name) { return authors_.contains(name); }));
    const std::size_t approvers = std::min(trust::signers_in(claim, trust::role::kApprover), signers.size());
    return approvers - std::min(approvers, authors);
  }

  void refuse(const std::string& message, std::string remedy) {
    out_.findings.push_back({.severity = Severity::kCritical,
                             .where = {.path = "sha256:" + subject_.artifact.brief() + "..."},
                             .message = message,
                             .remedy = std::move(remedy)});
  }

  const PromotionSubject& subject_;
  Request request_;
  std::set<std::string> authors_;
  Examination out_;
};

Result<Examination> promotion(const PromotionSubject& subject, const Parameters& parameters) {
  Request request = TRY(read_request(subject.request));
  const bool moves = !request.alias.empty();
  Report report(subject, std::move(request));
  report.version();
  report.evaluation();
  if (moves) report.move(static_cast<std::size_t>(std::max(parameters.get("approvals"), 0.0)));
  return std::move(report).finish();
}

}  // namespace

const Guard alias_approval{
    .id = "alias_approval",
    .threats = {"registry-retag-poison"},
    .summary = "an alias that moves without two approvals, registered bytes and evaluation evidence",
    .looks_for =
        "a logged, unexpired move in sequence by two approvers other than its author and the registrar, the "
        "registrar's statement of the version, and the evaluator's of the model",
    .parameters = kParameters,
    .promotion = promotion,
};

}  // namespace sallyport::production::model_registry
