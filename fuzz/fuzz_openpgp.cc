// OpenPGP: a keyring's keys may sign by its own words alone, and a signature over other bytes is never good.
#include <cstdlib>

#include "core/bytes.h"
#include "trust/openpgp.h"
#include "trust/openpgp_packets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sallyport;
  const BytesView bytes(data, size);
  const auto keyring = trust::parse_pgp_keyring(bytes);
  if (keyring && keyring->empty()) std::abort();
  if (const auto packets = trust::openpgp::packets_in(bytes)) {
    std::size_t total = 0;
    for (const auto& packet : *packets) {
      total += packet.body.size();
      (void)trust::openpgp::parse_signature(packet.body);
      (void)trust::openpgp::parse_key(packet.body);
    }
    if (total > size) std::abort();
  }
  if (!keyring) return 0;
  const auto verified = trust::verify_pgp_signature(as_text(bytes), as_bytes("what nobody signed"), *keyring);
  if (verified && *verified != nullptr) std::abort();
  return 0;
}
