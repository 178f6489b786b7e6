// What Python source beside weights would do to the machine that loads the model, and when: on import, when
// the model is made or run, or only if somebody calls a function of it.
//
// Calls are followed by name: a function that the module calls while it is imported counts as imported. Names
// are resolved over imports and plain assignments, and the ways around a name are acts of their own: getattr
// of a module, its __dict__, sys.modules, star imports, expressions in formatted strings, source in an
// encoding that hides it, letters that Python reads as others. What is computed is not followed. Nothing is
// executed. Linear in the source but for a handful of passes. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats::python {

enum class When : std::uint8_t {
  kImport,  // or by what the import calls
  kModel,   // in a method that making, loading or running a model calls
  kCall,    // somewhere else
};

struct Act {
  std::string name = {};       // "os.system", as resolved
  std::string_view does = {};  // "runs a command"
  When when = When::kCall;
  std::string by = {};     // the function that holds it; empty for the module itself
  std::size_t offset = 0;  // in the source
  std::size_t length = 0;
};

// In the order of the source; expressions in formatted strings last.
std::vector<Act> find_acts(std::string_view source);

// The encoding that the source declares (PEP 263) when it is one that hides what it says from whoever reads
// it as text: utf-7, unicode_escape and all that are no character set; else empty.
std::string_view hiding_encoding(std::string_view source);

}  // namespace sallyport::formats::python
