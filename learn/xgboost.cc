#include "learn/xgboost.h"

#include "core/shared_library.h"

namespace sallyport::learn {
namespace {

constexpr const char* kLibrary = "libxgboost.so.0";

Result<Xgboost> load_library() {
  void* library = TRY(open_library(kLibrary, "XGBoost's library", "libxgboost0"));
  Xgboost out;
  TRY(find_symbol(library, "XGBGetLastError", out.error));
  TRY(find_symbol(library, "XGDMatrixCreateFromMat", out.matrix_create));
  TRY(find_symbol(library, "XGDMatrixSetFloatInfo", out.matrix_set));
  TRY(find_symbol(library, "XGDMatrixFree", out.matrix_free));
  TRY(find_symbol(library, "XGBoosterCreate", out.booster_create));
  TRY(find_symbol(library, "XGBoosterSetParam", out.booster_set));
  TRY(find_symbol(library, "XGBoosterUpdateOneIter", out.booster_update));
  TRY(find_symbol(library, "XGBoosterPredict", out.booster_predict));
  TRY(find_symbol(library, "XGBoosterFree", out.booster_free));
  return out;
}

}  // namespace

Result<const Xgboost*> Xgboost::load() {
  static const Result<Xgboost> loaded = load_library();
  if (!loaded) return std::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace sallyport::learn
