#include "drills/history.h"

#include <openssl/evp.h>
#include <zlib.h>

#include <array>
#include <memory>

#include "core/digest.h"
#include "services/scan/repository.h"
#include "services/scan/review.h"

namespace sallyport::drills {
namespace {

namespace git = formats::git;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Key key_of(const Developer& developer) {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(developer.seed);
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
}

void put(Bytes& out, BytesView bytes) {
  append_be(out, bytes.size(), 4);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// RFC 8709: the type, then the 32 bytes.
Bytes public_blob(EVP_PKEY* key) {
  std::array<std::uint8_t, 32> raw{};
  std::size_t size = raw.size();
  EVP_PKEY_get_raw_public_key(key, raw.data(), &size);
  Bytes out;
  put(out, as_bytes("ssh-ed25519"));
  put(out, raw);
  return out;
}

Bytes sign(EVP_PKEY* key, const Bytes& message) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::array<std::uint8_t, 64> raw{};
  std::size_t size = raw.size();
  EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key);
  EVP_DigestSign(context, raw.data(), &size, message.data(), message.size());
  EVP_MD_CTX_free(context);
  Bytes out;
  put(out, as_bytes("ssh-ed25519"));
  put(out, raw);
  return out;
}

// OpenSSH's PROTOCOL.sshsig, as a header of a commit: each line but the first behind a blank.
std::string signature_header(const Developer& signer, const std::string& payload) {
  const Key key = key_of(signer);
  Bytes over = to_bytes("SSHSIG");
  for (const std::string_view part : {"git", "", "sha256"}) put(over, as_bytes(part));
  put(over, sha256(payload).bytes);
  Bytes blob = to_bytes("SSHSIG");
  append_be(blob, 1, 4);
  put(blob, public_blob(key.get()));
  for (const std::string_view part : {"git", "", "sha256"}) put(blob, as_bytes(part));
  put(blob, sign(key.get(), over));
  const std::string body = to_base64(blob);
  std::string out = "gpgsig -----BEGIN SSH SIGNATURE-----\n";
  for (std::size_t at = 0; at < body.size(); at += 70) out += " " + body.substr(at, 70) + "\n";
  return out + " -----END SSH SIGNATURE-----\n";
}

std::string raw_of(const git::ObjectId& id) { return std::string(as_text(id)); }

}  // namespace

std::string allowed_line(const Developer& developer) {
  return developer.email + " ssh-ed25519 " + to_base64(public_blob(key_of(developer).get())) + "\n";
}

Result<git::ObjectId> ForgedRepository::write(git::ObjectType type, const std::string& content) {
  constexpr std::string_view kNames[] = {"", "commit", "tree", "blob", "tag"};
  const git::ObjectId id = git::object_id(type, as_bytes(content));
  const std::string plain = std::string(kNames[static_cast<std::size_t>(type)]) + " " +
                            std::to_string(content.size()) + std::string(1, '\0') + content;
  uLongf size = compressBound(plain.size());
  Bytes packed(size);
  if (compress(packed.data(), &size, reinterpret_cast<const Bytef*>(plain.data()), plain.size()) != Z_OK)
    return fail(ErrorKind::kIo, "drill: zlib does not pack");
  packed.resize(size);
  const std::string hex = to_hex(id);
  TRY(world_.write("repo/.git/objects/" + hex.substr(0, 2) + "/" + hex.substr(2), packed));
  return id;
}

// One level of folders, which is all that drills need; entries in git's own order.
Result<git::ObjectId> ForgedRepository::tree(const std::map<std::string, std::string>& files) {
  std::map<std::string, std::map<std::string, std::string>> folders;
  std::map<std::string, std::string> entries;
  for (const auto& [path, content] : files) {
    const std::size_t slash = path.find('/');
    if (slash != std::string::npos) {
      folders[path.substr(0, slash)][path.substr(slash + 1)] = content;
    } else {
      entries[path] =
          "100644 " + path + std::string(1, '\0') + raw_of(TRY(write(git::ObjectType::kBlob, content)));
    }
  }
  for (const auto& [name, inner] : folders)
    entries[name + "/"] = "40000 " + name + std::string(1, '\0') + raw_of(TRY(tree(inner)));
  std::string out;
  for (const auto& [name, entry] : entries) out += entry;
  return write(git::ObjectType::kTree, out);
}

Result<git::ObjectId> ForgedRepository::commit(const ForgedCommit& commit) {
  std::string head = "tree " + to_hex(TRY(tree(commit.files))) + "\n";
  for (const git::ObjectId& parent : commit.parents) head += "parent " + to_hex(parent) + "\n";
  const std::string when = std::to_string(commit.unix_s) + " +0000\n";
  const Developer& committer = commit.signer == nullptr ? commit.author : *commit.signer;
  head += "author Drill <" + commit.author.email + "> " + when + "committer Drill <" + committer.email +
          "> " + when;
  const std::string message = "\n" + commit.message + "\n";
  std::string signature;
  if (commit.signer != nullptr)
    signature = signature_header(*commit.signer, head + (commit.exchanged ? "\nanother\n" : message));
  return write(git::ObjectType::kCommit, head + signature + message);
}

Result<void> ForgedRepository::point(const std::string& name, const git::ObjectId& id) {
  TRY(world_.write("repo/.git/HEAD", "ref: refs/heads/main\n"));
  return world_.write("repo/.git/" + name, to_hex(id) + "\n");
}

Result<void> ForgedRepository::check_out(const ForgedCommit& commit) {
  for (const auto& [path, content] : commit.files) TRY(world_.write("repo/" + path, content));
  return {};
}

Result<Subjects> reviewed_repository(World& world) {
  auto& read = world.keep(TRY(services::scan::read_repository(world.root() / "repo")));
  const auto rules = TRY(services::scan::read_review_rules(system_env(), world.root() / "rules.yaml"));
  read.add_evidence(TRY(services::scan::history_evidence(world.root() / "repo", rules)));
  Subjects out;
  out.repositories.emplace_back("repo", read.subject());
  return out;
}

}  // namespace sallyport::drills
