#include "cli/progress.h"

namespace sallyport::cli {
namespace {
constexpr std::size_t kBarColumns = 20;
constexpr std::chrono::milliseconds kRedrawAfter{100};
}  // namespace

Progress::Progress(Output& output, std::string what, std::uint64_t total)
    : output_(output), what_(std::move(what)), total_(total) {}

Progress::~Progress() { output_.status(""); }

void Progress::advance(std::string_view item, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  done_ += count;
  const auto now = std::chrono::steady_clock::now();
  if (now - drawn_ < kRedrawAfter && done_ != total_) return;
  drawn_ = now;
  if (output_.is_json() && !output_.is_quiet()) {
    Json event{{"event", "progress"}, {"what", what_}, {"done", done_}, {"item", item}};
    if (total_ > 0) event["total"] = total_;
    output_.event(event);
    return;
  }
  draw(item);
}

void Progress::draw(std::string_view item) {
  std::string text = what_ + "  ";
  if (total_ > 0) {
    const std::size_t filled = static_cast<std::size_t>(std::min(done_, total_) * kBarColumns / total_);
    text += "[" + std::string(filled, '=') + std::string(kBarColumns - filled, ' ') + "]  " +
            std::to_string(done_) + "/" + std::to_string(total_);
  } else {
    text += std::to_string(done_);
  }
  output_.status(text + "  " + std::string(item.substr(0, 40)));
}

}  // namespace sallyport::cli
