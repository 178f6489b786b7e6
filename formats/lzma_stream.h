// liblzma's decoders behind one class, for formats/codec_pump.h: xz, .lzma and 7z's chains of filters.
//
// For one thread at a time. A decoder that asks for more than limits::kCodecMemoryMax ends in
// Step::kTooLarge.
#pragma once

#include <lzma.h>

#include "core/limits.h"
#include "formats/codec_pump.h"

namespace sallyport::formats {

class LzmaStream {
 public:
  static LzmaStream xz() {
    return LzmaStream([](lzma_stream* z) { return lzma_stream_decoder(z, limits::kCodecMemoryMax, 0); });
  }
  static LzmaStream alone() {
    return LzmaStream([](lzma_stream* z) { return lzma_alone_decoder(z, limits::kCodecMemoryMax); });
  }
  // A chain that ends in LZMA_VLI_UNKNOWN, last filter first applied.
  static LzmaStream raw(const lzma_filter* filters) {
    return LzmaStream([&](lzma_stream* z) {
      return lzma_raw_decoder_memusage(filters) > limits::kCodecMemoryMax ? LZMA_MEMLIMIT_ERROR
                                                                          : lzma_raw_decoder(z, filters);
    });
  }
  ~LzmaStream() { lzma_end(&z_); }
  LzmaStream(const LzmaStream&) = delete;
  LzmaStream& operator=(const LzmaStream&) = delete;

  Step step(Window& w) {
    if (status_ != LZMA_OK) return status_ == LZMA_MEMLIMIT_ERROR ? Step::kTooLarge : Step::kDamaged;
    z_.next_in = w.in;
    z_.avail_in = w.in_left;
    z_.next_out = w.out;
    z_.avail_out = w.out_left;
    const lzma_ret status = lzma_code(&z_, LZMA_RUN);
    w.in = z_.next_in;
    w.in_left = z_.avail_in;
    w.out_left = z_.avail_out;
    if (status == LZMA_STREAM_END) return Step::kEnd;
    if (status == LZMA_OK || status == LZMA_BUF_ERROR) return Step::kMore;
    return status == LZMA_MEMLIMIT_ERROR || status == LZMA_MEM_ERROR ? Step::kTooLarge : Step::kDamaged;
  }

 private:
  template <class Start>
  explicit LzmaStream(Start start) : status_(start(&z_)) {}

  lzma_stream z_ = LZMA_STREAM_INIT;
  lzma_ret status_;
};

}  // namespace sallyport::formats
