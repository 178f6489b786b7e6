#include "core/limits/model_signature.h"
#include "trust/dsse.h"
#include "trust/model_signature.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kBundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

struct Bundle {
  std::string hint = {};
  std::vector<Certificate> certificates = {};
  Bytes payload = {};
  Bytes signature = {};
};

Result<Certificate> read_certificate(const Json& item) {
  TRY(only_members(item, {"rawBytes"}));
  return Certificate::from_der(TRY(from_base64(TRY(get_string(item, "rawBytes")))));
}

Result<void> read_material(const Json& material, Bundle& out) {
  TRY(only_members(material, {"certificate", "publicKey", "tlogEntries", "timestampVerificationData",
                              "x509CertificateChain"}));
  if (material.contains("tlogEntries") && !TRY(get_array(material, "tlogEntries")).empty()) {
    return fail(ErrorKind::kUnsupported, "log entries of Sigstore are not understood here");
  }
  if (material.contains("timestampVerificationData")) {
    return fail(ErrorKind::kUnsupported, "signed timestamps are not understood here");
  }
  const int ways = static_cast<int>(material.contains("certificate")) +
                   static_cast<int>(material.contains("publicKey")) +
                   static_cast<int>(material.contains("x509CertificateChain"));
  if (ways != 1) return invalid("one of publicKey, x509CertificateChain and certificate is wanted");
  if (material.contains("publicKey")) {
    const Json key = TRY(get_object(material, "publicKey"));
    TRY(only_members(key, {"hint"}));
    if (key.contains("hint")) out.hint = TRY(get_string(key, "hint"));
    return {};
  }
  if (material.contains("certificate")) {
    out.certificates.push_back(TRY(read_certificate(TRY(get_object(material, "certificate")))));
    return {};
  }
  const Json chain = TRY(get_object(material, "x509CertificateChain"));
  TRY(only_members(chain, {"certificates"}));
  for (const Json& item : TRY(get_array(chain, "certificates"))) {
    if (out.certificates.size() == limits::kCertificatesMax) {
      return fail(ErrorKind::kLimit, "more than 16 certificates");
    }
    out.certificates.push_back(TRY(read_certificate(item)));
  }
  if (out.certificates.empty()) return invalid("no certificate");
  return {};
}

Result<void> read_dsse(const Json& envelope, Bundle& out) {
  TRY(only_members(envelope, {"payload", "payloadType", "signatures"}));
  const std::string type = TRY(get_string(envelope, "payloadType"));
  if (type != kInTotoPayloadType) return invalid("payload type " + shown(type) + " is not in-toto's");
  const Json signatures = TRY(get_array(envelope, "signatures"));
  if (signatures.size() != 1) {
    return invalid(std::to_string(signatures.size()) + " signatures, one is wanted");
  }
  // The key id is a hint that is not signed; the key is the caller's.
  TRY(only_members(signatures.front(), {"keyid", "sig"}));
  out.signature = TRY(from_base64(TRY(get_string(signatures.front(), "sig"))));
  out.payload = TRY(from_base64(TRY(get_string(envelope, "payload"))));
  return {};
}

Result<Bundle> read_bundle(BytesView file) {
  if (file.size() > limits::kModelBundleBytesMax) return fail(ErrorKind::kLimit, "larger than 64 MiB");
  const Json whole = TRY(parse_json(as_text(file)));
  TRY(only_members(whole, {"dsseEnvelope", "mediaType", "verificationMaterial"}));
  const std::string type = TRY(get_string(whole, "mediaType"));
  if (type != kBundleType) {
    return fail(ErrorKind::kUnsupported, "media type " + shown(type) + " is not a Sigstore bundle v0.3");
  }
  Bundle out;
  TRY(read_material(TRY(get_object(whole, "verificationMaterial")), out));
  TRY(read_dsse(TRY(get_object(whole, "dsseEnvelope")), out));
  return out;
}

Result<EcdsaPublicKey> signer_of(const Bundle& bundle, const TrustedCertificates& trusted) {
  if (bundle.certificates.empty()) {
    return fail(ErrorKind::kDenied, "signed by a key without a certificate", "verify it with --public-key");
  }
  const Certificate& own = bundle.certificates.front();
  TRY(own.check_may_sign());
  TRY(own.check_valid_at(trusted.at_unix_s));
  TRY(own.check_chain(std::span(bundle.certificates).subspan(1), trusted.roots, trusted.at_unix_s));
  return own.public_key();
}

Result<EcdsaPublicKey> signer_of(const Bundle& bundle, const EcdsaPublicKey& key) {
  if (!bundle.hint.empty() && bundle.hint != key.hint()) {
    return fail(ErrorKind::kDenied, "names another key, " + shown(bundle.hint.substr(0, 12)));
  }
  return key;
}

Result<SignedModel> open_bundle(BytesView file, const ModelTrust& trust) {
  const Bundle bundle = TRY(read_bundle(file));
  const EcdsaPublicKey key =
      TRY(std::visit([&](const auto& trusted) { return signer_of(bundle, trusted); }, trust));
  if (!key.verify(pae(kInTotoPayloadType, bundle.payload), bundle.signature)) {
    return fail(ErrorKind::kDenied, "the signature does not verify");
  }
  return read_model_statement(bundle.payload);
}

Result<Json> material_of(const ModelSigner& signer, std::int64_t now_unix_s) {
  if (signer.certificates.empty()) {
    return Json{{"publicKey", {{"hint", signer.key.public_key().hint()}}}, {"tlogEntries", Json::array()}};
  }
  const Certificate& own = signer.certificates.front();
  if (TRY(own.public_key()).pem() != signer.key.public_key().pem()) {
    return fail(ErrorKind::kDenied, "certificate: is not that of the key");
  }
  TRY(own.check_may_sign());
  Json chain = Json::array();
  for (const Certificate& one : signer.certificates) {
    TRY(one.check_valid_at(now_unix_s));
    chain.push_back({{"rawBytes", to_base64(one.der())}});
  }
  return Json{{"x509CertificateChain", {{"certificates", chain}}}, {"tlogEntries", Json::array()}};
}

}  // namespace

Result<SignedModel> open_model_bundle(BytesView file, const ModelTrust& trust) {
  Result<SignedModel> out = open_bundle(file, trust);
  if (!out) return within("bundle", out.error());
  return out;
}

Result<std::string> sign_model(const Json& statement, const ModelSigner& signer, std::int64_t now_unix_s) {
  const Json material = TRY(material_of(signer, now_unix_s));
  const Bytes payload = to_bytes(canonical(statement));
  // What could not be read back must not be signed either.
  TRY(read_model_statement(payload));
  const Json signature = {{"sig", to_base64(signer.key.sign(pae(kInTotoPayloadType, payload)))},
                          {"keyid", ""}};
  return canonical({{"mediaType", std::string(kBundleType)},
                    {"verificationMaterial", material},
                    {"dsseEnvelope",
                     {{"payload", to_base64(payload)},
                      {"payloadType", std::string(kInTotoPayloadType)},
                      {"signatures", Json::array({signature})}}}});
}

}  // namespace sallyport::trust
