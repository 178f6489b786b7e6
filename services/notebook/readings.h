// What a body that leaves may be holding: the bytes below its encodings, and the numbers that they spell.
//
// Base64 (both alphabets, with line ends), hexadecimal, every codec of formats/codec.h, members of zip
// archives and the pixels of PNG pictures are taken off, a few layers deep and within limits/notebook.h. Pure
// functions, safe from any thread.
#pragma once

#include <functional>
#include <span>

#include "core/bytes.h"

namespace sallyport::services::notebook {

// Every layer, the body itself first. False: there was more than the limits allow, so not all was seen.
bool for_each_layer(BytesView body, const std::function<void(BytesView)>& on_layer);

// Every sequence of numbers that a layer may be: bytes, shorts, halves, floats and doubles in little-endian
// at each alignment, and the decimal numbers of a text in their order.
void for_each_reading(BytesView layer, const std::function<void(std::span<const double>)>& on_numbers);

}  // namespace sallyport::services::notebook
