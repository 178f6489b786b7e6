// Standard Go clients of transparency logs, built once below .deps from tests/peers/tlog.
//
// Where that cannot be done the path is empty, and whoever asked for it says so loudly.
#pragma once

#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/paths.h"

namespace sallyport::tests {

inline std::filesystem::path tlog_peer() {
  const std::string command = "sh '" + tests::source_dir() + "/tests/peers/build.sh' tlog '" +
                              tests::source_dir() + "' '" + tests::build_dir() + "'";
  FILE* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  char line[4096] = "";
  const bool said = std::fgets(line, sizeof line, pipe) != nullptr;
  if (::pclose(pipe) != 0 || !said) return {};
  std::string path = line;
  while (path.ends_with('\n')) path.pop_back();
  return path;
}

}  // namespace sallyport::tests
