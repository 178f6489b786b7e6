// The walk of chain verification, from an artifact back to acquisition. Internal to trust/.
//
// For one thread; it re-hashes on all cores. It reads a root and a ledger that were verified and pinned
// before.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "trust/chain.h"

namespace sallyport::trust {

inline std::string log_place(std::uint64_t index) { return "log #" + std::to_string(index); }

class ChainWalk {
 public:
  ChainWalk(const Workspace& workspace, const Policy& policy, const Root& root, const Ledger& ledger,
            std::int64_t now_unix_s)
      : workspace_(workspace), policy_(policy), root_(root), ledger_(ledger), now_unix_s_(now_unix_s) {}

  // Judges every link. An Error means that we cannot tell; what is bad is a link that is not ok.
  Result<void> walk(const Digest& artifact, std::optional<Stage> used_by, bool needs_evaluation);
  // Last stage first.
  std::vector<ChainLink> links() const;

 private:
  // Bytes that a gate has read, or that the user asks about: who attests them?
  struct Want {
    Digest digest;
    std::string name;             // of the artifact; empty when the user asks
    std::optional<Stage> before;  // only an earlier stage may have made it
    std::string reader;           // "training (log #801)"
  };
  struct Judged {
    const LedgerEntry* entry = nullptr;
    GatePredicate gate;
    std::optional<Error> refusal;
  };
  struct Visit {
    Judged judged;
    std::size_t link;
  };

  const Judged& judge(const LedgerEntry& entry);
  Judged judge_anew(const LedgerEntry& entry) const;
  Result<const Judged*> choose(const Want& want);
  // Why this gate, though it passes, does not answer `want`; empty when it does.
  static std::string unfit(const Judged& judged, const Want& want);
  std::string missing_text(const Want& want) const;
  void follow(std::vector<Want> wants);
  void visit(const Judged& judged, const Digest& artifact, std::vector<Want>& wants);
  void add_readers(const Digest& artifact, const std::set<Stage>& required);
  std::set<Stage> required_stages(Stage base, bool base_itself) const;
  void require(const std::set<Stage>& required);

  void check_stage(const Visit& visit, bool needs_evaluation);
  Result<void> check_batches(const GatePredicate& gate) const;
  bool is_covered(const Digest& file) const;
  Result<void> check_seal(const Visit& visit) const;
  Result<void> check_version(const GatePredicate& gate) const;
  Result<std::string> check_evaluation(const Visit& visit) const;
  void check_bytes();

  void fail_link(std::size_t link, const Error& error);

  const Workspace& workspace_;
  const Policy& policy_;
  const Root& root_;
  const Ledger& ledger_;
  std::int64_t now_unix_s_;
  std::map<std::uint64_t, Judged> judged_;
  std::map<std::uint64_t, Visit> visits_;  // by log index
  std::vector<ChainLink> links_;
  struct Stored {
    std::string name;
    std::size_t link;
    bool outside;  // came from outside the pipeline: re-hashed where it was kept
  };
  std::map<Digest, Stored> bytes_;
  std::optional<Error> trouble_;
};

}  // namespace sallyport::trust
