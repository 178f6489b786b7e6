#include "formats/secrets_matcher.h"

#include <hs/hs.h>

#include <memory>
#include <string>
#include <vector>

#include "core/limits.h"
#include "formats/secrets.h"

namespace sallyport::formats {
namespace {

struct FreeDatabase {
  void operator()(hs_database_t* database) const { hs_free_database(database); }
};
struct FreeScratch {
  void operator()(hs_scratch_t* scratch) const { hs_free_scratch(scratch); }
};

struct Compiled {
  std::unique_ptr<hs_database_t, FreeDatabase> database;
  std::string error;
};

Compiled compile() {
  if (hs_valid_platform() != HS_SUCCESS) return {nullptr, "this processor lacks SSSE3"};
  std::vector<std::string> patterns;
  std::vector<unsigned> ids;
  for (const SecretRule& rule : secret_rules()) {
    ids.push_back(static_cast<unsigned>(ids.size()));
    patterns.emplace_back(rule.pattern);
  }
  std::vector<const char*> texts;
  for (const std::string& pattern : patterns) texts.push_back(pattern.c_str());
  const std::vector<unsigned> flags(ids.size(), HS_FLAG_SOM_LEFTMOST);
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                       HS_MODE_BLOCK, nullptr, &database, &error) != HS_SUCCESS) {
    const std::string id =
        error->expression < 0
            ? ""
            : std::string(secret_rules()[static_cast<std::size_t>(error->expression)].id) + ": ";
    Compiled failed{nullptr, id + error->message};
    hs_free_compile_error(error);
    return failed;
  }
  return {std::unique_ptr<hs_database_t, FreeDatabase>(database), ""};
}

const Compiled& compiled() {
  static const Compiled kCompiled = compile();
  return kCompiled;
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
  const Compiled& all = compiled();
  if (all.database == nullptr) return fail(ErrorKind::kUnsupported, "secrets: " + all.error);
  if (text.size() > limits::kSecretTextBytesMax) {
    return fail(ErrorKind::kLimit,
                "secrets: more than " + std::to_string(limits::kSecretTextBytesMax) + " bytes");
  }
  // Scratch space belongs to one thread at a time.
  thread_local std::unique_ptr<hs_scratch_t, FreeScratch> scratch;
  if (scratch == nullptr) {
    hs_scratch_t* fresh = nullptr;
    if (hs_alloc_scratch(all.database.get(), &fresh) != HS_SUCCESS)
      return fail(ErrorKind::kIo, "secrets: out of memory");
    scratch.reset(fresh);
  }
  const hs_error_t status = hs_scan(all.database.get(), text.data(), static_cast<unsigned>(text.size()), 0,
                                    scratch.get(), relay, const_cast<OnMatch*>(&on_match));
  if (status != HS_SUCCESS)
    return fail(ErrorKind::kInvalid, "secrets: matching failed with code " + std::to_string(status));
  return {};
}

}  // namespace sallyport::formats
