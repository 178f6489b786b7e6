#include "trust/ssh_signature.h"

#include <algorithm>
#include <charconv>

#include "core/env.h"
#include "core/glob.h"
#include "trust/raw_keys.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kMagic = "SSHSIG";

Result<BytesView> string_of(Reader& reader) { return reader.take(TRY(reader.u32_be())); }

void put_string(Bytes& out, BytesView bytes) {
  append_be(out, bytes.size(), 4);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Their errors do not say whose key it was.
template <class T>
Result<T> ours(Result<T> made) {
  if (!made) return within("ssh signature", made.error());
  return made;
}

Result<RawKey> ecdsa_key(std::string_view curve, Reader& reader) {
  const BytesView named = TRY(string_of(reader)), point = TRY(string_of(reader));
  if (as_text(named) != curve) return invalid("ssh signature: a key of two curves");
  return ours(RawKey::ecdsa(curve == "nistp256" ? "P-256" : curve == "nistp384" ? "P-384" : "P-521", point));
}

Result<bool> check(BytesView key_blob, BytesView signature_blob, BytesView message) {
  Reader keys(key_blob), signatures(signature_blob);
  const std::string_view type = as_text(TRY(string_of(keys)));
  const std::string_view algorithm = as_text(TRY(string_of(signatures)));
  const BytesView signature = TRY(string_of(signatures));
  if (type == "ssh-ed25519" && algorithm == type) {
    const BytesView raw = TRY(string_of(keys));
    return TRY(ours(RawKey::ed25519(raw))).verifies(HashName::kSha512, signature, message);
  }
  if (type == "ssh-rsa" && (algorithm == "rsa-sha2-256" || algorithm == "rsa-sha2-512")) {
    const BytesView exponent = TRY(string_of(keys)), modulus = TRY(string_of(keys));
    const HashName hash = algorithm == "rsa-sha2-256" ? HashName::kSha256 : HashName::kSha512;
    return TRY(ours(RawKey::rsa(modulus, exponent))).verifies(hash, signature, message);
  }
  constexpr std::string_view kEcdsa = "ecdsa-sha2-";
  if (type.starts_with(kEcdsa) && algorithm == type) {
    const std::string_view curve = type.substr(kEcdsa.size());
    if (curve != "nistp256" && curve != "nistp384" && curve != "nistp521")
      return invalid("ssh signature: of a curve that is none");
    const HashName hash = curve == "nistp256"   ? HashName::kSha256
                          : curve == "nistp384" ? HashName::kSha384
                                                : HashName::kSha512;
    const RawKey key = TRY(ecdsa_key(curve, keys));
    Reader numbers(signature);
    const BytesView first = TRY(string_of(numbers)), second = TRY(string_of(numbers));
    const Bytes der = TRY(ours(ecdsa_der(first, second)));
    return key.verifies(hash, der, message);
  }
  return fail(ErrorKind::kUnsupported,
              "ssh signature: by a key of type " + shown(type) + ", which is not checked");
}

Result<Bytes> unarmoured(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----", kEnd = "-----END SSH SIGNATURE-----";
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    return fail(ErrorKind::kUnsupported, "no ssh signature");
  std::string body(text.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  std::erase_if(body, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  return from_base64(body);
}

}  // namespace

Result<Bytes> verify_ssh_signature(std::string_view armoured, BytesView message,
                                   std::string_view name_space) {
  const Bytes blob = TRY(unarmoured(armoured));
  Reader reader(blob);
  const BytesView magic = TRY(reader.take(kMagic.size()));
  const std::uint32_t version = TRY(reader.u32_be());
  if (as_text(magic) != kMagic || version != 1) return invalid("ssh signature: damaged");
  const BytesView key = TRY(string_of(reader));
  const BytesView space = TRY(string_of(reader));
  const BytesView reserved = TRY(string_of(reader));
  const BytesView hash = TRY(string_of(reader));
  const BytesView signature = TRY(string_of(reader));
  if (as_text(space) != name_space)
    return invalid("ssh signature: made for another purpose: " + shown(as_text(space)));
  if (as_text(hash) != "sha256" && as_text(hash) != "sha512")
    return fail(ErrorKind::kUnsupported, "ssh signature: over another digest than SHA-2");
  const Bytes sum = hash_of(as_text(hash) == "sha256" ? HashName::kSha256 : HashName::kSha512, message);
  Bytes over = to_bytes(kMagic);
  for (const BytesView part : {space, reserved, hash, BytesView(sum)}) put_string(over, part);
  if (!TRY(check(key, signature, over))) return fail(ErrorKind::kDenied, "ssh signature: does not verify");
  return Bytes(key.begin(), key.end());
}

namespace {

// The words of a line; quotes hold blanks together.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  bool quoted = false, open = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ' ' || c == '\t')) {
      open = false;
      continue;
    }
    if (!open) out.emplace_back();
    open = true;
    if (c != '"') out.back() += c;
  }
  return out;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.emplace_back(text.substr(0, end));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

// "20260131", with a time or without.
Result<std::int64_t> day_of(std::string_view text) {
  if (text.size() < 8) return invalid("a day was expected, such as 20260131");
  const std::string day = std::string(text.substr(0, 4)) + "-" + std::string(text.substr(4, 2)) + "-" +
                          std::string(text.substr(6, 2));
  return parse_time(day);
}

Result<SshSigner> read_signer(const std::vector<std::string>& words) {
  SshSigner out;
  if (words.size() < 3) return invalid("principals, a type and a key were expected");
  out.principals = parts_of(words[0], ',');
  std::size_t at = 1;
  if (!words[1].starts_with("ssh-") && !words[1].starts_with("ecdsa-") && !words[1].starts_with("sk-")) {
    for (const std::string& option : parts_of(words[1], ',')) {
      const std::size_t equals = option.find('=');
      const std::string name = option.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
      if (name == "namespaces") {
        out.namespaces = parts_of(value, ',');
      } else if (name == "valid-after") {
        out.valid_after_unix_s = TRY(day_of(value));
      } else if (name == "valid-before") {
        out.valid_before_unix_s = TRY(day_of(value));
      } else if (out.namespaces.empty() || name == "cert-authority" || equals != std::string::npos) {
        return fail(ErrorKind::kUnsupported, "the option '" + name + "' is not understood");
      } else {
        out.namespaces.push_back(option);  // quotes were taken away: namespaces="git,file"
      }
    }
    at = 2;
  }
  if (words.size() < at + 2) return invalid("a type and a key were expected");
  out.key = TRY(from_base64(words[at + 1]));
  return out;
}

}  // namespace

Result<std::vector<SshSigner>> parse_allowed_signers(std::string_view text) {
  std::vector<SshSigner> out;
  std::size_t number = 0;
  for (const std::string& line : parts_of(text, '\n')) {
    ++number;
    const std::vector<std::string> words = words_of(line);
    if (words.empty() || words[0].empty() || words[0].starts_with('#')) continue;
    Result<SshSigner> signer = read_signer(words);
    if (!signer) return within("line " + std::to_string(number), signer.error());
    out.push_back(std::move(*signer));
  }
  return out;
}

const SshSigner* signer_of(const std::vector<SshSigner>& signers, BytesView key, std::string_view name_space,
                           std::int64_t when_unix_s) {
  for (const SshSigner& signer : signers) {
    const bool purpose = signer.namespaces.empty() ||
                         std::ranges::any_of(signer.namespaces,
                                             [&](const auto& one) { return glob_matches(one, name_space); });
    const bool in_time = when_unix_s >= signer.valid_after_unix_s &&
                         (signer.valid_before_unix_s == 0 || when_unix_s < signer.valid_before_unix_s);
    if (purpose && in_time && std::ranges::equal(signer.key, key)) return &signer;
  }
  return nullptr;
}

bool is_principal(const SshSigner& signer, std::string_view identity) {
  bool covered = false;
  for (const std::string& pattern : signer.principals) {
    if (pattern.starts_with('!') && glob_matches(std::string_view(pattern).substr(1), identity)) return false;
    covered = covered || glob_matches(pattern, identity);
  }
  return covered;
}

}  // namespace sallyport::trust
