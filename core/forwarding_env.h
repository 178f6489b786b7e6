// An Env that hands every call on to another: the base of those that change one thing, a clock, a full disk.
//
// Safe from any thread when what it forwards to is; the base must outlive it.
#pragma once

#include "core/env.h"

namespace sallyport {

class ForwardingEnv : public Env {
 public:
  explicit ForwardingEnv(Env& base) : base_(base) {}

  std::int64_t now_unix_s() override { return base_.now_unix_s(); }
  void random(std::span<std::uint8_t> out) override { base_.random(out); }
  Result<Bytes> read_file(const fs::path& path, std::size_t bytes_max) override {
    return base_.read_file(path, bytes_max);
  }
  Result<FileDigest> digest_file(const fs::path& path) override { return base_.digest_file(path); }
  Result<std::unique_ptr<InputFile>> open_input(const fs::path& path) override {
    return base_.open_input(path);
  }
  Result<std::unique_ptr<OutputFile>> create_output(const fs::path& path, unsigned mode) override {
    return base_.create_output(path, mode);
  }
  Result<FileStatus> status(const fs::path& path) override { return base_.status(path); }
  Result<std::unique_ptr<FileLock>> lock(const fs::path& path) override { return base_.lock(path); }
  Result<void> write_new(const fs::path& path, BytesView bytes, unsigned mode) override {
    return base_.write_new(path, bytes, mode);
  }
  Result<void> append(const fs::path& path, BytesView bytes) override { return base_.append(path, bytes); }
  Result<void> sync_file(const fs::path& path) override { return base_.sync_file(path); }
  Result<void> sync_directory(const fs::path& path) override { return base_.sync_directory(path); }
  Result<void> rename(const fs::path& from, const fs::path& to) override { return base_.rename(from, to); }
  Result<void> remove(const fs::path& path) override { return base_.remove(path); }
  Result<void> make_directories(const fs::path& path) override { return base_.make_directories(path); }
  bool exists(const fs::path& path) override { return base_.exists(path); }
  Result<std::vector<std::string>> list(const fs::path& directory) override { return base_.list(directory); }

 private:
  Env& base_;
};

}  // namespace sallyport
