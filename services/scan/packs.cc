#include "services/scan/packs.h"

#include "trust/dsse.h"

namespace sallyport::services::scan {

using formats::pickle::Pack;
using formats::pickle::PolicyTable;

Result<std::shared_ptr<const PolicyTable>> load_packs(Env& env, const fs::path& folder,
                                                      const trust::PublicKey& key) {
  std::vector<Pack> packs;
  for (const std::string& name : TRY(env.list(folder))) {
    if (!name.ends_with(".pack.json")) continue;
    const std::string place = (folder / name).string();
    const Bytes file = TRY(env.read_file(folder / name, limits::kStatementBytesMax));
    const auto envelope = trust::parse_envelope(file);
    if (!envelope) return within(place, envelope.error());
    if (envelope->payload_type != kPackPayloadType) {
      return invalid(place + ": signs something else than a pack", "sallyport sign-pack makes signed packs");
    }
    if (auto verified = trust::verify_envelope(*envelope, std::span(&key, 1), 1); !verified) {
      return within(place, verified.error());
    }
    packs.push_back(TRY(formats::pickle::parse_pack(as_text(envelope->payload), place)));
  }
  if (packs.empty()) {
    return fail(ErrorKind::kNotFound, folder.string() + ": holds no signed pack (*.pack.json)",
                "sallyport sign-pack makes signed packs");
  }
  return std::make_shared<const PolicyTable>(TRY(PolicyTable::with(packs)));
}

Result<std::string> sign_pack(std::string_view yaml, const std::string& place, const trust::PrivateKey& key) {
  TRY(formats::pickle::parse_pack(yaml, place));
  return trust::serialize(trust::sign_envelope(kPackPayloadType, as_bytes(yaml), std::span(&key, 1)));
}

}  // namespace sallyport::services::scan
