// An Env whose disk is in memory, forgets what was not synced, fills up, and loses its power at any
// operation.
//
// Each operation that changes the disk is counted; `cut_at(n)` lets the n-th stop half-way and fails
// everything after it. `reboot` then shows what the disk holds: what was synced, and of the rest what
// `Survival` says. The name of a file is durable once its directory was synced, its bytes once it was. Clock
// and randomness are fixed by a seed. Safe from any thread; the order of operations from several threads is
// not deterministic.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "core/env.h"

namespace sallyport::tests {

enum class Survival {
  kAll,     // kill -9: the process dies, the system lives
  kSynced,  // power cut: what was not synced is gone
  kSome,    // power cut: each unsynced change is there, gone, or half there, by the seed
};

class FaultEnv final : public Env {
 public:
  explicit FaultEnv(std::uint64_t seed = 1) : random_(seed) { root_->is_directory = true; }

  // The n-th changing operation from now on, from 1, stops half-way; 0: none does.
  void cut_at(std::uint64_t n) {
    const std::lock_guard hold(mutex_);
    cut_at_ = n == 0 ? 0 : operations_ + n;
  }
  std::uint64_t operations() const { return operations_; }
  bool is_off() const { return off_; }
  // Bytes that the disk takes in all; writes beyond fail as on a full disk.
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  void set_time(std::int64_t unix_s) { now_ = unix_s; }

  void reboot(Survival survival) {
    const std::lock_guard hold(mutex_);
    off_ = false;
    cut_at_ = 0;
    if (survival != Survival::kAll) settle(*root_, survival);
  }

  // Flips one bit of a file, as an intruder or a rotten disk would.
  Result<void> flip(const fs::path& path, std::size_t byte, int bit) {
    const std::lock_guard hold(mutex_);
    const auto node = find(path);
    if (!node || node->is_directory || byte >= node->bytes.size())
      return invalid(path.string() + ": no such byte");
    node->bytes[byte] = static_cast<std::uint8_t>(node->bytes[byte] ^ (1 << bit));
    return {};
  }
  // Every file, sorted by path.
  std::vector<fs::path> files() {
    const std::lock_guard hold(mutex_);
    std::vector<fs::path> out;
    std::vector<std::pair<fs::path, std::shared_ptr<Node>>> left{{"/", root_}};
    while (!left.empty()) {
      const auto [path, node] = left.back();
      left.pop_back();
      if (!node->is_directory) out.push_back(path);
      for (const auto& [name, child] : node->names) left.emplace_back(path / name, child);
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  std::int64_t now_unix_s() override { return now_; }
  void random(std::span<std::uint8_t> out) override {
    const std::lock_guard hold(mutex_);
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random_());
  }

  Result<Bytes> read_file(const fs::path& path, std::size_t bytes_max) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(regular(path));
    if (node->bytes.size() > bytes_max) return fail(ErrorKind::kLimit, path.string() + ": over the limit");
    return node->bytes;
  }
  Result<FileDigest> digest_file(const fs::path& path) override {
    const Bytes bytes = TRY(read_file(path, SIZE_MAX));
    return FileDigest{sha256(bytes), bytes.size()};
  }
  Result<std::unique_ptr<InputFile>> open_input(const fs::path& path) override {
    return std::make_unique<Input>(TRY(read_file(path, SIZE_MAX)));
  }
  Result<std::unique_ptr<OutputFile>> create_output(const fs::path& path, unsigned mode) override {
    const std::lock_guard hold(mutex_);
    return std::make_unique<Output>(*this, TRY(create(path, mode)), path);
  }
  Result<FileStatus> status(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(existing(path));
    return FileStatus{node->is_directory ? FileStatus::Kind::kDirectory : FileStatus::Kind::kFile,
                      node->bytes.size(), node->mode};
  }
  Result<std::unique_ptr<FileLock>> lock(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    if (!find(path)) TRY(create(path, 0644));
    return std::make_unique<FileLock>();
  }
  Result<void> write_new(const fs::path& path, BytesView bytes, unsigned mode) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(create(path, mode));
    return write(*node, bytes, path);
  }
  Result<void> append(const fs::path& path, BytesView bytes) override {
    const std::lock_guard hold(mutex_);
    auto node = find(path);
    if (!node) node = TRY(create(path, 0644));
    return write(*node, bytes, path);
  }
  Result<void> sync_file(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    return sync(*TRY(regular(path)));
  }
  Result<void> sync_directory(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(directory(path));
    TRY(step());
    node->durable_names = node->names;
    return {};
  }
  Result<void> rename(const fs::path& from, const fs::path& to) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(existing(from));
    const auto source = TRY(directory(from.parent_path()));
    const auto target = TRY(directory(to.parent_path()));
    const auto there = find(to);
    if (there && there->is_directory && !there->names.empty()) return io(to, "not empty");
    TRY(step());
    source->names.erase(from.filename().string());
    target->names[to.filename().string()] = node;
    return {};
  }
  Result<void> remove(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(existing(path));
    if (node->is_directory && !node->names.empty()) return io(path, "not empty");
    TRY(step());
    find(path.parent_path())->names.erase(path.filename().string());
    return {};
  }
  Result<void> make_directories(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    auto at = root_;
    for (const fs::path& part : path.relative_path()) {
      if (!at->is_directory) return io(path, "not a directory");
      auto& child = at->names[part.string()];
      if (!child) {
        Result<void> good = step();
        if (!good) {
          at->names.erase(part.string());
          return good;
        }
        child = std::make_shared<Node>();
        child->is_directory = true;
        child->mode = 0755;
      }
      at = child;
    }
    return {};
  }
  bool exists(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    return !off_ && find(path) != nullptr;
  }
  Result<std::vector<std::string>> list(const fs::path& path) override {
    const std::lock_guard hold(mutex_);
    const auto node = TRY(directory(path));
    std::vector<std::string> out;
    for (const auto& [name, child] : node->names) out.push_back(name);
    return out;
  }

 private:
  struct Node {
    bool is_directory = false;
    unsigned mode = 0;
    Bytes bytes;
    Bytes durable_bytes;
    std::map<std::string, std::shared_ptr<Node>> names;
    std::map<std::string, std::shared_ptr<Node>> durable_names;
  };

  class Input final : public InputFile {
   public:
    explicit Input(Bytes bytes) : bytes_(std::move(bytes)) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override {
      const std::size_t count = std::min(out.size(), bytes_.size() - at_);
      std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
      at_ += count;
      return count;
    }

   private:
    Bytes bytes_;
    std::size_t at_ = 0;
  };
  class Output final : public OutputFile {
   public:
    Output(FaultEnv& env, std::shared_ptr<Node> node, fs::path path)
        : env_(env), node_(std::move(node)), path_(std::move(path)) {}
    Result<void> write(BytesView bytes) override {
      const std::lock_guard hold(env_.mutex_);
      return env_.write(*node_, bytes, path_);
    }
    Result<void> sync() override {
      const std::lock_guard hold(env_.mutex_);
      return env_.sync(*node_);
    }

   private:
    FaultEnv& env_;
    std::shared_ptr<Node> node_;
    fs::path path_;
  };

  static std::unexpected<Error> io(const fs::path& path, const char* what) {
    return fail(ErrorKind::kIo, path.string() + ": " + what);
  }
  // Counts a changing operation; an Error when the power goes at it or has gone.
  Result<void> step() {
    if (!off_ && ++operations_ == cut_at_) off_ = true;
    if (off_) return fail(ErrorKind::kIo, "the power is off");
    return {};
  }
  std::shared_ptr<Node> find(const fs::path& path) const {
    auto at = root_;
    for (const fs::path& part : path.relative_path()) {
      if (part.empty()) continue;
      const auto child = at->names.find(part.string());
      if (child == at->names.end()) return nullptr;
      at = child->second;
    }
    return at;
  }
  Result<std::shared_ptr<Node>> existing(const fs::path& path) const {
    if (off_) return fail(ErrorKind::kIo, "the power is off");
    auto node = find(path);
    if (!node) return fail(ErrorKind::kNotFound, path.string() + ": no such file");
    return node;
  }
  Result<std::shared_ptr<Node>> regular(const fs::path& path) const {
    auto node = TRY(existing(path));
    if (node->is_directory) return invalid(path.string() + ": not a regular file");
    return node;
  }
  Result<std::shared_ptr<Node>> directory(const fs::path& path) const {
    auto node = TRY(existing(path));
    if (!node->is_directory) return invalid(path.string() + ": not a directory");
    return node;
  }
  Result<std::shared_ptr<Node>> create(const fs::path& path, unsigned mode) {
    const auto parent = TRY(directory(path.parent_path()));
    if (find(path)) return io(path, "exists");
    TRY(step());
    auto node = std::make_shared<Node>();
    node->mode = mode;
    parent->names[path.filename().string()] = node;
    return node;
  }
  Result<void> write(Node& node, BytesView bytes, const fs::path& path) {
    const std::uint64_t room = capacity_ - std::min(capacity_, used(*root_));
    const BytesView fits = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), room)));
    const bool was_off = off_;
    Result<void> good = step();
    // The write at which the power goes is torn.
    const BytesView written = good ? fits : was_off ? BytesView{} : fits.first(fits.size() / 2);
    node.bytes.insert(node.bytes.end(), written.begin(), written.end());
    if (good && written.size() < bytes.size()) return io(path, "cannot write: no space left on device");
    return good;
  }
  Result<void> sync(Node& node) {
    TRY(step());
    node.durable_bytes = node.bytes;
    return {};
  }
  static std::uint64_t used(const Node& node) {
    std::uint64_t out = node.bytes.size();
    for (const auto& [name, child] : node.names) out += used(*child);
    return out;
  }

  // What of `node` and below is still there after the power came back.
  void settle(Node& node, Survival survival) {
    const auto keeps_new = [&] { return survival == Survival::kSome && random_() % 2 == 0; };
    if (!node.is_directory) {
      if (node.bytes != node.durable_bytes && keeps_new()) {
        // Half there: some of the new bytes, or as many zeros as were never written out.
        const std::size_t cut = node.bytes.empty() ? 0 : random_() % (node.bytes.size() + 1);
        if (random_() % 2 == 0) {
          node.bytes.resize(cut);
        } else {
          std::fill(node.bytes.begin() + static_cast<std::ptrdiff_t>(cut), node.bytes.end(), std::uint8_t{0});
        }
      } else {
        node.bytes = node.durable_bytes;
      }
      node.durable_bytes = node.bytes;
      return;
    }
    std::map<std::string, std::shared_ptr<Node>> names;
    for (const auto& [name, child] : node.durable_names) names[name] = child;
    for (const auto& [name, child] : node.names) {
      const auto old = node.durable_names.find(name);
      if (old != node.durable_names.end() && old->second == child) continue;
      if (keeps_new()) names[name] = child;
    }
    for (const auto& [name, child] : node.durable_names) {
      if (!node.names.contains(name) && keeps_new()) names.erase(name);
    }
    node.names = node.durable_names = names;
    for (const auto& [name, child] : node.names) settle(*child, survival);
  }

  std::mutex mutex_;
  std::shared_ptr<Node> root_ = std::make_shared<Node>();
  std::mt19937_64 random_;
  std::uint64_t operations_ = 0;
  std::uint64_t cut_at_ = 0;
  bool off_ = false;
  std::uint64_t capacity_ = UINT64_MAX;
  std::int64_t now_ = 1'767'225'600;  // 2026-01-01T00:00:00Z
};

}  // namespace sallyport::tests
