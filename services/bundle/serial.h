// The serial number of a document that follows from what it describes.
#pragma once

#include <string>

#include "core/digest.h"

namespace sallyport::services::bundle {

// An RFC 9562 version 8 identifier as a URN: equal content gives the same document.
inline std::string serial_of(const Digest& content) {
  std::string hex = content.hex().substr(0, 32);
  hex[12] = '8';
  hex[16] = 'a';
  return "urn:uuid:" + hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

}  // namespace sallyport::services::bundle
