// A Croissant 1.0 description of a data set: its files by digest, and the columns of those that are tables.
//
// https://docs.mlcommons.org/croissant/docs/croissant-spec.html. Croissant carries no signature: the file is
// part of something that is signed. Values only; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/digest.h"
#include "core/json.h"

namespace sallyport::services::bundle {

struct DataFile {
  std::string path = {};    // relative to the description
  std::string format = {};  // "text/csv"; empty: application/octet-stream
  Digest sha256 = {};
  std::uint64_t size = 0;
  const Dataset* table = nullptr;  // not owned; its columns become fields
};

struct DataFacts {
  std::string name = {};
  std::string version = {};
  std::string description = {};
  std::string license = {};           // as the owner names it; empty: none is claimed
  std::string url = {};               // likewise
  std::int64_t published_unix_s = 0;  // 0: not said
  std::vector<DataFile> files = {};
};

Json to_croissant(const DataFacts& facts);

}  // namespace sallyport::services::bundle
