// The pickles at the front of some bytes, one behind the other, judged: behind joblib's raw arrays too.
//
// Bytes are taken for a pickle when interpreting them reaches STOP, or when it would call, build or fill
// something, or import something dangerous: a text that happens to start with an opcode is none of these.
// Where a pickle is expected, PROTO at the front is enough, and one that breaks off is an error. For one
// thread at a time; separate calls are independent. Bounded by the limits of pickle.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "formats/pickle_policy.h"

namespace sallyport::formats::pickle {

struct Concern {
  std::uint64_t offset = 0;  // of the opcode
  Judgement judgement = Judgement::kUnlisted;
  How how = How::kImported;
  std::string call = {};    // os.system("curl …")
  std::string reason = {};  // "runs commands"
};

struct Report {
  std::vector<Concern> concerns = {};        // each text once, the first kConcernsMax
  std::vector<Divergence> divergences = {};  // loaders would read the stream differently
  std::vector<std::string> held = {};        // model files held as bytes and loaded
  std::optional<Error> error = {};  // why the last pickle has no STOP, at `end`
  std::size_t begin = 0;
  std::size_t end = 0;  // one past the last byte that belongs to a pickle
  bool joblib = false;
  std::uint64_t pickles = 0;
  std::uint64_t opcodes = 0;
  std::uint64_t uses = 0;
};
inline constexpr std::size_t kConcernsMax = 200;

Report scan_pickles(BytesView bytes, bool expected = true,
                    const PolicyTable& packs = PolicyTable::built_in());

}  // namespace sallyport::formats::pickle
