// Signatures that `ssh-keygen -Y sign` makes, as git keeps them in commits and tags (OpenSSH's
// PROTOCOL.sshsig), and the file of those who may sign (ssh-keygen(1), ALLOWED SIGNERS).
//
// Verified are Ed25519, ECDSA over P-256, P-384 and P-521, and RSA with SHA-2 from 2048 bits on. Security
// keys and certificates are not: such a signature is an Error of kind kUnsupported, never a good one. Pure
// functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::trust {

struct SshSigner {
  std::vector<std::string> principals = {};  // patterns with * and ?, one beginning with ! excludes
  std::vector<std::string> namespaces = {};  // empty: any
  Bytes key = {};                            // as it stands in a signature
  std::int64_t valid_after_unix_s = 0;
  std::int64_t valid_before_unix_s = 0;  // 0: for ever
};

// Error with the line that is no entry. Certificate authorities are refused: what they signed is not checked.
Result<std::vector<SshSigner>> parse_allowed_signers(std::string_view text);

// The key that made the signature over `message` in the namespace, which is "git" for git. Error: it is
// damaged, of another namespace, does not verify, or of a kind that is not supported.
Result<Bytes> verify_ssh_signature(std::string_view armoured, BytesView message, std::string_view name_space);

// The first signer whose key this is, who may sign in the namespace and at that time; nullptr when there is
// none.
const SshSigner* signer_of(const std::vector<SshSigner>& signers, BytesView key, std::string_view name_space,
                           std::int64_t when_unix_s);
// Whether the signer's patterns cover the identity.
bool is_principal(const SshSigner& signer, std::string_view identity);

}  // namespace sallyport::trust
