// Hostile pickles: many ways to make loading call something, each of them inert but for one mark.
//
// Loaded by the loader that its suffix names, each makes a file or folder "mark" in the working folder, and
// nothing else. CPython 3.11 is the ground truth: every one of them was seen to fire there, and the drill
// shows it again. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "core/bytes.h"

namespace sallyport::drills::forges {

inline constexpr std::string_view kMark = "mark";

struct HostilePickle {
  std::string name;    // "obj", "extension_registry_4", "zip_in_zip"
  std::string suffix;  // .pkl, .gz, .zlib, .zip, .tar, .npy, .npz, .pt: which loader takes it
  std::string bytes;
};

// Always the same kHostilePickles ones, in the same order.
inline constexpr int kHostilePickles = 134;
const std::vector<HostilePickle>& hostile_pickles();

}  // namespace sallyport::drills::forges
