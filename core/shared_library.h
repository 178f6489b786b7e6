// A shared library that is looked for when it is first needed, so that a machine without it lacks nothing
// else.
#pragma once

#include <dlfcn.h>

#include <string>

#include "core/result.h"

namespace sallyport {

// `what` and `package` are for people: "PostgreSQL's client library", "libpq5". It is never unloaded.
inline Result<void*> open_library(const char* file, const std::string& what, const std::string& package) {
  void* library = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  const char* why = ::dlerror();
  return fail(ErrorKind::kUnsupported, what + ": " + (why == nullptr ? file : why),
              "install it (Debian: " + package + ")");
}

template <class Function>
Result<void> find_symbol(void* library, const char* name, Function& into) {
  void* found = ::dlsym(library, name);
  if (found == nullptr)
    return fail(ErrorKind::kUnsupported, "a library of another kind: it has no " + std::string(name));
  into = reinterpret_cast<Function>(found);
  return {};
}

}  // namespace sallyport
