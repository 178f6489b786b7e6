// Policy packs of an organisation's own: what its pickles may use beyond the built-in packs, signed.
//
// A signed pack is a DSSE envelope, NAME.pack.json, whose payload is the YAML text of formats/pickle_pack.h.
// A folder is taken whole or not at all: one pack that does not verify or does not parse refuses all.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/env.h"
#include "formats/pickle_policy.h"
#include "trust/keys.h"

namespace sallyport::services::scan {

inline constexpr std::string_view kPackPayloadType = "application/vnd.sallyport.pack+yaml";

Result<std::shared_ptr<const formats::pickle::PolicyTable>> load_packs(Env& env,
                                                                       const std::filesystem::path& folder,
                                                                       const trust::PublicKey& key);
// The envelope of a pack that parses. Error when it does not.
Result<std::string> sign_pack(std::string_view yaml, const std::string& place, const trust::PrivateKey& key);

}  // namespace sallyport::services::scan
