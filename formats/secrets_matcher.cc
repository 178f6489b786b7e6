#include "formats/secrets_matcher.h"

#include <hs/hs.h>

#include <memory>
#include <string>
#include <vector>

#include "core/limits.h"
#include "formats/codec.h"
#include "formats/secrets.h"
#include "formats/secrets_database.h"

// The assembler reads the database where the build put it; cmake/layers.cmake names the place.
asm(".section .rodata\n"
    ".balign 64\n"
    "sallyport_secrets_begin:\n"
    ".incbin \"" SALLYPORT_SECRETS_DB
    "\"\n"
    "sallyport_secrets_end:\n"
    ".previous\n");
extern "C" const std::uint8_t sallyport_secrets_begin[] __attribute__((visibility("hidden")));
extern "C" const std::uint8_t sallyport_secrets_end[] __attribute__((visibility("hidden")));

namespace sallyport::formats {
namespace {

struct FreeScratch {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};

const Result<SecretDatabase>& database() {
  static const Result<SecretDatabase> kDatabase = [] {
    constexpr std::size_t kBytesMax = 64 * limits::kMiB;
    const Inflated unpacked =
        unpack(Codec::kZlib, {sallyport_secrets_begin, sallyport_secrets_end}, kBytesMax);
    return deserialize_secret_database(unpacked.bytes);
  }();
  return kDatabase;
}

using OnMatch = std::function<void(std::size_t, std::size_t, std::size_t)>;

int relay(unsigned id, unsigned long long from, unsigned long long to, unsigned, void* context) {
  (*static_cast<const OnMatch*>(context))(id, static_cast<std::size_t>(from), static_cast<std::size_t>(to));
  return 0;
}

}  // namespace

Result<void> match_secret_patterns(std::string_view text, const OnMatch& on_match) {
  // Hyperscan refuses a null pointer, which is what an empty file's view may hold.
  if (text.empty()) return {};
  const Result<SecretDatabase>& all = database();
  if (!all) return std::unexpected(all.error());
  if (text.size() > limits::kSecretTextBytesMax) {
    return fail(ErrorKind::kLimit,
                "secrets: more than " + std::to_string(limits::kSecretTextBytesMax) + " bytes");
  }
  // Scratch space belongs to one thread at a time.
  thread_local std::unique_ptr<hs_scratch_t, FreeScratch> scratch;
  if (scratch == nullptr) {
    hs_scratch_t* fresh = nullptr;
    if (hs_alloc_scratch(all->get(), &fresh) != HS_SUCCESS)
      return fail(ErrorKind::kIo, "secrets: out of memory");
    scratch.reset(fresh);
  }
  const hs_error_t status = hs_scan(all->get(), text.data(), static_cast<unsigned>(text.size()), 0,
                                    scratch.get(), relay, const_cast<OnMatch*>(&on_match));
  if (status != HS_SUCCESS)
    return fail(ErrorKind::kInvalid, "secrets: matching failed with code " + std::to_string(status));
  return {};
}

}  // namespace sallyport::formats
