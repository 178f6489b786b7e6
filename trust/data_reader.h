// A version of a data set, opened for reading: every byte is held against the signed root before it is
// handed out, so nothing can be exchanged between the check and the use.
//
// `open` takes the manifest's digest and the blocks' root as a signed statement names them. Each read then
// checks the very block that it returns. Immutable; may be read from any thread.
#pragma once

#include <functional>

#include "trust/data_store.h"

namespace sallyport::trust {

class DataReader {
 public:
  static Result<DataReader> open(const DataStore& store, const Digest& manifest, const Hash& root);

  const Manifest& manifest() const { return manifest_; }
  // The blocks of the file at `path`; nullptr when there is no such file.
  const std::vector<Block>* blocks_of(std::string_view path) const;
  Result<Bytes> read(const Block& block) const;
  // The file block by block; `take` sees only what was checked.
  Result<void> read_file(std::string_view path, const std::function<Result<void>(BytesView)>& take) const;

  // Writes the tree to `to`, which appears whole or not at all; a file that an interrupted call has left
  // right is kept. On all cores.
  Result<void> checkout(Env& env, const fs::path& to, const OnFile& on_file = {}) const;
  // Reads all of it and holds each file against the manifest's own digest too.
  Result<void> verify(const OnFile& on_file = {}) const;
  // Every name in the store that this version needs.
  void add_names(std::set<EntryName>& out) const;

 private:
  explicit DataReader(const DataStore& store) : store_(&store) {}
  Result<bool> is_part_of(Env& env, const fs::path& folder) const;

  const DataStore* store_;
  Digest digest_ = {};
  Hash root_ = {};
  Manifest manifest_ = {};
  Layout layout_ = {};
  std::map<std::string, std::size_t, std::less<>> places_ = {};  // of a path in the layout
};

}  // namespace sallyport::trust
