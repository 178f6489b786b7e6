#include "services/exposure/exposure.h"

#include <array>
#include <charconv>

#include "core/env.h"
#include "core/json.h"

namespace sallyport::services::exposure {
namespace {

// A member that is one text or a list of texts; others are passed over.
std::vector<std::string> texts_of(const Json& object, const char* name) {
  std::vector<std::string> out;
  const auto member = object.find(name);
  if (member == object.end()) return out;
  const Json list = member->is_array() ? *member : Json::array({*member});
  for (const Json& item : list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  return out;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// "*", or any kind of principal that is "*".
bool is_everybody(const Json& statement) {
  if (statement.contains("NotPrincipal")) return true;
  const auto principal = statement.find("Principal");
  if (principal == statement.end()) return false;
  if (*principal == "*") return true;
  if (!principal->is_object()) return false;
  for (const auto& [kind, unused] : principal->items()) {
    for (const std::string& name : texts_of(*principal, kind.c_str())) {
      if (name == "*") return true;
    }
  }
  return false;
}

// A condition that everybody meets is none.
bool is_narrowed(const Json& statement) {
  const auto condition = statement.find("Condition");
  if (condition == statement.end() || !condition->is_object() || condition->empty()) return false;
  return !contains(condition->dump(), "0.0.0.0/0") && !contains(condition->dump(), "::/0");
}

struct Grants {
  bool reads = false;
  bool writes = false;
  bool lists = false;
  bool all = false;
};

Grants granted_by(const Json& statement) {
  Grants out;
  if (statement.contains("NotAction")) out.all = true;
  for (const std::string& action : texts_of(statement, "Action")) {
    if (action == "*" || action == "s3:*") out.all = true;
    if (contains(action, "GetObject") || action == "s3:Get*") out.reads = true;
    if (contains(action, "Put") || contains(action, "Delete")) out.writes = true;
    if (contains(action, "List")) out.lists = true;
  }
  return out;
}

void lint_statement(const Json& statement, const std::string& where, std::vector<Exposure>& out) {
  if (!statement.is_object() || statement.value("Effect", Json()) != "Allow") return;
  const Grants grants = granted_by(statement);
  if (!is_everybody(statement)) {
    const std::vector<std::string> resources = texts_of(statement, "Resource");
    for (const std::string& resource : resources) {
      if (grants.all && (resource == "*" || resource == "arn:aws:s3:::*")) {
        out.push_back({"wildcard-grant", where, "allows everything on every bucket"});
      }
    }
    return;
  }
  if (is_narrowed(statement)) return;
  if (grants.reads || grants.all) out.push_back({"public-read", where, "lets everybody read objects"});
  if (grants.writes || grants.all) out.push_back({"public-write", where, "lets everybody write or delete"});
  if (grants.lists || grants.all) out.push_back({"public-list", where, "lets everybody list what is there"});
}

void lint_grant(const Json& grant, const std::string& where, std::vector<Exposure>& out) {
  if (!grant.is_object() || !grant.contains("Grantee") || !grant["Grantee"].is_object()) return;
  const std::string uri = grant["Grantee"].value("URI", std::string());
  const bool everybody = uri.ends_with("/AllUsers");
  if (!everybody && !uri.ends_with("/AuthenticatedUsers")) return;
  const std::string permission = grant.value("Permission", std::string());
  const std::string who = everybody ? "everybody" : "everybody with an account anywhere";
  const bool writes = permission != "READ" && permission != "READ_ACP";
  if (writes) out.push_back({"public-write", where, "grants " + permission + " to " + who});
  if (permission == "READ" || permission == "FULL_CONTROL") {
    out.push_back({"public-read", where, "grants " + permission + " to " + who});
  }
}

void lint_settings(const Json& json, const std::string& name, std::vector<Exposure>& out) {
  const Json* object = &json;
  if (object->contains("Policy") && (*object)["Policy"].is_object()) object = &(*object)["Policy"];
  if (object->contains("Statement")) {
    const Json& said = (*object)["Statement"];
    const Json statements = said.is_array() ? said : Json::array({said});
    for (std::size_t i = 0; i < statements.size(); ++i) {
      lint_statement(statements[i], name + ": Statement " + std::to_string(i), out);
    }
  }
  if (json.contains("Grants") && json["Grants"].is_array()) {
    for (std::size_t i = 0; i < json["Grants"].size(); ++i) {
      lint_grant(json["Grants"][i], name + ": Grant " + std::to_string(i), out);
    }
  }
  if (!json.contains("PublicAccessBlockConfiguration")) return;
  const Json& block = json["PublicAccessBlockConfiguration"];
  for (const char* flag :
       {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"}) {
    if (!block.is_object() || block.value(flag, Json()) != true) {
      out.push_back({"unblocked", name, std::string(flag) + " is not set: a public grant would take effect"});
    }
  }
}

void lint_links(std::string_view text, const std::string& name, std::vector<Exposure>& out) {
  constexpr std::string_view kExpires = "X-Amz-Expires=";
  for (std::size_t at = text.find(kExpires); at != std::string_view::npos; at = text.find(kExpires, at + 1)) {
    const char* const begin = text.data() + at + kExpires.size();
    std::int64_t seconds = 0;
    const auto read = std::from_chars(begin, text.data() + text.size(), seconds);
    if (read.ec == std::errc::invalid_argument) continue;
    if (read.ec == std::errc() && seconds <= kPresignedSecondsMax) continue;
    out.push_back({"long-link", name + ": byte " + std::to_string(at),
                   "a presigned link is good for longer than an hour"});
  }
}

bool is_good(const http::Answered& answer) { return answer.status >= 200 && answer.status < 300; }

}  // namespace

Result<std::vector<Exposure>> lint(const std::string& name, BytesView bytes) {
  if (bytes.size() > limits::kYamlDataBytesMax)
    return fail(ErrorKind::kLimit, name + ": too long to be settings");
  std::vector<Exposure> out;
  const std::string_view text = as_text(bytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') {
    const auto json = parse_json(text);
    if (!json) return within(name, json.error());
    lint_settings(*json, name, out);
  }
  lint_links(text, name, out);
  return out;
}

Result<std::vector<Exposure>> probe(Env& env, const std::string& bucket, const ProbeOptions& options) {
  std::vector<Exposure> out;
  http::FetchOptions asked = options.fetch;
  asked.bearer.clear();
  const http::Posted look{.method = "GET"};
  const http::Answered listing = TRY(http::post(bucket + "/?list-type=2&max-keys=1", look, asked));
  if (is_good(listing)) out.push_back({"public-list", bucket, "lists what it has to a stranger"});
  if (!options.object.empty()) {
    const auto read = http::post(bucket + "/" + options.object, look, asked);
    // An object that is longer than we take was given all the same.
    const bool given = read ? is_good(*read) : read.error().kind == ErrorKind::kLimit;
    if (!read && !given) return std::unexpected(read.error());
    if (given) out.push_back({"public-read", bucket + "/" + options.object, "is given to a stranger"});
  }
  std::array<std::uint8_t, 8> salt{};
  env.random(salt);
  const std::string own = bucket + "/sallyport-probe-" + to_hex(salt);
  const http::Posted object{
      .body = "written by sallyport's probe without credentials; it takes this away again\n",
      .method = "PUT"};
  const http::Answered written = TRY(http::post(own, object, asked));
  if (!is_good(written)) return out;
  out.push_back({"public-write", bucket, "takes an object from a stranger"});
  const auto gone = http::post(own, {.method = "DELETE"}, asked);
  if (!gone || !is_good(*gone)) {
    out.push_back({"left-behind", own, "is still there: it could be written and not be taken away"});
  }
  return out;
}

}  // namespace sallyport::services::exposure
