// A drill: a threat enacted in a private folder, with its honest twin.
//
// The author tells the story and asserts nothing; the runner always claims three things:
//   1. undefended, the attack does harm      attack, victim, harmed
//   2. defended, it is refused               attack, then the gate (present) or the mechanism (defend)
//   3. its honest twin passes                honest, the same defence, victim, not harmed
// Attacks are inert: the worst a payload does is to leave a mark inside its own World.
#pragma once

#include <any>
#include <deque>
#include <string>
#include <string_view>

#include "core/env.h"
#include "core/gate.h"
#include "core/guard.h"

namespace sallyport::drills {

// A private folder, a seed, and what the parts of a drill hand to one another. For one thread at a time.
class World {
 public:
  World(fs::path root, std::uint64_t seed) : root_(std::move(root)), seed_(seed) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const fs::path& root() const { return root_; }
  std::uint64_t seed() const { return seed_; }

  // Paths are relative to the root; parents are made.
  Result<void> write(std::string_view path, BytesView bytes);
  Result<void> write(std::string_view path, std::string_view text) { return write(path, as_bytes(text)); }
  Result<Bytes> read(std::string_view path) const;
  bool exists(std::string_view path) const;

  // Keeps a value alive as long as the world, for subjects that point at it.
  template <class T>
  T& keep(T value) {
    kept_.emplace_back(std::make_shared<T>(std::move(value)));
    return **std::any_cast<std::shared_ptr<T>>(&kept_.back());
  }
  // The one value of type T that attack or honest leaves for victim, harmed, present and defend.
  template <class T>
  T& state() {
    if (!state_.has_value()) state_ = std::make_shared<T>();
    return *held<T>();
  }
  // Only where something was left: a drill that asks for what it never made is wrong.
  template <class T>
  const T& state() const {
    return *held<T>();
  }

 private:
  template <class T>
  T* held() const {
    const auto* pointer = std::any_cast<std::shared_ptr<T>>(&state_);
    SP_CHECK(pointer != nullptr);
    return pointer->get();
  }

  fs::path root_;
  std::uint64_t seed_;
  std::deque<std::any> kept_;
  std::any state_;
};

// Runs `action`, which works on files with std::filesystem, and makes an Error of what that throws.
template <class Action>
Result<void> in_file_system(const Action& action) {
  try {
    action();
  } catch (const fs::filesystem_error& error) {
    return fail(ErrorKind::kIo, error.what());
  }
  return {};
}

struct Outcome {
  bool refused = false;
  std::string why = {};
};

struct Drill {
  std::string_view threat;
  std::string_view story;   // "an intruder with write access to the bucket replaces model.pkl"
  std::string_view honest_story;
  Result<void> (*attack)(World&);
  Result<void> (*honest)(World&);
  // What an unguarded user of the artifact does with it.
  Result<void> (*victim)(World&);
  bool (*harmed)(const World&);
  // One of the two. `present` hands the subjects to the gate of the guard that this drill belongs to;
  // `defend` runs the service's own mechanism and reports whether it refused.
  Result<Subjects> (*present)(World&) = nullptr;
  Result<Outcome> (*defend)(World&) = nullptr;
  // A statistical drill runs over several seeds and states what it must reach.
  int trials = 1;
  double harm_at_least = 1.0;
  double rate_at_least = 1.0;
  double false_positive_at_most = 0.0;
  std::string_view harm = {};  // "the client predicts with the poisoned model"
  bool alone = false;          // measures time or fills a shared resource, so nothing may run beside it
};

}  // namespace sallyport::drills
