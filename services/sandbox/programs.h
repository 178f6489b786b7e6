// The programs that a confined command may execute: found on the host, before anything runs.
//
// The command's own program and the interpreters that first lines name are always among them. A program is
// known by the file that its name leads to, links followed, and by the digest of its bytes at that time.
//
// Digests are kept for the life of the process, by what tells a changed file. Safe from any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

// That `path` is `folder` or lies in it; both absolute and plain.
bool below(std::string_view path, std::string_view folder);

struct Program {
  std::string inside;          // absolute, no link in it
  bool of_the_system = false;  // not from a bind of the confinement
  Digest digest = {};
};

// Sorted by path. Empty when `executes` is absent, and when the command's own program is not there, which is
// told when it is to be executed. Error for a program of `executes` that is not there, that lies where the
// command may write, or leads out of its bind.
Result<std::vector<Program>> programs_of(const Confinement& confinement);

// The folders of the system that hold libraries: what lies there may be mapped as code by a program, though
// not executed.
inline constexpr std::array<std::string_view, 9> kLibraryFolders{
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib",
    "/lib",     "/lib32",     "/lib64",     "/libx32"};

// The loaders that programs name as their interpreter: the kernel executes one with each program.
inline constexpr std::array<std::string_view, 8> kLoaders{
    "/lib64/ld-linux-x86-64.so.2",      "/lib/ld-linux-aarch64.so.1",
    "/lib/ld-linux-armhf.so.3",         "/lib64/ld64.so.2",
    "/lib/ld-linux-riscv64-lp64d.so.1", "/lib/ld64.so.1",
    "/lib/ld-musl-x86_64.so.1",         "/lib/ld-musl-aarch64.so.1"};

}  // namespace sallyport::services::sandbox::detail
