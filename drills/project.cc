#include "drills/project.h"

#include "core/forwarding_env.h"
#include "learn/random.h"
#include "services/metadata/metadata.h"
#include "services/registry/registry.h"
#include "trust/chain.h"
#include "trust/statement.h"

namespace sallyport::drills {
namespace {

constexpr std::int64_t kEvaluationValidS = 90LL * 24 * 3600;

class ProjectEnv final : public ForwardingEnv {
 public:
  explicit ProjectEnv(std::uint64_t seed) : ForwardingEnv(system_env()), random_(seed) {}
  std::int64_t now_unix_s() override { return kProjectNow; }
  void random(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random_.below(256));
  }
  Result<void> sync_file(const fs::path&) override { return {}; }
  Result<void> sync_directory(const fs::path&) override { return {}; }

 private:
  learn::Random random_;
};

}  // namespace

Result<Project> Project::create(const World& world) {
  Project out;
  out.env_ = std::make_shared<ProjectEnv>(world.seed());
  out.workspace_ = TRY(trust::create_workspace(*out.env_, world.root()));
  out.root_ = TRY(out.workspace_.load_root());
  return out;
}

Result<std::uint64_t> Project::log(const trust::Statement& statement,
                                   const std::vector<std::string>& keys) const {
  std::vector<trust::PrivateKey> signers;
  for (const std::string& name : keys) signers.push_back(TRY(workspace_.load_key(name, root_)));
  trust::Ledger log_of_project = TRY(ledger());
  return log_of_project.add(trust::sign_statement(statement, signers),
                            TRY(workspace_.load_key("log", root_)));
}

Result<std::uint64_t> Project::log_evaluation(const Digest& model, const Json& metrics,
                                              const std::vector<std::string>& keys) const {
  const trust::EvaluationPredicate said{.metrics = metrics,
                                        .sample_size = 360,
                                        .evaluation_set = sha256("the sealed split"),
                                        .expires_unix_s = kProjectNow + kEvaluationValidS};
  return log({{{"model", model}}, std::string(trust::predicate::kEvaluation), trust::to_json(said)}, keys);
}

Result<void> Project::advance_pin() const {
  trust::Ledger log_of_project = TRY(ledger());
  return trust::advance_pin(*workspace_.env, workspace_.pin(), log_of_project.log(),
                            log_of_project.log_keys());
}

Result<std::int64_t> Project::log_version(const std::string& name, const Digest& artifact) const {
  const auto offer = TRY(services::registry::offer_version(TRY(ledger()), root_, name, artifact));
  if (!offer.registered) TRY(log(offer.statement, {"registrar"}));
  return offer.version;
}

Result<std::uint64_t> Project::log_alias(const std::string& name, const std::string& alias,
                                         std::int64_t version, const Digest& artifact,
                                         const std::vector<std::string>& keys) const {
  return log(TRY(services::registry::offer_alias(TRY(ledger()), name, alias, version, artifact, kProjectNow)),
             keys);
}

Result<void> Project::sync_databases() const {
  const trust::Ledger log_of_project = TRY(ledger());
  TRY(services::metadata::sync(workspace_, log_of_project, root_));
  return services::registry::sync(workspace_, log_of_project, root_);
}

Result<std::vector<SignedClaim>> Project::claims_about(const Digest& artifact) const {
  return services::registry::claims_about(TRY(ledger()), root_, {artifact});
}

}  // namespace sallyport::drills
