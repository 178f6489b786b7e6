#include "services/tracking/grants.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace sallyport::services::tracking {
namespace {

// A principal who asks for what it may not see, or for what is not there, pays as for so many requests.
constexpr double kCostOfRefusal = 20;
constexpr std::string_view kTokenPrefix = "sp_";

// What refills at a steady rate up to its size.
class Bucket {
 public:
  Bucket(double size, double seconds) : size_(size), per_second_(size / seconds), left_(size) {}
  bool take(double amount, double now_s) {
    left_ = std::min(size_, left_ + (now_s - at_s_) * per_second_);
    at_s_ = now_s;
    if (left_ < 0) return false;
    left_ -= amount;
    return true;
  }

 private:
  double size_;
  double per_second_;
  double left_;
  double at_s_ = 0;
};

constexpr double kMinute = 60;
constexpr double kHour = 3600;
// Names that are remembered of one principal; beyond, all are new again, which errs on the side of the alarm.
constexpr std::size_t kNamesKeptMax = 100'000;

struct Spending {
  explicit Spending(const AccessRules& rules)
      : requests(rules.requests_per_minute, kMinute),
        megabytes(rules.megabytes_per_minute, kMinute),
        names(rules.names_per_hour, kHour) {}
  Bucket requests;
  Bucket megabytes;
  Bucket names;
  std::set<std::pair<Kind, std::string>> seen = {};
  double alarmed_at_s = -kHour;
};

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Granted : public Access {
 public:
  Granted(Env& env, AccessRules rules, OnAlarm on_alarm, std::unique_ptr<Uses> uses)
      : env_(env),
        rules_(std::move(rules)),
        on_alarm_(std::move(on_alarm)),
        uses_(std::move(uses)),
        checker_(env, rules_.issuers) {
    for (const auto& [name, principal] : rules_.principals) {
      for (const Token& token : principal.tokens)
        owners_.emplace(token.sha256, Owner{name, token.expires_unix_s});
      for (const jwt::Identity& identity : principal.identities) identities_.emplace(identity, name);
      for (const std::string& subject : principal.certificates) certificates_.emplace(subject, name);
    }
  }

  Result<Principal> authenticate(const http::Request& request) override {
    const std::string_view header = request.header("Authorization");
    const auto unknown = [] { return denied_to_know("no credentials that this server knows"); };
    if (request.count("Authorization") > 1) return denied_to_know("more than one set of credentials");
    if (header.empty()) return holder_of(request.client);
    if (header.starts_with("Bearer ")) {
      const std::string_view token = header.substr(7);
      return token.find('.') == std::string_view::npos ? owner_of(token, "") : bearer_of(token, "");
    }
    if (!header.starts_with("Basic ")) return unknown();
    const auto decoded = from_base64(header.substr(6));
    if (!decoded) return unknown();
    const std::string_view pair = as_text(*decoded);
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos) return unknown();
    const std::string_view token = pair.substr(colon + 1);
    const std::string_view claimed = pair.substr(0, colon);
    return token.find('.') == std::string_view::npos ? owner_of(token, claimed) : bearer_of(token, claimed);
  }

  bool allows(const Principal& principal, Verb verb, const Resource& resource) override {
    if (rules_.role_that_allows(principal.name, verb, resource).empty()) return false;
    if (uses_ != nullptr) uses_->note(principal.name, verb, resource);
    return true;
  }

  Result<void> spend(const Principal& principal, Outcome outcome, std::uint64_t bytes) override {
    const std::scoped_lock lock(mutex_);
    Spending& spending = spending_of(principal);
    const double cost = outcome == Outcome::kAsked ? 1 : outcome == Outcome::kRefused ? kCostOfRefusal : 0;
    const bool asked = spending.requests.take(cost, now_s());
    const bool sent = spending.megabytes.take(static_cast<double>(bytes) / 1e6, now_s());
    if (asked && sent) return {};
    return spent(shown(principal.name) + " has used up its budget for this minute");
  }

  Result<void> visit(const Principal& principal, const Resource& resource) override {
    bool alarm = false;
    {
      const std::scoped_lock lock(mutex_);
      Spending& spending = spending_of(principal);
      const std::pair<Kind, std::string> name{resource.kind, resource.name};
      if (spending.seen.contains(name)) return {};
      if (spending.names.take(1, now_s())) {
        if (spending.seen.size() >= kNamesKeptMax) spending.seen.clear();
        spending.seen.insert(name);
        return {};
      }
      alarm = now_s() - spending.alarmed_at_s >= kHour;
      if (alarm) spending.alarmed_at_s = now_s();
    }
    const std::string what = "more than " + std::to_string(static_cast<std::int64_t>(rules_.names_per_hour)) +
                             " names within an hour, last " + describe(resource);
    if (alarm && on_alarm_) on_alarm_(principal.name, what);
    return spent(shown(principal.name) + " has gone through " + what);
  }

 private:
  struct Owner {
    std::string name;
    std::int64_t expires_unix_s = 0;
  };

  static std::unexpected<Error> spent(const std::string& what) {
    return fail(ErrorKind::kLimit, what, std::string(kBudgetSpent));
  }
  // With the mutex held.
  Spending& spending_of(const Principal& principal) {
    return spending_.try_emplace(principal.name, rules_).first->second;
  }

  static std::unexpected<Error> denied_to_know(const std::string& why) {
    return fail(ErrorKind::kDenied, why);
  }

  // A look-up by the digest of what was sent takes no longer for a near miss.
  Result<Principal> owner_of(std::string_view token, std::string_view claimed) const {
    const auto found = owners_.find(sha256(token));
    const bool known = found != owners_.end() && (claimed.empty() || claimed == found->second.name);
    if (!known) return denied_to_know("no credentials that this server knows");
    if (found->second.expires_unix_s <= env_.now_unix_s()) return denied_to_know("the token has expired");
    return Principal{found->second.name};
  }

  // Whom a token of an identity provider proves.
  Result<Principal> bearer_of(std::string_view token, std::string_view claimed) {
    const jwt::Identity identity = TRY(checker_.check(token));
    const auto found = identities_.find(identity);
    const bool known = found != identities_.end() && (claimed.empty() || claimed == found->second);
    if (!known) return denied_to_know("the policy knows nobody of that identity");
    return Principal{found->second};
  }

  Result<Principal> holder_of(const std::string& subject) const {
    const auto found = certificates_.find(subject);
    if (subject.empty() || found == certificates_.end()) {
      return denied_to_know("no credentials that this server knows");
    }
    return Principal{found->second};
  }

  Env& env_;
  AccessRules rules_;
  OnAlarm on_alarm_;
  std::unique_ptr<Uses> uses_;
  std::map<Digest, Owner> owners_;
  std::map<jwt::Identity, std::string> identities_;
  std::map<std::string, std::string> certificates_;
  jwt::Checker checker_;
  std::mutex mutex_;
  std::map<std::string, Spending> spending_;  // of known principals alone, so it stays small
};

}  // namespace

bool fits(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

bool Grant::covers(Verb verb, const Resource& resource) const {
  return resource.kind == kind && may.contains(verb) &&
         std::ranges::any_of(patterns, [&](const std::string& one) { return fits(one, resource.name); });
}

std::string AccessRules::role_that_allows(const std::string& principal, Verb verb,
                                          const Resource& resource) const {
  const auto found = principals.find(principal);
  if (found == principals.end()) return {};
  for (const std::string& name : found->second.roles) {
    const auto role = roles.find(name);
    if (role == roles.end()) continue;
    if (std::ranges::any_of(role->second, [&](const Grant& grant) { return grant.covers(verb, resource); })) {
      return name;
    }
  }
  return {};
}

std::unique_ptr<Access> granted(Env& env, AccessRules rules, OnAlarm on_alarm, std::unique_ptr<Uses> uses) {
  return std::make_unique<Granted>(env, std::move(rules), std::move(on_alarm), std::move(uses));
}

std::string new_token(Env& env) {
  std::array<std::uint8_t, 32> bytes{};
  env.random(bytes);
  return std::string(kTokenPrefix) + to_hex(bytes);
}

}  // namespace sallyport::services::tracking
