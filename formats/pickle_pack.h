// Policy packs: what the pickles of one family of packages may do, as data that people read and sign.
//
// A pack is a YAML file. It names itself, its version and the releases whose names it covers, and lists
// rules; a rule gives globals by module, the ways in which a pickle may use them, and the shape of what they
// are used with:
//
//   pack: numpy
//   version: 1
//   from: [numpy 1.26.4, numpy 2.4.0]
//   rules:
//     - ways: call rebuild build
//       arguments: class, zeros, bytes/str/object
//       names:
//         numpy._core.multiarray: _reconstruct
//
// Ways: `import` alone; `call`; `construct` by __new__ without __init__; `build`, which sets a state; `fill`,
// which appends or sets items. Importing is part of each. And what a global may be to others: `rebuild`, the
// object that it makes is an instance of its first argument; `pass`, a function that others may be handed to
// call; `base`, a type whose __init__ a rebuilding helper may run; `helper`, only ever called, never handed
// to anything.
//
// `arguments` are those of a call or construction, `state` that of a build, `keys` the only texts that may be
// keys of a state that is a dict. A shape lists positions, separated by commas; each is one or several types
// joined by '/', with ? when it may be absent and * when it may repeat. A state is one position, or in
// parentheses the positions of a tuple. Without `arguments` there must be none; without `state` it is free.
//
//   none bool int float str bytes bytearray tuple list dict set frozenset buffer global object
//   storage   what persistent_load returned
//   pairs     a dict, or a list or tuple of pairs
//   class     a global that may be called or constructed
//   func      a global with `pass`
//   base      a global with `base`
//   data      anything but a global, an object and a storage
//   any       anything but a global that is a `helper`
//   member    a text in capitals, as members of enumerations are named
//   dtype     a text such as <f8, O or U16
//   zeros     a tuple of zeros, the shape of an array that its state will fill
//   'text'    that text
//   <a.b>     that global
//
// Pure functions, safe from any thread; sizes are bounded by limits::kPack*.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sallyport::formats::pickle {

enum Way : std::uint16_t {
  kMayImport = 1 << 0,
  kMayCall = 1 << 1,
  kMayConstruct = 1 << 2,
  kMayBuild = 1 << 3,
  kMayFill = 1 << 4,
  kRebuilds = 1 << 5,
  kMayBePassed = 1 << 6,
  kIsBase = 1 << 7,
  kIsHelper = 1 << 8,
};

struct PackRule {
  std::uint16_t ways = 0;
  std::string arguments = {};
  std::string state = {};
  std::vector<std::string> keys = {};
  std::vector<std::pair<std::string, std::string>> globals = {};  // module and name
};

struct Pack {
  std::string name = {};
  std::int64_t version = 0;
  std::vector<std::string> from = {};  // "numpy 2.4.0"
  std::vector<PackRule> rules = {};
};

// `place` names the text in messages: a path.
Result<Pack> parse_pack(std::string_view text, const std::string& place);

}  // namespace sallyport::formats::pickle
