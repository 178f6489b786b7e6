#include "trust/openpgp_packets.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/limits/openpgp.h"

namespace sallyport::trust::openpgp {
namespace {

constexpr std::uint8_t kRsa = 1, kRsaSign = 3, kEcdsa = 19, kEdDsa = 22, kEd25519 = 27;

std::unexpected<Error> damaged(const std::string& what) { return invalid("openpgp: " + what); }

Result<std::uint64_t> number_be(Reader& reader, std::size_t size) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : TRY(reader.take(size))) out = out << 8U | byte;
  return out;
}

// Section 4.2.
Result<Packet> next_packet(Reader& reader) {
  const std::uint8_t first = TRY(reader.u8());
  if ((first & 0x80U) == 0) return damaged("a packet without its mark");
  Packet out;
  std::uint64_t size = 0;
  if ((first & 0x40U) == 0) {
    out.tag = (first >> 2U) & 0xfU;
    constexpr std::uint8_t kIndeterminate = 3;
    if ((first & 3U) == kIndeterminate) return damaged("a packet of indeterminate length");
    size = TRY(number_be(reader, std::size_t{1} << (first & 3U)));
  } else {
    out.tag = first & 0x3fU;
    const std::uint8_t length = TRY(reader.u8());
    if (length < 192) {
      size = length;
    } else if (length < 224) {
      size = (length - 192U) * 256U + TRY(reader.u8()) + 192U;
    } else if (length == 255) {
      size = TRY(number_be(reader, 4));
    } else {
      return damaged("a packet in parts");
    }
  }
  out.body = TRY(reader.take(size));
  return out;
}

// A multiprecision integer, section 3.2, without leading zeros.
Result<BytesView> integer(Reader& reader) {
  const std::uint64_t bits = TRY(number_be(reader, 2));
  const BytesView bytes = TRY(reader.take((bits + 7) / 8));
  if (bits > 0 && bytes.front() >> ((bits - 1) % 8) != 1) return damaged("a number of another length");
  return bytes;
}

// The curves' object identifiers, section 9.2.
struct Curve {
  std::array<std::uint8_t, 10> oid;
  std::size_t size;
  std::string_view group;
};
constexpr std::array kCurves{Curve{{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, 8, "P-256"},
                             Curve{{0x2b, 0x81, 0x04, 0x00, 0x22}, 5, "P-384"},
                             Curve{{0x2b, 0x81, 0x04, 0x00, 0x23}, 5, "P-521"},
                             Curve{{0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01}, 9, "Ed25519"}};

Result<std::optional<RawKey>> key_material(std::uint8_t algorithm, Reader& reader) {
  if (algorithm == kRsa || algorithm == kRsaSign) {
    const BytesView modulus = TRY(integer(reader)), exponent = TRY(integer(reader));
    // A short key is no error of the keyring: it makes no signature that counts.
    const Result<RawKey> key = RawKey::rsa(modulus, exponent);
    return key ? std::optional(*key) : std::nullopt;
  }
  if (algorithm == kEd25519) return std::optional(TRY(RawKey::ed25519(TRY(reader.take(32)))));
  if (algorithm != kEcdsa && algorithm != kEdDsa) {
    TRY(reader.take(reader.remaining()));
    return std::optional<RawKey>();
  }
  const BytesView oid = TRY(reader.take(TRY(reader.u8())));
  const BytesView point = TRY(integer(reader));
  for (const Curve& curve : kCurves) {
    if (!std::ranges::equal(oid, std::span(curve.oid).first(curve.size))) continue;
    if ((curve.group == "Ed25519") != (algorithm == kEdDsa)) return damaged("a key of two kinds");
    if (algorithm == kEcdsa) return std::optional(TRY(RawKey::ecdsa(curve.group, point)));
    constexpr std::uint8_t kNative = 0x40;
    if (point.size() != 33 || point.front() != kNative) return damaged("a key that is none");
    return std::optional(TRY(RawKey::ed25519(point.subspan(1))));
  }
  return std::optional<RawKey>();
}

Bytes padded(BytesView number, std::size_t size) {
  Bytes out(size - std::min(size, number.size()));
  out.insert(out.end(), number.begin(), number.end());
  return out;
}

struct Subpacket {
  std::uint8_t type = 0;
  bool critical = false;
  BytesView body;
};

// Section 5.2.3.7.
Result<std::vector<Subpacket>> subpackets_in(BytesView area) {
  std::vector<Subpacket> out;
  for (Reader reader(area); !reader.done();) {
    if (out.size() == limits::kOpenPgpSubpacketsMax) return damaged("too many subpackets");
    std::uint64_t size = TRY(reader.u8());
    if (size == 255) {
      size = TRY(number_be(reader, 4));
    } else if (size >= 192) {
      size = (size - 192) * 256 + TRY(reader.u8()) + 192;
    }
    if (size == 0) return damaged("an empty subpacket");
    const std::uint8_t type = TRY(reader.u8());
    out.push_back({.type = static_cast<std::uint8_t>(type & 0x7fU),
                   .critical = (type & 0x80U) != 0,
                   .body = TRY(reader.take(size - 1))});
  }
  return out;
}

Result<std::uint64_t> four_bytes(BytesView body) {
  if (body.size() != 4) return damaged("a time of another length");
  Reader reader(body);
  return number_be(reader, 4);
}

// What only the hashed part may say; the unhashed one names the issuer and holds the embedded signature,
// which is checked for itself.
Result<void> read_hashed(const Subpacket& one, SignaturePacket& out) {
  constexpr std::uint8_t kCreated = 2, kExpires = 3, kExportable = 4, kTrust = 5, kRevocable = 7,
                         kKeyExpires = 9, kNotation = 20, kPrimaryId = 25, kFlags = 27, kSignersId = 28,
                         kReason = 29, kFeatures = 30;
  constexpr std::array kNoMatter{kExportable, kTrust, kRevocable, kPrimaryId, kSignersId, kReason, kFeatures};
  switch (one.type) {
    case kCreated: out.created_unix_s = static_cast<std::int64_t>(TRY(four_bytes(one.body))); return {};
    case kExpires: out.lifetime_s = TRY(four_bytes(one.body)); return {};
    case kKeyExpires: out.key_lifetime_s = TRY(four_bytes(one.body)); return {};
    case kFlags: out.key_flags = one.body.empty() ? std::uint8_t{0} : one.body.front(); return {};
    default: break;
  }
  const bool known = std::ranges::find(kNoMatter, one.type) != kNoMatter.end();
  if (one.critical && (!known || one.type == kNotation))
    return damaged("a critical subpacket that is not known");
  return {};
}

Result<void> read_issuer(const Subpacket& one, SignaturePacket& out) {
  constexpr std::uint8_t kIssuer = 16, kEmbedded = 32, kFingerprint = 33;
  if (one.type == kIssuer && one.body.size() == 8 && out.issuer.empty()) {
    out.issuer.assign(one.body.begin(), one.body.end());
  } else if (one.type == kFingerprint && one.body.size() == 21 && one.body.front() == 4) {
    out.issuer.assign(one.body.begin() + 1, one.body.end());
  } else if (one.type == kEmbedded) {
    out.embedded = one.body;
  }
  return {};
}

bool is_issuer_kind(std::uint8_t type) { return type == 16 || type == 32 || type == 33; }

}  // namespace

Result<std::vector<Packet>> packets_in(BytesView bytes) {
  std::vector<Packet> out;
  for (Reader reader(bytes); !reader.done();) {
    if (out.size() == limits::kOpenPgpPacketsMax) return fail(ErrorKind::kLimit, "openpgp: too many packets");
    out.push_back(TRY(next_packet(reader)));
  }
  return out;
}

Result<Bytes> unarmoured(std::string_view text, std::string_view name) {
  const std::string begin = "-----BEGIN PGP " + std::string(name) + "-----";
  const std::string end = "-----END PGP " + std::string(name) + "-----";
  Bytes out;
  bool any = false;
  for (std::size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at)) {
    const std::size_t body = at + begin.size(), stop = text.find(end, body);
    if (stop == std::string_view::npos) return damaged("a block without an end");
    std::string base64;
    bool headers = true;
    // The first line is the rest of the mark; headers end with an empty line, where there are any.
    std::string_view rest = text.substr(body, stop - body);
    for (std::size_t line_end = 0; !rest.empty(); rest.remove_prefix(std::min(line_end + 1, rest.size()))) {
      line_end = rest.find('\n');
      std::string_view line = rest.substr(0, line_end);
      if (line_end == std::string_view::npos) line_end = rest.size();
      while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t'))
        line.remove_suffix(1);
      if (headers && line.find(": ") != std::string_view::npos) continue;
      if (!line.empty()) headers = false;
      if (line.starts_with('=')) break;
      base64 += line;
    }
    const Bytes block = TRY(from_base64(base64));
    out.insert(out.end(), block.begin(), block.end());
    any = true;
    at = stop + end.size();
  }
  if (!any) return fail(ErrorKind::kUnsupported, "openpgp: no " + std::string(name) + " in the text");
  return out;
}

Result<KeyPacket> parse_key(BytesView body) {
  Reader reader(body);
  if (TRY(reader.u8()) != 4) return fail(ErrorKind::kUnsupported, "openpgp: a key of another version than 4");
  KeyPacket out{.body = body};
  out.created_unix_s = static_cast<std::int64_t>(TRY(number_be(reader, 4)));
  out.algorithm = TRY(reader.u8());
  Result<std::optional<RawKey>> key = key_material(out.algorithm, reader);
  if (!key) return within("openpgp", key.error());
  out.key = std::move(*key);
  if (!reader.done()) return damaged("a key with bytes behind it");
  // Section 5.5.4: version 4 fingerprints are SHA-1; they name a key, and no more is built on them.
  Bytes named{0x99};
  append_be(named, body.size(), 2);
  if (body.size() > 0xffff) return damaged("a key that is too long");
  named.insert(named.end(), body.begin(), body.end());
  out.fingerprint.resize(20);
  unsigned size = 0;
  EVP_Digest(named.data(), named.size(), out.fingerprint.data(), &size, EVP_sha1(), nullptr);
  return out;
}

Result<SignaturePacket> parse_signature(BytesView body) {
  Reader reader(body);
  if (TRY(reader.u8()) != 4) {
    return fail(ErrorKind::kUnsupported, "openpgp: a signature of another version than 4");
  }
  SignaturePacket out;
  out.type = TRY(reader.u8());
  out.algorithm = TRY(reader.u8());
  const std::uint8_t hash = TRY(reader.u8());
  if (hash >= 8 && hash <= 10) {
    constexpr std::array kNames{HashName::kSha256, HashName::kSha384, HashName::kSha512};
    out.hash = kNames[hash - 8U];
  }
  const BytesView hashed = TRY(reader.take(TRY(number_be(reader, 2))));
  out.hashed = body.first(reader.offset());
  const BytesView unhashed = TRY(reader.take(TRY(number_be(reader, 2))));
  out.left = static_cast<std::uint16_t>(TRY(number_be(reader, 2)));
  out.numbers = TRY(reader.take(reader.remaining()));
  for (const Subpacket& one : TRY(subpackets_in(hashed))) {
    if (is_issuer_kind(one.type)) {
      TRY(read_issuer(one, out));
    } else {
      TRY(read_hashed(one, out));
    }
  }
  for (const Subpacket& one : TRY(subpackets_in(unhashed))) TRY(read_issuer(one, out));
  if (out.created_unix_s == 0) return damaged("a signature without a time");
  return out;
}

bool verifies(const SignaturePacket& signature, const KeyPacket& key, Bytes message) {
  if (!key.key || !signature.hash || signature.algorithm != key.algorithm) return false;
  message.insert(message.end(), signature.hashed.begin(), signature.hashed.end());
  message.insert(message.end(), {0x04, 0xff});
  append_be(message, signature.hashed.size(), 4);
  const Bytes sum = hash_of(*signature.hash, message);
  if (sum[0] != signature.left >> 8U || sum[1] != (signature.left & 0xffU)) return false;
  Reader reader(signature.numbers);
  // Ed25519 signs the sum itself, RSA and ECDSA sign the message by it.
  if (signature.algorithm == kEd25519) {
    return signature.numbers.size() == 64 && key.key->verifies(*signature.hash, signature.numbers, sum);
  }
  const auto first = integer(reader);
  if (!first) return false;
  if (signature.algorithm == kRsa || signature.algorithm == kRsaSign) {
    return reader.done() && key.key->verifies(*signature.hash, *first, message);
  }
  const auto second = integer(reader);
  if (!second || !reader.done()) return false;
  if (signature.algorithm == kEdDsa) {
    Bytes both = padded(*first, 32);
    const Bytes rest = padded(*second, 32);
    both.insert(both.end(), rest.begin(), rest.end());
    return both.size() == 64 && key.key->verifies(*signature.hash, both, sum);
  }
  const auto der = ecdsa_der(*first, *second);
  return der && key.key->verifies(*signature.hash, *der, message);
}

}  // namespace sallyport::trust::openpgp
