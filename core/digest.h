// SHA-256 (FIPS 180-4), the one digest that names an artifact.
//
// OpenSSL does the work and uses the processor's SHA instructions. Hasher is for one thread at a time; the
// free functions are safe from any thread.
#pragma once

#include <array>
#include <compare>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport {

struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  std::string hex() const { return to_hex(bytes); }
  // "9f2c41aa0b77…": enough for a person to compare; never parsed.
  std::string brief() const { return hex().substr(0, 12); }
  static Result<Digest> parse(std::string_view hex);
};

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add(BytesView bytes);
  // Ends the message; the hasher then starts a new one.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(BytesView bytes);
inline Digest sha256(std::string_view text) { return sha256(as_bytes(text)); }

// HMAC-SHA-256, RFC 2104.
Digest hmac_sha256(BytesView key, BytesView message);

// Equal in time that does not depend on where two digests differ.
bool equal_constant_time(const Digest& a, const Digest& b);

}  // namespace sallyport
