// A sealed version, and everything that somebody with the server's disk or its database tries in order to
// have other bytes loaded in its name. The test tries each on our server, the benchmark on ours and on
// MLflow's.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"

namespace sallyport::services::tracking::testing_support {

// Of version one and two of the model "digits"; the second stands behind its alias "champion".
inline constexpr std::array<std::string_view, 2> kWeights{"the weights of version one",
                                                          "the weights of version two"};
inline constexpr std::string_view kEvil = "the weights of whoever did it";
inline constexpr std::string_view kFile = "data/model.txt";

// Where a server keeps what it serves. `object` and what follows from it are of ours.
struct Place {
  fs::path root;  // its folder
  std::array<std::string, 2> runs;
  std::function<void(const std::string&)> sql;
  std::function<fs::path(std::size_t)> weights;         // the file of a version, from 1
  std::function<std::string(std::size_t)> manifest_of;  // its digest; ours alone

  fs::path object(const Digest& digest) const {
    const std::string hex = digest.hex();
    return root / "artifacts" / "objects" / "sha256" / hex.substr(0, 2) / hex.substr(2);
  }
  void overwrite(const fs::path& file, std::string_view bytes) const {
    fs::remove(file);
    fs::create_directories(file.parent_path());
    SP_CHECK(system_env().write_new(file, as_bytes(bytes), 0444).has_value());
  }
  std::string read(const fs::path& file) const {
    const auto bytes = system_env().read_file(file);
    return bytes ? std::string(as_text(*bytes)) : "";
  }
  // The store gets an object of the right name, as an upload would leave it.
  std::string plant(std::string_view bytes) const {
    overwrite(object(sha256(bytes)), bytes);
    return sha256(bytes).hex();
  }
  // The manifest of the first version with the digest of other weights in it.
  std::string planted_manifest() const {
    std::string text = read(object(Digest::parse(manifest_of(1)).value()));
    const std::string from = sha256(kWeights[0]).hex();
    text.replace(text.find(from), from.size(), plant(kEvil));
    const std::string size = "\"size\":" + std::to_string(kWeights[0].size());
    if (const std::size_t at = text.find(size); at != std::string::npos) {
      text.replace(at, size.size(), "\"size\":" + std::to_string(kEvil.size()));
    }
    return plant(text);
  }
  fs::path workspace() const { return root / ".sallyport"; }
  std::vector<fs::path> files_below(const fs::path& folder) const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const bool hidden = entry.path().filename().string().starts_with('.');
      if (entry.is_regular_file() && !hidden) out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
};

struct Tampering {
  const char* what;
  std::function<void(const Place&)> act;
};

// On all that our server keeps: the file of version one, objects, rows, statements, the log's tree.
std::vector<Tampering> of_our_server();
// On what MLflow's server keeps of which bytes a version is: the same file, and rows.
std::vector<Tampering> of_mlflows_server();

}  // namespace sallyport::services::tracking::testing_support
