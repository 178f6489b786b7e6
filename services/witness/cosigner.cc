#include "services/witness/cosigner.h"

#include <algorithm>
#include <chrono>

#include "core/limits/witness.h"

namespace sallyport::services::witness {

Cosigner::Cosigner(trust::Workspace workspace, trust::WitnessPolicy policy, Ask ask, Tell tell)
    : workspace_(std::move(workspace)),
      policy_(std::move(policy)),
      ask_(std::move(ask)),
      tell_(std::move(tell)),
      thread_([this] { work(); }) {}

Cosigner::~Cosigner() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

bool Cosigner::sleep_ms(int ms) {
  std::unique_lock lock(mutex_);
  return wake_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopping_; });
}

// Without cosignatures, which are ours to add.
std::string Cosigner::checkpoint_now() const {
  const auto bytes =
      workspace_.env->read_file(workspace_.log_directory() / "checkpoint", limits::kCheckpointBytesMax);
  if (!bytes) return {};
  const auto note = trust::parse_note(as_text(*bytes));
  return note ? note->text : std::string();
}

void Cosigner::work() {
  std::string done;
  std::string told;
  int pause_ms = limits::kWitnessPollMs;
  do {
    const std::string now = checkpoint_now();
    if (now == done) continue;
    const Result<Cosigned> cosigned = cosign_log(workspace_, policy_, ask_);
    if (cosigned && cosigned->met) {
      done = now;
      pause_ms = limits::kWitnessPollMs;
    } else {
      pause_ms = std::min(2 * pause_ms, limits::kWitnessRetryMsMax);
    }
    // The same trouble is told once.
    const std::string news = cosigned ? to_json(*cosigned).dump() : cosigned.error().message;
    if (news != told) tell_(cosigned);
    told = news;
  } while (!sleep_ms(pause_ms));
}

}  // namespace sallyport::services::witness
