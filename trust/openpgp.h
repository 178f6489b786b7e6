// Signatures that `gpg --detach-sign` makes, as git keeps them in commits and tags (RFC 9580), and the
// keyring of those who may sign, as `gpg --export` writes it, armoured or not.
//
// Version 4 keys: RSA from 2048 bits on, ECDSA over P-256, P-384 and P-521, and Ed25519 in both its
// spellings; SHA-2 from 256 bits on. Anything else is an Error of kind kUnsupported, never a good signature.
// A key counts only with what its owner signed for it: identities, that it may sign, for how long, and for a
// subkey that it agrees (section 10.1.5); a revocation that verifies ends a key for all of its signatures,
// since the time in a signature is its maker's own word. Nothing is fetched, and no trust is passed from key
// to key: the keyring is the owner's list.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "trust/raw_keys.h"

namespace sallyport::trust {

struct PgpKey {
  Bytes fingerprint = {};  // 20 bytes
  std::uint8_t algorithm = 0;
  RawKey key;
  Bytes body = {};  // the packet's
  std::int64_t created_unix_s = 0;
  std::int64_t expires_unix_s = 0;  // 0: never
};

// One person: the keys that may sign for it, and the mail addresses of its identities.
struct PgpCertificate {
  std::string fingerprint = {};  // of the primary key, in hexadecimal
  std::vector<std::string> addresses = {};
  std::vector<PgpKey> signing = {};
};

// At most limits::kOpenPgpBytesMax bytes. Certificates that may not sign, or not any more, are left out; an
// Error when none is left, or when the bytes are no keyring.
Result<std::vector<PgpCertificate>> parse_pgp_keyring(BytesView bytes);

// Whose signature over `message` it is; nullptr: it names a key that is not in the keyring, or was not valid
// when the signature says that it was made. Error: it is damaged, does not verify (kDenied), or is of a kind
// that is not supported.
Result<const PgpCertificate*> verify_pgp_signature(std::string_view armoured, BytesView message,
                                                   const std::vector<PgpCertificate>& keyring);

}  // namespace sallyport::trust
