#include "learn/xgboost.h"

#include <dlfcn.h>

#include <string>

namespace sallyport::learn {
namespace {

constexpr const char* kLibrary = "libxgboost.so.0";

template <class F>
Result<void> find(void* library, const char* name, F& into) {
  void* found = ::dlsym(library, name);
  if (found == nullptr) return fail(ErrorKind::kUnsupported, std::string(kLibrary) + ": it has no " + name);
  into = reinterpret_cast<F>(found);
  return {};
}

Result<Xgboost> load_library() {
  void* library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(ErrorKind::kUnsupported, "XGBoost's library: " + std::string(why == nullptr ? kLibrary : why),
                "install it (Debian: libxgboost0)");
  }
  Xgboost out;
  TRY(find(library, "XGBGetLastError", out.error));
  TRY(find(library, "XGDMatrixCreateFromMat", out.matrix_create));
  TRY(find(library, "XGDMatrixSetFloatInfo", out.matrix_set));
  TRY(find(library, "XGDMatrixFree", out.matrix_free));
  TRY(find(library, "XGBoosterCreate", out.booster_create));
  TRY(find(library, "XGBoosterSetParam", out.booster_set));
  TRY(find(library, "XGBoosterUpdateOneIter", out.booster_update));
  TRY(find(library, "XGBoosterPredict", out.booster_predict));
  TRY(find(library, "XGBoosterFree", out.booster_free));
  return out;
}

}  // namespace

Result<const Xgboost*> Xgboost::load() {
  static const Result<Xgboost> loaded = load_library();
  if (!loaded) return std::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace sallyport::learn
