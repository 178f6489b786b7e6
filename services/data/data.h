// Versioned data of a project: .sallyport/data holds the blocks and what is staged, the ledger holds the
// versions.
//
//   data/packs/   trust/data_store.h
//   data/staged/  NAME.json: a tree that was added and is not committed yet; never trusted, only re-verified
//
// Every function that reads a version takes it from signed statements in a log that extends the pinned one.
// Writers exclude one another by the data folder's lock. For one thread at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "trust/data_reader.h"
#include "trust/data_version.h"
#include "trust/workspace.h"

namespace sallyport::services::data {

inline constexpr std::int64_t kVersionValidS = 365LL * 24 * 3600;

struct AddReport {
  std::string name = {};
  Digest manifest = {};
  trust::Hash root = {};
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t stored = 0;  // bytes that were not there yet
};
// A file or a directory, staged under `name`.
Result<AddReport> add(const trust::Workspace& workspace, const fs::path& path, const std::string& name,
                      const trust::OnFile& on_file = {});

struct CommitOptions {
  std::string message = {};
  std::vector<std::string> inputs = {};  // "NAME@VERSION", "sha256:..."
  std::string code = {};
  std::string step = {};
  std::string tag = {};
  std::int64_t valid_s = kVersionValidS;
};
// Signs what is staged as the next version, and moves the tag to it when one is named.
Result<trust::DataVersion> commit(const trust::Workspace& workspace, const std::string& name,
                                  const CommitOptions& options);

// A project's log as a reader sees it: checked against the pin, which moves forward.
struct View {
  trust::Root root;
  trust::Ledger ledger;
  trust::DataStore store;
};
Result<View> look(const trust::Workspace& workspace);

// The lock of the writers of the data folder, which is made when it is missing.
Result<std::unique_ptr<FileLock>> hold_data(const trust::Workspace& workspace);

struct Opened {
  trust::DataVersion version = {};
  trust::DataReader reader;
};
// Resolves the name, follows its lineage, and opens it. Of a sealed name, only what lead and audit have
// signed (trust/seal.h).
Result<Opened> open(const View& view, const std::string& spec, std::int64_t now_unix_s);

struct Collected {
  std::uint64_t freed = 0;
  std::uint64_t kept = 0;  // size of the packs afterwards
};
// Removes what no version and nothing staged needs.
Result<Collected> collect(const trust::Workspace& workspace);

struct Soundness {
  std::size_t names = 0;
  std::size_t versions = 0;
  std::uint64_t bytes = 0;                 // of packs
  std::vector<std::string> problems = {};  // none: sound
};
// Everything again: packs, blocks, layouts, manifests, files, versions, lineage.
Result<Soundness> check(const trust::Workspace& workspace);

}  // namespace sallyport::services::data
