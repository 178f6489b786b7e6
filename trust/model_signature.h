// OpenSSF Model Signing v1.0 (ossf/model-signing-spec): a detached signature over the files of a model's
// directory, as a Sigstore bundle v0.3 around a DSSE envelope around an in-toto Statement v1.
//
// Read and written for one key or certificate (ECDSA, trust/ecdsa.h), `files` serialisation, and SHA-256 or
// BLAKE3, so that the ecosystem's own tool verifies ours and ours verifies its bundles. That format leaves
// out modes, empty directories and .git, .github, .gitignore, .gitattributes at the top; what we sign names
// them too, in an annotation of the subject that other readers pass over. What a bundle does not speak of is
// refused where it could do harm: a file that is not listed, an executable one, an empty directory. Values
// only; safe from any thread.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/digest.h"
#include "core/env.h"
#include "core/json.h"
#include "trust/ecdsa.h"
#include "trust/manifest.h"

namespace sallyport::trust {

inline constexpr std::string_view kModelSignaturePredicate = "https://model_signing/signature/v1.0";
inline constexpr std::string_view kModelTreeAnnotation = "https://sallyport.dev/model-tree/v1";

// What the format itself leaves out, and our annotation adds.
struct ModelTree {
  std::set<std::string> executable = {};
  std::set<std::string> empty_directories = {};
  std::map<std::string, Digest> unlisted = {};  // below .git and the like
};

// Which hash names the bytes of a file.
enum class FileHash : std::uint8_t { kSha256, kBlake3 };
std::string_view name_of(FileHash hash);
Result<FileHash> file_hash_named(std::string_view name);

struct SignedModel {
  std::string name = {};                     // the directory's, when it was signed
  FileHash hash = FileHash::kSha256;         // by which all digests are
  std::map<std::string, Digest> files = {};  // by path
  std::optional<ModelTree> tree = {};        // absent in bundles of other tools
};

// What a directory holds, sorted by path.
struct ModelFiles {
  struct File {
    std::string path = {};
    EntryMode mode = EntryMode::kFile;
    Digest digest = {};
  };
  FileHash hash = FileHash::kSha256;
  std::vector<File> files = {};

  ModelFiles() = default;
  ModelFiles(const Manifest& manifest);  // by SHA-256
};
// Walks and hashes `directory` on all cores. Links, devices and names that are not UTF-8 are Errors.
Result<ModelFiles> list_model(Env& env, const fs::path& directory, FileHash hash);

// The directory as its statement's JSON. `signature_path`, relative to it, is left out; empty when the
// signature is kept elsewhere.
Json model_statement(const std::string& name, const ModelFiles& model, const std::string& signature_path);
// Strict: closed schema, safe unique paths, a root digest that is the resources' own.
Result<SignedModel> read_model_statement(BytesView payload);

struct ModelSigner {
  EcdsaPrivateKey key;
  std::vector<Certificate> certificates = {};  // the signer's own first; empty: signs by its key alone
};
// Refuses a certificate that is not the key's, may not sign, or is not valid at `now_unix_s`.
Result<std::string> sign_model(const Json& statement, const ModelSigner& signer, std::int64_t now_unix_s);

// The certificates that a chain may end in, and when the signature must have been good. A bundle carries no
// time that could be believed, so this is the present unless the caller knows better.
struct TrustedCertificates {
  std::vector<Certificate> roots = {};
  std::int64_t at_unix_s = 0;
};
using ModelTrust = std::variant<EcdsaPublicKey, TrustedCertificates>;

// The bundle's signature and schema; its content only when both hold.
Result<SignedModel> open_model_bundle(BytesView file, const ModelTrust& trust);

// What differs between the signature and the directory, one line each, sorted; none: they agree. Paths in
// `allowed`, and what is below them, may be there although the signature does not speak of them.
// Both by the same hash.
std::vector<std::string> compare_model(const SignedModel& model, const ModelFiles& actual,
                                       const std::string& signature_path,
                                       const std::set<std::string>& allowed = {});

// Lists the directory and compares.
Result<std::vector<std::string>> check_model(Env& env, const fs::path& directory, const SignedModel& model,
                                             const fs::path& signature,
                                             const std::set<std::string>& allowed = {});
// The path of `file` below `directory`, or "" when it is elsewhere.
std::string path_within(const fs::path& directory, const fs::path& file);

}  // namespace sallyport::trust
