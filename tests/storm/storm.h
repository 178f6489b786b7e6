// The tamper storm: from a seed, thousands of single changes to a finished run, each of which must be refused
// or leave every byte that anyone would use the same.
//
// A Subject is a folder that the storm may change, with a pristine copy in memory to restore from. Changes
// are drawn from the kinds below, each kind equally often. For one thread at a time; several storms may run
// on several folders.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/bytes.h"

namespace sallyport::storm {

namespace fs = std::filesystem;

// One state of a folder: every regular file's bytes by relative path.
using Snapshot = std::map<std::string, Bytes>;
Snapshot take_snapshot(const fs::path& folder);
// Makes the folder equal to the snapshot again, given which paths may differ.
void restore(const fs::path& folder, const Snapshot& snapshot, const std::vector<std::string>& touched);

struct Change {
  std::string kind;
  std::string what;                    // for a person
  std::vector<std::string> touched;    // relative paths
};

class Storm {
 public:
  // `history` holds checkpoints of earlier moments of the same run, oldest first.
  Storm(fs::path folder, Snapshot pristine, std::vector<Bytes> history, std::uint64_t seed);

  // Applies one change and says what it did. The folder must be pristine.
  Change strike();
  void undo(const Change& change);

 private:
  const std::string& any_file(const std::function<bool(const std::string&)>& wanted);
  void write(const std::string& path, const Bytes& bytes);
  Change flip_bit();
  Change change_tail();
  Change remove_file();
  Change swap_files();
  Change edit_log_entries();
  Change older_checkpoint();
  Change edit_database();
  Change forge_attestation();

  fs::path folder_;
  Snapshot pristine_;
  std::vector<Bytes> history_;
  std::mt19937_64 random_;
  std::uint64_t count_ = 0;
};

}  // namespace sallyport::storm
