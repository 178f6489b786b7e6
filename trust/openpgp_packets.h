// The packets of OpenPGP (RFC 9580, version 4 keys and signatures), read strictly.
//
// Partial and indeterminate lengths, other versions and secret keys are refused. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "trust/raw_keys.h"

namespace sallyport::trust::openpgp {

enum class Tag : std::uint8_t {
  kSignature = 2,
  kPublicKey = 6,
  kMarker = 10,
  kTrust = 12,
  kUserId = 13,
  kPublicSubkey = 14,
  kUserAttribute = 17,
  kPadding = 21,
};

struct Packet {
  std::uint8_t tag = 0;
  BytesView body;
};

// At most limits::kOpenPgpPacketsMax packets, which cover the bytes whole.
Result<std::vector<Packet>> packets_in(BytesView bytes);

// The blocks of that name in the text, "SIGNATURE" or "PUBLIC KEY BLOCK", without their armour (section 6);
// their bytes one after the other. The check sum is not looked at: the signatures are.
Result<Bytes> unarmoured(std::string_view text, std::string_view name);

struct KeyPacket {
  BytesView body;
  std::int64_t created_unix_s = 0;
  std::uint8_t algorithm = 0;
  Bytes fingerprint = {};          // 20 bytes
  std::optional<RawKey> key = {};  // absent: of a kind that is not checked
};
Result<KeyPacket> parse_key(BytesView body);

struct SignaturePacket {
  std::uint8_t type = 0;
  std::uint8_t algorithm = 0;
  std::optional<HashName> hash = {};  // absent: one that is not checked
  BytesView hashed;                   // from the version to the end of the hashed part
  std::uint16_t left = 0;
  BytesView numbers;  // the algorithm's own
  std::int64_t created_unix_s = 0;
  std::uint64_t lifetime_s = 0;      // 0: for ever
  std::uint64_t key_lifetime_s = 0;  // 0: for ever
  std::optional<std::uint8_t> key_flags = {};
  Bytes issuer = {};        // a fingerprint of 20 bytes, or a key id of 8
  BytesView embedded = {};  // a signature of the subkey over its primary key
};
Result<SignaturePacket> parse_signature(BytesView body);

// Whether the key made the signature over `message`, to which what section 5.2.4 appends is still to be
// added.
bool verifies(const SignaturePacket& signature, const KeyPacket& key, Bytes message);

}  // namespace sallyport::trust::openpgp
