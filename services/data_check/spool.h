// What compressed streams hold, for a table that is read part by part: small ones in memory, larger ones in a
// file without a name.
//
// A stream is first counted and only then written, so that one that expands beyond all proportion
// (limits::kExpansionRatioMax, kTableReadBytesMax) fills neither memory nor disk. For one thread.
#pragma once

#include <deque>

#include "core/mapping.h"
#include "formats/table.h"
#include "formats/unpack_to.h"

namespace sallyport::services::data_check {

// The pages that were read leave memory; they are read again when they are touched again.
void let_go_of(const Mapping& mapping);

class Spool {
 public:
  explicit Spool(std::size_t held_bytes_max) : held_bytes_max_(held_bytes_max) {}

  // The bytes live as long as the spool.
  Result<BytesView> unpack(formats::Codec codec, BytesView packed);
  void let_go() const;

 private:
  std::size_t held_bytes_max_;
  std::deque<Bytes> held_;
  std::deque<Mapping> files_;
};

}  // namespace sallyport::services::data_check
