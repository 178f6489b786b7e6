#include "trust/root.h"

#include <algorithm>

#include "core/json.h"
#include "core/limits.h"

namespace sallyport::trust {
namespace {

Json signed_part(const RootContent& content) {
  Json keys = Json::object();
  for (const auto& [keyid, entry] : content.keys) {
    keys[keyid] = {{"name", entry.name},
                   {"public", entry.key.pem()},
                   {"scheme", std::string(name_of(entry.key.algorithm()))}};
  }
  Json roles = Json::object();
  for (const auto& [name, entry] : content.roles) {
    roles[name] = {{"keyids", entry.keyids}, {"threshold", entry.threshold}};
  }
  return {{"version", content.version},
          {"expires", format_time(content.expires_unix_s)},
          {"logOrigin", content.log_origin},
          {"keys", keys},
          {"roles", roles}};
}

Result<RootKey> read_key(const std::string& keyid, const Json& entry) {
  TRY(only_members(entry, {"name", "public", "scheme"}));
  const std::string name = TRY(get_string(entry, "name"));
  const PublicKey key = TRY(PublicKey::from_pem(TRY(get_string(entry, "public"))));
  RootKey out{name, key};
  if (out.key.keyid() != keyid) return invalid("key '" + out.name + "' is not the one that its key id names");
  if (TRY(get_string(entry, "scheme")) != name_of(out.key.algorithm())) {
    return invalid("key '" + out.name + "' is not of the scheme it claims");
  }
  return out;
}

Result<Role> read_role(const std::string& name, const Json& entry, const RootContent& content) {
  TRY(only_members(entry, {"keyids", "threshold"}));
  Role out;
  for (const Json& item : TRY(get_array(entry, "keyids"))) {
    if (!item.is_string() || !content.keys.contains(item.get<std::string>())) {
      return invalid("role '" + name + "' lists a key that the root does not have");
    }
    if (!out.keyids.insert(item.get<std::string>()).second) {
      return invalid("role '" + name + "' lists a key twice");
    }
  }
  const std::int64_t threshold = TRY(get_int(entry, "threshold"));
  if (threshold < 1 || static_cast<std::size_t>(threshold) > out.keyids.size()) {
    return invalid("role '" + name + "' has " + std::to_string(out.keyids.size()) +
                   " keys and a threshold of " + std::to_string(threshold));
  }
  out.threshold = static_cast<std::size_t>(threshold);
  return out;
}

// What no single reader of a role would notice.
Result<void> check_roles(const RootContent& content) {
  for (const std::string_view needed : {role::kRoot, role::kLog}) {
    if (content.roles.find(needed) == content.roles.end())
      return invalid("role '" + std::string(needed) + "' is missing");
  }
  for (const std::string& keyid : content.roles.find(role::kLog)->second.keyids) {
    if (content.keys.at(keyid).key.algorithm() != KeyAlgorithm::kEd25519) {
      return invalid("role 'log' needs Ed25519 keys: checkpoints are signed notes");
    }
  }
  const auto lead = content.roles.find(role::kLead);
  const auto audit = content.roles.find(role::kAudit);
  if (lead == content.roles.end() || audit == content.roles.end()) return {};
  for (const std::string& keyid : lead->second.keyids) {
    if (audit->second.keyids.contains(keyid)) {
      return invalid("roles 'lead' and 'audit' share a key: a seal takes two people");
    }
  }
  return {};
}

Result<RootContent> read_content(const Json& part) {
  TRY(only_members(part, {"version", "expires", "logOrigin", "keys", "roles"}));
  RootContent out;
  out.version = TRY(get_int(part, "version"));
  if (out.version < 1) return invalid("version must be at least 1");
  out.expires_unix_s = TRY(parse_time(TRY(get_string(part, "expires"))));
  out.log_origin = TRY(get_string(part, "logOrigin"));
  const Json keys = TRY(get_object(part, "keys"));
  std::set<std::string> names;
  for (const auto& [keyid, entry] : keys.items()) {
    const RootKey key = TRY(read_key(keyid, entry));
    if (!names.insert(key.name).second) return invalid("two keys are named '" + key.name + "'");
    out.keys.emplace(keyid, key);
  }
  const Json roles = TRY(get_object(part, "roles"));
  for (const auto& [name, entry] : roles.items()) {
    const Role made = TRY(read_role(name, entry, out));
    out.roles.emplace(name, made);
  }
  TRY(check_roles(out));
  return out;
}

struct Opened {
  RootContent content;
  std::string message;  // what is signed
  std::vector<std::pair<std::string, Bytes>> signatures;
};

Result<Opened> open_file(BytesView file) {
  const Json whole = TRY(parse_json(as_text(file)));
  TRY(only_members(whole, {"signatures", "signed"}));
  const Json part = TRY(get_object(whole, "signed"));
  Opened out;
  out.content = TRY(read_content(part));
  out.message = canonical(part);
  for (const Json& item : TRY(get_array(whole, "signatures"))) {
    TRY(only_members(item, {"keyid", "sig"}));
    const std::string keyid = TRY(get_string(item, "keyid"));
    if (!out.signatures.empty() && out.signatures.back().first >= keyid) {
      return invalid("signatures are not sorted by key id, each key once");
    }
    const Bytes sig = TRY(from_base64(TRY(get_string(item, "sig"))));
    out.signatures.emplace_back(keyid, sig);
    if (out.signatures.size() > limits::kSignaturesMax)
      return fail(ErrorKind::kLimit, "more than 16 signatures");
  }
  // Parsing forgives blanks and spellings of numbers and escapes; what is signed must have one spelling.
  if (pretty(whole) != as_text(file) || signed_part(out.content) != part) {
    return invalid("not in the one spelling of a root file");
  }
  return out;
}

// Every signature by a key that either root knows must be good; the threshold counts those of `content`'s
// root role.
Result<void> check_signed(const Opened& opened, const RootContent& content, const RootContent& also) {
  const Role& root_role = content.roles.find(role::kRoot)->second;
  std::size_t good = 0;
  for (const auto& [keyid, sig] : opened.signatures) {
    const auto own = content.keys.find(keyid);
    const auto other = also.keys.find(keyid);
    if (own == content.keys.end() && other == also.keys.end()) {
      return fail(ErrorKind::kDenied,
                  "signed by key " + keyid.substr(0, 12) + ", which the root does not list");
    }
    const RootKey& key = own != content.keys.end() ? own->second : other->second;
    if (!key.key.verify(as_bytes(opened.message), sig)) {
      return fail(ErrorKind::kDenied, "the signature by '" + key.name + "' does not verify",
                  "restore root.json from a copy that you trust");
    }
    if (root_role.keyids.contains(keyid)) ++good;
  }
  if (good < root_role.threshold) {
    return fail(ErrorKind::kDenied, std::to_string(good) + " of " + std::to_string(root_role.threshold) +
                                        " signatures of the root role");
  }
  return {};
}

}  // namespace

Result<Root> Root::parse(BytesView file) {
  Result<Opened> opened = open_file(file);
  if (!opened) return within("root.json", opened.error());
  const Result<void> good = check_signed(*opened, opened->content, opened->content);
  if (!good) return within("root.json", good.error());
  Root out;
  out.content_ = std::move(opened->content);
  return out;
}

Result<Root> Root::load(Env& env, const fs::path& path) {
  return parse(TRY(env.read_file(path, limits::kStatementBytesMax)));
}

Result<Root> Root::advance(BytesView file) const {
  Result<Opened> opened = open_file(file);
  if (!opened) return within("new root.json", opened.error());
  if (opened->content.version != content_.version + 1) {
    return fail(ErrorKind::kDenied, "new root.json: version " + std::to_string(opened->content.version) +
                                        " does not follow version " + std::to_string(content_.version));
  }
  // By a threshold of the old root role and by one of the new.
  const RootContent& next = opened->content;
  Result<void> good = check_signed(*opened, content_, next);
  if (good) good = check_signed(*opened, next, content_);
  if (!good) return within("new root.json", good.error());
  Root out;
  out.content_ = std::move(opened->content);
  return out;
}

Result<void> Root::check_unexpired(std::int64_t now_unix_s) const {
  if (now_unix_s < content_.expires_unix_s) return {};
  return fail(ErrorKind::kDenied, "root.json: expired on " + format_time(content_.expires_unix_s),
              "sign a new version of the root with its root key");
}

const Role* Root::find_role(std::string_view name) const {
  const auto found = content_.roles.find(name);
  return found == content_.roles.end() ? nullptr : &found->second;
}

const PublicKey* Root::find_key(std::string_view keyid) const {
  const auto found = content_.keys.find(std::string(keyid));
  return found == content_.keys.end() ? nullptr : &found->second.key;
}

std::string Root::name_of_key(std::string_view keyid) const {
  const auto found = content_.keys.find(std::string(keyid));
  return found == content_.keys.end() ? std::string(keyid.substr(0, 12)) : found->second.name;
}

std::vector<std::string> Root::roles_of(std::string_view keyid) const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : content_.roles) {
    if (entry.keyids.contains(std::string(keyid))) out.push_back(name);
  }
  return out;
}

std::vector<PublicKey> Root::keys_of(std::string_view role_name) const {
  std::vector<PublicKey> out;
  const Role* entry = find_role(role_name);
  if (entry == nullptr) return out;
  for (const std::string& keyid : entry->keyids) out.push_back(content_.keys.at(keyid).key);
  return out;
}

Result<void> Root::check_threshold(std::string_view role_name, const std::set<std::string>& keyids) const {
  const Role* entry = find_role(role_name);
  if (entry == nullptr) {
    return fail(ErrorKind::kDenied, "the root has no role '" + std::string(role_name) + "'",
                "add the role to root.json and sign it");
  }
  const auto good = static_cast<std::size_t>(std::count_if(
      keyids.begin(), keyids.end(), [&](const std::string& id) { return entry->keyids.contains(id); }));
  if (good >= entry->threshold) return {};
  return fail(ErrorKind::kDenied, "has " + std::to_string(good) + " of " + std::to_string(entry->threshold) +
                                      " signatures that role '" + std::string(role_name) + "' needs");
}

Result<std::string> sign_root(const RootContent& content, std::span<const PrivateKey> signers) {
  const Json part = signed_part(content);
  const std::string message = canonical(part);
  std::map<std::string, std::string> by_keyid;
  for (const PrivateKey& signer : signers)
    by_keyid[signer.keyid()] = to_base64(signer.sign(as_bytes(message)));
  Json signatures = Json::array();
  for (const auto& [keyid, sig] : by_keyid) signatures.push_back({{"keyid", keyid}, {"sig", sig}});
  std::string file = pretty({{"signatures", signatures}, {"signed", part}});
  // A successor may need the old root's signatures too, so only the content is judged here.
  const Result<Opened> readable = open_file(as_bytes(file));
  if (!readable) return within("root.json", readable.error());
  return file;
}

}  // namespace sallyport::trust
