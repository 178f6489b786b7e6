#include "trust/dsse.h"

#include <algorithm>

#include "core/json.h"
#include "core/limits.h"

namespace sallyport::trust {
namespace {

Result<Envelope> read_envelope(BytesView file) {
  if (file.size() > limits::kStatementBytesMax) return fail(ErrorKind::kLimit, "larger than 8 MiB");
  const Json whole = TRY(parse_json(as_text(file)));
  TRY(only_members(whole, {"payload", "payloadType", "signatures"}));
  Envelope out;
  out.payload_type = TRY(get_string(whole, "payloadType"));
  out.payload = TRY(from_base64(TRY(get_string(whole, "payload"))));
  for (const Json& item : TRY(get_array(whole, "signatures"))) {
    TRY(only_members(item, {"keyid", "sig"}));
    Signature one;
    one.keyid = TRY(get_string(item, "keyid"));
    one.sig = TRY(from_base64(TRY(get_string(item, "sig"))));
    if (!out.signatures.empty() && out.signatures.back().keyid >= one.keyid) {
      return invalid("signatures are not sorted by key id, each key once");
    }
    out.signatures.push_back(std::move(one));
    if (out.signatures.size() > limits::kSignaturesMax)
      return fail(ErrorKind::kLimit, "more than 16 signatures");
  }
  if (out.signatures.empty()) return invalid("not signed");
  // Parsing forgives blanks, escapes and the order of members; a signed file has one spelling.
  if (serialize(out) != as_text(file))
    return invalid("not in the one spelling of an envelope (canonical JSON)");
  return out;
}

}  // namespace

Bytes pae(std::string_view payload_type, BytesView payload) {
  Bytes out = to_bytes("DSSEv1 " + std::to_string(payload_type.size()) + " " + std::string(payload_type) +
                       " " + std::to_string(payload.size()) + " ");
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Result<Envelope> parse_envelope(BytesView file) {
  Result<Envelope> out = read_envelope(file);
  if (!out) return within("envelope", out.error());
  return out;
}

std::string serialize(const Envelope& envelope) {
  Json signatures = Json::array();
  for (const Signature& one : envelope.signatures) {
    signatures.push_back({{"keyid", one.keyid}, {"sig", to_base64(one.sig)}});
  }
  return canonical({{"payload", to_base64(envelope.payload)},
                    {"payloadType", envelope.payload_type},
                    {"signatures", signatures}});
}

Digest digest_of(const Envelope& envelope) { return sha256(serialize(envelope)); }

Envelope sign_envelope(std::string_view payload_type, BytesView payload,
                       std::span<const PrivateKey> signers) {
  Envelope out{std::string(payload_type), Bytes(payload.begin(), payload.end()), {}};
  for (const PrivateKey& signer : signers) add_signature(out, signer);
  return out;
}

void add_signature(Envelope& envelope, const PrivateKey& signer) {
  Signature made{signer.keyid(), signer.sign(pae(envelope.payload_type, envelope.payload))};
  const auto at =
      std::lower_bound(envelope.signatures.begin(), envelope.signatures.end(), made.keyid,
                       [](const Signature& one, const std::string& id) { return one.keyid < id; });
  if (at != envelope.signatures.end() && at->keyid == made.keyid) {
    *at = std::move(made);
  } else {
    envelope.signatures.insert(at, std::move(made));
  }
}

Result<std::set<std::string>> verify_signatures(const Envelope& envelope, const Root& root) {
  const Bytes message = pae(envelope.payload_type, envelope.payload);
  std::set<std::string> out;
  for (const Signature& one : envelope.signatures) {
    const PublicKey* key = root.find_key(one.keyid);
    if (key == nullptr) {
      return fail(ErrorKind::kDenied,
                  "signed by key " + one.keyid.substr(0, 12) + ", which root.json does not list",
                  "if the key is to be trusted, add it to root.json and sign that");
    }
    if (!key->verify(message, one.sig)) {
      return fail(ErrorKind::kDenied,
                  "the signature by '" + root.name_of_key(one.keyid) + "' does not verify");
    }
    out.insert(one.keyid);
  }
  return out;
}

Result<std::set<std::string>> verify_envelope(const Envelope& envelope, const Root& root,
                                              std::span<const std::string_view> roles) {
  const std::set<std::string> signers = TRY(verify_signatures(envelope, root));
  for (const std::string_view role : roles) TRY(root.check_threshold(role, signers));
  return signers;
}

Result<std::set<std::string>> verify_envelope(const Envelope& envelope, std::span<const PublicKey> keys,
                                              std::size_t threshold) {
  const Bytes message = pae(envelope.payload_type, envelope.payload);
  std::set<std::string> out;
  for (const Signature& one : envelope.signatures) {
    const auto key =
        std::find_if(keys.begin(), keys.end(), [&](const PublicKey& k) { return k.keyid() == one.keyid; });
    if (key == keys.end()) {
      return fail(ErrorKind::kDenied,
                  "signed by key " + one.keyid.substr(0, 12) + ", which is not trusted here");
    }
    if (!key->verify(message, one.sig)) {
      return fail(ErrorKind::kDenied, "the signature by key " + one.keyid.substr(0, 12) + " does not verify");
    }
    out.insert(one.keyid);
  }
  if (out.size() < threshold) {
    return fail(ErrorKind::kDenied, "has " + std::to_string(out.size()) + " of " + std::to_string(threshold) +
                                        " signatures that are needed");
  }
  return out;
}

}  // namespace sallyport::trust
