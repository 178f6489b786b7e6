#include "tools/secrets_compile.h"

#include <hs/hs.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "formats/secrets_database.h"

namespace sallyport::tools {
namespace {

// "one two" as (?i)(?:one|two), with its dots taken literally.
std::string any_of_words(std::string_view words) {
  std::string out = "(?i)(?:";
  for (const char c : words) {
    if (c == '.') out += '\\';
    out += c == ' ' ? '|' : c;
  }
  return out + ")";
}


Result<Bytes> serialize(const formats::SecretDatabase& database) {
  char* text = nullptr;
  std::size_t size = 0;
  if (hs_serialize_database(database.get(), &text, &size) != HS_SUCCESS) {
    return fail(ErrorKind::kIo, "secrets: out of memory");
  }
  Bytes out(text, text + size);
  std::free(text);
  return out;
}

}  // namespace

Result<Bytes> compile_secret_patterns(std::span<const SecretPattern> patterns) {
  if (hs_valid_platform() != HS_SUCCESS) {
    return fail(ErrorKind::kUnsupported, "secrets: this processor lacks SSSE3");
  }
  std::vector<std::string> texts;
  std::vector<unsigned> ids;
  std::vector<unsigned> flags;
  for (const SecretPattern& pattern : patterns) {
    ids.push_back(static_cast<unsigned>(ids.size()));
    const bool named = pattern.match.empty();
    texts.push_back(named ? any_of_words(pattern.words) : std::string(pattern.match));
    // A word's begin is found again by whoever looks at its surroundings.
    flags.push_back(named ? 0 : HS_FLAG_SOM_LEFTMOST);
  }
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  // For any processor, not the one at hand: the result is shipped.
  const hs_platform_info_t any{
      .tune = HS_TUNE_FAMILY_GENERIC, .cpu_features = 0, .reserved1 = 0, .reserved2 = 0};
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const hs_error_t status =
      hs_compile_multi(pointers.data(), flags.data(), ids.data(), static_cast<unsigned>(ids.size()),
                       HS_MODE_BLOCK, &any, &database, &error);
  if (status == HS_SUCCESS) return serialize(formats::SecretDatabase(database));
  std::string what = "secrets: ";
  if (error->expression >= 0) {
    what += std::string(patterns[static_cast<std::size_t>(error->expression)].id) + ": ";
  }
  what += error->message;
  hs_free_compile_error(error);
  return invalid(std::move(what));
}

}  // namespace sallyport::tools
