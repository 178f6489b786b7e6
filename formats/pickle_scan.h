// Every pickle in a file, judged: in archives, compressed, one after another, in object arrays and behind
// joblib's.
//
// A layer is taken for pickles when it starts with PROTO, or when interpreting it reaches STOP, or when it
// would call, build or fill something, or import something dangerous: a text that happens to start with an
// opcode is none of these. For one thread at a time; separate calls are independent. Bounded by the limits of
// formats/layers.h and pickle.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/finding.h"
#include "core/result.h"
#include "formats/layers.h"
#include "formats/pickle_policy.h"

namespace sallyport::formats::pickle {

struct Concern {
  std::string path = {};  // of the layer; "" is the file itself
  std::uint64_t offset =
      0;  // of the opcode: in the file when the layer lies in it as it is, else in the layer
  bool in_place = true;
  Judgement judgement = Judgement::kUnlisted;
  How how = How::kImported;
  std::string call = {};    // os.system("curl …")
  std::string reason = {};  // "runs commands"
};

struct Report {
  std::vector<Concern> concerns = {};  // each text once, the first kConcernsMax
  std::vector<Note> divergences = {};  // loaders would read the stream or the archive differently
  std::vector<Note> unread = {};       // what may be a pickle and could not be followed to its end
  std::uint64_t pickles = 0;
  std::uint64_t opcodes = 0;
  std::uint64_t uses = 0;
};
inline constexpr std::size_t kConcernsMax = 200;

Report scan_pickles(BytesView file);

// What a guard says of a report: a finding a concern and a disagreement between loaders; and when there is
// none, but something could not be followed to its end, an Error, because silence would then mean nothing.
Result<Examination> examine(const Report& report, const std::string& path, std::string_view remedy);

}  // namespace sallyport::formats::pickle
