#include "services/tracking/access.h"

namespace sallyport::services::tracking {
namespace {

class Nobody : public Access {
 public:
  Result<Principal> authenticate(const http::Request&) override {
    return fail(ErrorKind::kDenied, "no credentials that this server knows");
  }
  bool allows(const Principal&, Verb, const Resource&) override { return false; }
};

class Anybody : public Access {
 public:
  Result<Principal> authenticate(const http::Request&) override { return Principal{.name = "anonymous"}; }
  bool allows(const Principal&, Verb, const Resource&) override { return true; }
  bool knows_principals() const override { return false; }
};

}  // namespace

std::unique_ptr<Access> nobody() { return std::make_unique<Nobody>(); }
std::unique_ptr<Access> anybody() { return std::make_unique<Anybody>(); }

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::kRead: return "read";
    case Verb::kWrite: return "write";
    case Verb::kDelete: return "delete";
    case Verb::kPromote: return "promote";
    case Verb::kAdmin: break;
  }
  return "administer";
}

Result<Verb> verb_named(std::string_view name) {
  for (const Verb verb : kVerbs) {
    if (name_of(verb) == name) return verb;
  }
  return invalid("may: " + shown(name) + " is not one of read, write, delete, promote, administer");
}

std::string describe(const Resource& resource) {
  if (resource.kind == Kind::kServer) return "the server";
  return (resource.kind == Kind::kExperiment ? "experiment " : "model ") + shown(resource.name);
}

}  // namespace sallyport::services::tracking
