// Who asks, and what they may do: deny by default.
//
// A principal is whoever the credentials of a request prove. What it may do is a verb on a named experiment,
// a named registered model or the server itself. Safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "services/http/http.h"

namespace sallyport::services::tracking {

enum class Verb : std::uint8_t { kRead, kWrite, kDelete, kPromote, kAdmin };
inline constexpr std::array kVerbs{Verb::kRead, Verb::kWrite, Verb::kDelete, Verb::kPromote, Verb::kAdmin};
enum class Kind : std::uint8_t { kServer, kExperiment, kModel };

struct Resource {
  Kind kind = Kind::kServer;
  std::string name = {};
  auto operator<=>(const Resource&) const = default;
};

struct Principal {
  std::string name = {};
};

// What a principal got for its request, which is what it costs it.
enum class Outcome : std::uint8_t { kAsked, kRefused, kSent };
// MLflow's code for a principal who has asked too much; stands in an Error's hint.
inline constexpr std::string_view kBudgetSpent = "REQUEST_LIMIT_EXCEEDED";

class Access {
 public:
  virtual ~Access() = default;
  // ErrorKind::kDenied when nothing proves who asks.
  virtual Result<Principal> authenticate(const http::Request& request) = 0;
  virtual bool allows(const Principal& principal, Verb verb, const Resource& resource) = 0;
  // Takes the price of a request, or of `bytes` that were sent, from the principal's budget. An Error with
  // kBudgetSpent when there is nothing left.
  virtual Result<void> spend(const Principal&, Outcome, std::uint64_t) { return {}; }
  // Takes note that the principal is about to be shown something of the resource. An Error with kBudgetSpent
  // when it has gone through more names than its policy expects of anybody.
  virtual Result<void> visit(const Principal&, const Resource&) { return {}; }
  // Whether principals are told apart at all: where not, nobody can approve what another proposes.
  virtual bool knows_principals() const { return true; }
};

// Nobody is known, so nobody may do anything.
std::unique_ptr<Access> nobody();
// Everybody may do everything: for one person's machine, on loopback alone.
std::unique_ptr<Access> anybody();

std::string_view name_of(Verb verb);
Result<Verb> verb_named(std::string_view name);
std::string describe(const Resource& resource);

}  // namespace sallyport::services::tracking
