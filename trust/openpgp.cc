#include "trust/openpgp.h"

#include <algorithm>
#include <optional>

#include "core/limits/openpgp.h"
#include "trust/openpgp_packets.h"

namespace sallyport::trust {
namespace {

using openpgp::KeyPacket;
using openpgp::Packet;
using openpgp::SignaturePacket;
using openpgp::Tag;

// Section 5.2.1.
constexpr std::uint8_t kOverBytes = 0x00, kCertifyFirst = 0x10, kCertifyLast = 0x13, kBindsSubkey = 0x18,
                       kBindsPrimary = 0x19, kOverKey = 0x1f, kRevokesKey = 0x20, kRevokesSubkey = 0x28,
                       kRevokesIdentity = 0x30;
constexpr std::uint8_t kMaySign = 0x02;

void add_key(Bytes& message, const KeyPacket& key) {
  message.push_back(0x99);
  append_be(message, key.body.size(), 2);
  message.insert(message.end(), key.body.begin(), key.body.end());
}

Bytes over_key(const KeyPacket& primary) {
  Bytes out;
  add_key(out, primary);
  return out;
}
Bytes over_subkey(const KeyPacket& primary, const KeyPacket& subkey) {
  Bytes out = over_key(primary);
  add_key(out, subkey);
  return out;
}
Bytes over_identity(const KeyPacket& primary, BytesView identity) {
  Bytes out = over_key(primary);
  out.push_back(0xb4);
  append_be(out, identity.size(), 4);
  out.insert(out.end(), identity.begin(), identity.end());
  return out;
}

// "Ana <ana@plant.example>" to the address; an identity that is nothing but an address is one too.
std::string address_in(std::string_view identity) {
  const std::size_t begin = identity.rfind('<'), end = identity.rfind('>');
  if (begin != std::string_view::npos && end != std::string_view::npos && begin < end &&
      end + 1 == identity.size())
    return std::string(identity.substr(begin + 1, end - begin - 1));
  const bool plain =
      identity.find(' ') == std::string_view::npos && identity.find('@') != std::string_view::npos;
  return plain ? std::string(identity) : "";
}

// What lies between one primary key and the next.
class Certificate {
 public:
  explicit Certificate(KeyPacket primary) : primary_(std::move(primary)) {}

  void begin_identity(BytesView identity, bool of_text) {
    subkey_.reset();
    identity_ = of_text ? std::optional(identity) : std::nullopt;
    skipped_ = !of_text;
    if (of_text) identities_.push_back({.text = identity});
  }
  void begin_subkey(KeyPacket subkey) {
    identity_.reset();
    skipped_ = false;
    subkeys_.push_back({.key = std::move(subkey)});
    subkey_ = subkeys_.size() - 1;
  }
  // Of something that is not read: so are the signatures behind it.
  void skip() {
    subkey_.reset();
    identity_.reset();
    skipped_ = true;
  }

  // Those of others, and those that do not verify, change nothing.
  void add(const SignaturePacket& signature) {
    if (skipped_) return;
    // What is to hold for a time is said by no clock of ours.
    const bool revokes = signature.type == kRevokesKey || signature.type == kRevokesSubkey;
    if (signature.lifetime_s != 0 && !revokes) return;
    if (subkey_) return add_to_subkey(signature, subkeys_[*subkey_]);
    if (identity_) return add_to_identity(signature);
    const bool about_key = signature.type == kRevokesKey || signature.type == kOverKey;
    if (!about_key || !verifies(signature, primary_, over_key(primary_))) return;
    if (signature.type == kRevokesKey) revoked_ = true;
    if (signature.type == kOverKey) take_newest(direct_, signature);
  }

  // Nothing when no key of it may sign.
  std::optional<PgpCertificate> finish() const {
    if (revoked_) return {};
    PgpCertificate out{.fingerprint = to_hex(primary_.fingerprint)};
    // What the owner said last of the primary key, in any of the places where that is said.
    std::optional<SignaturePacket> own = direct_;
    for (const Identity& identity : identities_) {
      if (identity.revoked || !identity.self) continue;
      if (const std::string address = address_in(as_text(identity.text)); !address.empty())
        out.addresses.push_back(address);
      take_newest(own, *identity.self);
    }
    if (!own) return {};
    if (!own->key_flags || (*own->key_flags & kMaySign) != 0) add_signing(out, primary_, *own);
    for (const Subkey& subkey : subkeys_) {
      const bool may =
          subkey.binding && subkey.binding->key_flags && (*subkey.binding->key_flags & kMaySign) != 0;
      if (may && !subkey.revoked && agrees(subkey)) add_signing(out, subkey.key, *subkey.binding);
    }
    // A certificate that has expired takes its subkeys with it.
    const std::int64_t end = expiry(primary_, *own);
    for (PgpKey& key : out.signing) {
      if (end != 0 && (key.expires_unix_s == 0 || key.expires_unix_s > end)) key.expires_unix_s = end;
    }
    if (out.signing.empty() || out.addresses.empty()) return {};
    return out;
  }

 private:
  struct Identity {
    BytesView text;
    std::optional<SignaturePacket> self = {};
    bool revoked = false;
  };
  struct Subkey {
    KeyPacket key;
    std::optional<SignaturePacket> binding = {};
    bool revoked = false;
  };

  static void take_newest(std::optional<SignaturePacket>& known, const SignaturePacket& signature) {
    if (!known || signature.created_unix_s >= known->created_unix_s) known = signature;
  }

  void add_to_identity(const SignaturePacket& signature) {
    const bool certifies = signature.type >= kCertifyFirst && signature.type <= kCertifyLast;
    if (!certifies && signature.type != kRevokesIdentity) return;
    if (!verifies(signature, primary_, over_identity(primary_, *identity_))) return;
    if (certifies) return take_newest(identities_.back().self, signature);
    identities_.back().revoked = true;
  }

  void add_to_subkey(const SignaturePacket& signature, Subkey& subkey) const {
    if (signature.type != kBindsSubkey && signature.type != kRevokesSubkey) return;
    if (!verifies(signature, primary_, over_subkey(primary_, subkey.key))) return;
    if (signature.type == kRevokesSubkey) subkey.revoked = true;
    if (signature.type == kBindsSubkey) take_newest(subkey.binding, signature);
  }

  // Else a stranger could take another's signing key for his own.
  bool agrees(const Subkey& subkey) const {
    if (subkey.binding->embedded.empty()) return false;
    const auto back = openpgp::parse_signature(subkey.binding->embedded);
    return back && back->type == kBindsPrimary &&
           verifies(*back, subkey.key, over_subkey(primary_, subkey.key));
  }

  static std::int64_t expiry(const KeyPacket& key, const SignaturePacket& said) {
    return said.key_lifetime_s == 0 ? 0 : key.created_unix_s + static_cast<std::int64_t>(said.key_lifetime_s);
  }

  static void add_signing(PgpCertificate& out, const KeyPacket& key, const SignaturePacket& said) {
    if (!key.key) return;
    out.signing.push_back({.fingerprint = key.fingerprint,
                           .algorithm = key.algorithm,
                           .key = *key.key,
                           .body = Bytes(key.body.begin(), key.body.end()),
                           .created_unix_s = key.created_unix_s,
                           .expires_unix_s = expiry(key, said)});
  }

  KeyPacket primary_;
  bool revoked_ = false;
  bool skipped_ = false;
  std::optional<SignaturePacket> direct_ = {};
  std::vector<Identity> identities_ = {};
  std::vector<Subkey> subkeys_ = {};
  std::optional<BytesView> identity_ = {};
  std::optional<std::size_t> subkey_ = {};
};

// Each packet belongs to the certificate before it. A key of another version takes what follows it along.
Result<std::vector<PgpCertificate>> certificates_in(const std::vector<Packet>& packets) {
  std::vector<PgpCertificate> out;
  std::optional<Certificate> open;
  const auto close = [&] {
    std::optional<PgpCertificate> done = open ? open->finish() : std::nullopt;
    if (done) out.push_back(std::move(*done));
    open.reset();
  };
  for (const Packet& packet : packets) {
    const auto tag = static_cast<Tag>(packet.tag);
    if (tag == Tag::kMarker || tag == Tag::kTrust || tag == Tag::kPadding) continue;
    if (tag == Tag::kPublicKey) {
      close();
      Result<KeyPacket> key = openpgp::parse_key(packet.body);
      if (!key && key.error().kind != ErrorKind::kUnsupported) return std::unexpected(key.error());
      if (key) open.emplace(std::move(*key));
      continue;
    }
    if (tag != Tag::kSignature && tag != Tag::kUserId && tag != Tag::kUserAttribute &&
        tag != Tag::kPublicSubkey)
      return invalid("openpgp: a packet that does not belong in a keyring: " + std::to_string(packet.tag));
    if (!open) continue;
    if (tag == Tag::kUserId) open->begin_identity(packet.body, true);
    if (tag == Tag::kUserAttribute) open->begin_identity(packet.body, false);
    if (tag == Tag::kPublicSubkey) {
      Result<KeyPacket> key = openpgp::parse_key(packet.body);
      if (!key && key.error().kind != ErrorKind::kUnsupported) return std::unexpected(key.error());
      if (key) open->begin_subkey(std::move(*key));
      if (!key) open->skip();
    }
    if (tag != Tag::kSignature) continue;
    // What a keyring gathers from others may be of any version; it counts for nothing.
    if (const auto signature = openpgp::parse_signature(packet.body)) open->add(*signature);
  }
  close();
  return out;
}

bool is_of(const SignaturePacket& signature, const PgpKey& key) {
  const BytesView named = signature.issuer;
  const BytesView full = key.fingerprint;
  return named.size() == full.size() ? std::ranges::equal(named, full)
                                     : named.size() == 8 && std::ranges::equal(named, full.last(8));
}

bool was_valid(const SignaturePacket& signature, const PgpKey& key) {
  return signature.created_unix_s >= key.created_unix_s &&
         (key.expires_unix_s == 0 || signature.created_unix_s < key.expires_unix_s);
}

}  // namespace

Result<std::vector<PgpCertificate>> parse_pgp_keyring(BytesView bytes) {
  if (bytes.size() > limits::kOpenPgpBytesMax) return fail(ErrorKind::kLimit, "openpgp: keyring too large");
  Bytes unpacked;
  constexpr std::string_view kArmour = "-----BEGIN PGP ";
  if (as_text(bytes).find(kArmour) != std::string_view::npos) {
    unpacked = TRY(openpgp::unarmoured(as_text(bytes), "PUBLIC KEY BLOCK"));
    bytes = unpacked;
  }
  std::vector<PgpCertificate> out = TRY(certificates_in(TRY(openpgp::packets_in(bytes))));
  if (out.empty()) return invalid("openpgp: no key in the keyring may sign");
  return out;
}

Result<const PgpCertificate*> verify_pgp_signature(std::string_view armoured, BytesView message,
                                                   const std::vector<PgpCertificate>& keyring) {
  if (armoured.size() > limits::kOpenPgpSignatureBytesMax)
    return fail(ErrorKind::kLimit, "openpgp: signature too large");
  const Bytes bytes = TRY(openpgp::unarmoured(armoured, "SIGNATURE"));
  const std::vector<Packet> packets = TRY(openpgp::packets_in(bytes));
  if (packets.size() != 1 || static_cast<Tag>(packets.front().tag) != Tag::kSignature)
    return invalid("openpgp: not one signature");
  const SignaturePacket signature = TRY(openpgp::parse_signature(packets.front().body));
  if (signature.type != kOverBytes)
    return fail(ErrorKind::kUnsupported, "openpgp: not a signature over bytes");
  if (!signature.hash)
    return fail(ErrorKind::kUnsupported, "openpgp: a signature over another digest than SHA-2");
  if (signature.lifetime_s != 0) return fail(ErrorKind::kUnsupported, "openpgp: a signature that expires");
  if (signature.issuer.empty()) return invalid("openpgp: a signature that names no key");
  std::size_t tried = 0;
  const PgpCertificate* outdated = nullptr;
  for (const PgpCertificate& certificate : keyring) {
    for (const PgpKey& key : certificate.signing) {
      if (!is_of(signature, key) || ++tried > limits::kOpenPgpCandidatesMax) continue;
      const KeyPacket packet{.body = key.body, .algorithm = key.algorithm, .key = key.key};
      if (!verifies(signature, packet, Bytes(message.begin(), message.end()))) continue;
      if (was_valid(signature, key)) return &certificate;
      outdated = &certificate;
    }
  }
  if (tried == 0 || outdated != nullptr) return nullptr;
  return fail(ErrorKind::kDenied, "openpgp: the signature does not verify");
}

}  // namespace sallyport::trust
