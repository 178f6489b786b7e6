// Taking a data set from outside: by the pin of data.lock, or, the first time, after a look for what is
// planted.
//
// For one thread at a time; the folder is read twice, and what is handed on is checked to be what was looked
// at.
#pragma once

#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/policy.h"
#include "trust/data_release.h"

namespace sallyport::services::data {

struct IntakeOptions {
  Roles roles = {};  // of its tables, for the first look
  ImageShape image = {};
  std::string publisher = {};  // PEM of whoever is believed from now on; only for a name that is not pinned
};

struct Taken {
  trust::DataPin pin = {};
  bool first = false;     // it was not pinned before
  bool advanced = false;  // a newer release of the pinned publisher
  Digest folder = {};     // the manifest of all that was looked at, release.json included
};

// kDenied: not what is pinned, or the first look found something planted; the message says what.
Result<Taken> take(Env& env, const fs::path& folder, const std::string& name, const trust::DataLock& lock,
                   const IntakeOptions& options, const Policy& policy);

}  // namespace sallyport::services::data
