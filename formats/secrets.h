// Credentials in text: almost five hundred kinds, matched in one pass and then judged.
//
// The rules are data (secret_rules.txt), each with texts that it must find and must pass over. Hyperscan
// matches all patterns at once; what matched is verified by structure (a GitHub checksum, a JWT's JSON, a PEM
// body), by entropy against what random text of that length and alphabet has, and by context: placeholders,
// published test vectors and documentation are passed over. Kinds without a mark of their own are known by
// the name that the value is given. Text in base64 is decoded once and searched too.
//
// A Secret names where it is and what it is; nothing here prints it. Safe from any thread. Limit:
// limits::kSecretTextBytesMax. Error when the processor lacks SSSE3, which Hyperscan needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/finding.h"
#include "core/result.h"

namespace sallyport::formats {

enum class SecretCheck : std::uint8_t {
  kNone,        // the pattern says it all
  kRandom,      // the whole match is a token of random text
  kGithub,      // the same, with GitHub's checksum in its last six characters
  kMixed,       // the same, of small letters, capitals and digits together
  kValue,       // what stands behind the last separator is random
  kJwt,         // header and payload are JSON
  kPem,         // a body of base64 follows, and an end line
  kUrl,         // user information with a password
  kBasic,       // base64 of user:password in quotes
  kHeader,      // a scheme and a credential
  kLastWord,    // the last word is the secret
  kLastField,   // the last field between colons is
  kAssignment,  // a name that says secret, and a value that looks like one
  kNamed,       // a name that says whose secret it is, and a random value
  kPassword,    // what is quoted or stands last was thought up by somebody
  kHash,        // the hash of a password
  kBase58,      // base58 with its checksum
};

struct SecretRule {
  std::string_view id;
  std::string_view what;     // "a GitHub token"
  std::string_view pattern;  // in Hyperscan's grammar; empty for a kind that is known by its name
  // The class of characters over which a match goes on, empty: it ends where it ends; of a named kind the
  // class of the value's characters.
  std::string_view tail;
  std::string_view words;  // of a named kind: one of them is in the name
  std::string_view sizes;  // and how long the value may be: "32,40" or "24-64"
  SecretCheck check;
  std::span<const std::string_view> found;        // examples that must be found
  std::span<const std::string_view> passed_over;  // and such that must not
};
std::span<const SecretRule> secret_rules();

struct Secret {
  const SecretRule* rule = nullptr;
  std::size_t offset = 0;
  std::size_t length = 0;
  Severity severity = Severity::kCritical;
  Confidence confidence = Confidence::kHigh;
  bool encoded = false;  // found in the text that base64 at this place decodes to
};

// In the order of their offsets; where two rules match the same text the more specific one is kept.
Result<std::vector<Secret>> find_secrets(std::string_view text);

// How like random text `text` is: its entropy by what uniform random text of that length over its alphabet
// (hex, base 36, base 62, base 64 or printable) has on average. Near 1 for random text; names and words are
// below 0.9.
double randomness(std::string_view text);

// Whether a value is one that people write where a secret would stand: "changeme", "<token>", "${TOKEN}",
// "xxxx".
bool is_placeholder(std::string_view value);

}  // namespace sallyport::formats
