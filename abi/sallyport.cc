#include "abi/sallyport.h"

#include <cstdlib>
#include <cstring>
#include <exception>

#include "core/env.h"
#include "services/scan/settings.h"
#include "services/version.h"

namespace sallyport::abi {
namespace {

namespace scanning = services::scan;

void give(char** answer, const Json& json) {
  if (answer == nullptr) return;
  const std::string text = canonical(json);
  *answer = static_cast<char*>(std::malloc(text.size() + 1));
  if (*answer != nullptr) std::memcpy(*answer, text.c_str(), text.size() + 1);
}

int refuse(char** answer, const Error& error, int code) {
  give(answer, Json{{"error", error.message}, {"hint", error.hint}});
  return code;
}

Result<scanning::ScanOptions> options_of(const char* settings) {
  scanning::Settings read;
  if (settings != nullptr) read = TRY(scanning::parse_settings(settings));
  return scanning::read_options(system_env(), read);
}

// No exception of a library may cross into a caller that has none.
template <class Body>
int guarded(char** answer, const Body& body) {
  if (answer != nullptr) *answer = nullptr;
  try {
    return body();
  } catch (const std::exception&) {
    return SALLYPORT_CANNOT_TELL;
  }
}

int scan_path(const char* path, const char* settings, char** answer) {
  if (path == nullptr) return refuse(answer, {ErrorKind::kInvalid, "no path was given"}, SALLYPORT_USAGE);
  const Result<scanning::ScanOptions> options = options_of(settings);
  if (!options) return refuse(answer, options.error(), SALLYPORT_USAGE);
  const Result<scanning::ScanReport> report = scanning::scan({path}, *options);
  if (!report) return refuse(answer, report.error(), SALLYPORT_CANNOT_TELL);
  give(answer, scanning::to_json(*report));
  return report->exit_code();
}

int scan_bytes(BytesView bytes, const char* name, const char* settings, char** answer) {
  const Result<scanning::ScanOptions> options = options_of(settings);
  if (!options) return refuse(answer, options.error(), SALLYPORT_USAGE);
  Result<scanning::ScannedFile> file = scanning::scan_bytes(bytes, name == nullptr ? "" : name, *options);
  if (!file) return refuse(answer, file.error(), SALLYPORT_CANNOT_TELL);
  scanning::ScanReport report;
  report.files.push_back(std::move(*file));
  report.bytes = bytes.size();
  give(answer, scanning::to_json(report));
  return report.exit_code();
}

}  // namespace
}  // namespace sallyport::abi

extern "C" {

const char* sallyport_version(void) { return sallyport::services::kVersion.data(); }

int sallyport_abi_version(void) { return SALLYPORT_ABI_VERSION; }

int sallyport_scan_path(const char* path, const char* settings, char** answer) {
  return sallyport::abi::guarded(answer, [&] { return sallyport::abi::scan_path(path, settings, answer); });
}

int sallyport_scan_bytes(const void* bytes, size_t size, const char* name, const char* settings,
                         char** answer) {
  return sallyport::abi::guarded(answer, [&]() -> int {
    if (bytes == nullptr && size > 0) {
      return sallyport::abi::refuse(answer, {sallyport::ErrorKind::kInvalid, "no bytes were given"},
                                    SALLYPORT_USAGE);
    }
    const sallyport::BytesView view(static_cast<const std::uint8_t*>(bytes), size);
    return sallyport::abi::scan_bytes(view, name, settings, answer);
  });
}

void sallyport_free(char* answer) { std::free(answer); }
}
