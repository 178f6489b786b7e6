#include "trust/blake3.h"

#include <blake3.h>

namespace sallyport::trust {

struct Blake3::State {
  blake3_hasher hasher;
};

Blake3::Blake3() : state_(std::make_unique<State>()) { blake3_hasher_init(&state_->hasher); }
Blake3::~Blake3() = default;

void Blake3::add(BytesView bytes) { blake3_hasher_update(&state_->hasher, bytes.data(), bytes.size()); }

Digest Blake3::finish() const {
  Digest out;
  static_assert(sizeof out.bytes == BLAKE3_OUT_LEN);
  blake3_hasher_finalize(&state_->hasher, out.bytes.data(), out.bytes.size());
  return out;
}

}  // namespace sallyport::trust
