// XGBoost's C library, found when it is first asked for: a machine without it lacks nothing else of us.
//
// The declarations are those of its C API (xgboost/c_api.h of 1.7), which has kept them since 1.0. Loaded
// once; safe from any thread. A call that fails returns another value than 0, and error() says why.
#pragma once

#include <cstdint>

#include "core/result.h"

namespace sallyport::learn {

struct Xgboost {
  using Handle = void*;

  const char* (*error)() = nullptr;
  int (*matrix_create)(const float* values, std::uint64_t rows, std::uint64_t columns, float missing,
                       Handle* out) = nullptr;
  int (*matrix_set)(Handle matrix, const char* field, const float* values, std::uint64_t count) = nullptr;
  int (*matrix_free)(Handle matrix) = nullptr;
  int (*booster_create)(const Handle* matrices, std::uint64_t count, Handle* out) = nullptr;
  int (*booster_set)(Handle booster, const char* name, const char* value) = nullptr;
  int (*booster_update)(Handle booster, int round, Handle matrix) = nullptr;
  int (*booster_predict)(Handle booster, Handle matrix, int options, unsigned trees, int training,
                         std::uint64_t* count, const float** out) = nullptr;
  int (*booster_free)(Handle booster) = nullptr;

  // An Error where the library is not installed.
  static Result<const Xgboost*> load();
};

}  // namespace sallyport::learn
