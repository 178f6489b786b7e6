// Native programs and libraries, and streams of Java objects: no loader of models asks for one, but plug-ins
// and operators come as such, and what it would do cannot be read here. The bytes are left unaccounted for.
#include <array>
#include <string_view>

#include "formats/inspect/hidden.h"
#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kJava = "java-objects";

// The name of the format, by the numbers that its loaders check first; empty for none.
std::string_view native_format(BytesView bytes) {
  constexpr std::size_t kHeaderMin = 32;
  const auto starts = [&](std::string_view magic) { return as_text(bytes).starts_with(magic); };
  // A stream of Java objects, which ObjectInputStream makes before anybody can look at them.
  if (starts("\xAC\xED"
             "\0\x05"sv))
    return kJava;
  if (bytes.size() < kHeaderMin) return {};
  const auto word = [&](std::size_t at) {
    return std::uint32_t{bytes[at]} | std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at + 2]} << 16 |
           std::uint32_t{bytes[at + 3]} << 24;
  };
  // A class of 32 or 64 bits and one of the two byte orders.
  if (starts("\x7F"
             "ELF") &&
      bytes[4] - 1U < 2 && bytes[5] - 1U < 2)
    return "elf";
  if (starts("MZ") && bytes.size() >= 64) {
    const std::uint64_t header = word(0x3C);
    if (header + 4 <= bytes.size() && word(header) == 0x00004550) return "pe";
  }
  constexpr std::array<std::uint32_t, 4> kMachO{0xFEEDFACE, 0xFEEDFACF, 0xCEFAEDFE, 0xCFFAEDFE};
  for (const std::uint32_t magic : kMachO) {
    if (word(0) == magic) return "mach-o";
  }
  if (starts({"\0asm\x01\0\0\0", 8})) return "wasm";
  // A program for every system at once, which is a shell script as well: llamafiles.
  if (starts("MZqFpD")) return "ape";
  return {};
}

bool plausible(const Layer& layer) { return layer.role != Role::kTyped && is_native_code(layer.bytes); }

void inspect_executable(Probe& probe) {
  const std::string_view format = native_format(probe.bytes());
  probe.claim(format);
  probe.observe({.topic = Topic::kIntake,
                 .rule = format == kJava ? "java-objects" : "native-code",
                 .severity = Severity::kMedium,
                 .message = format == kJava
                                ? "a stream of Java objects, whose classes run code while they are read"
                                : "a native program or library (" + std::string(format) +
                                      "), which runs whatever it holds when it is loaded",
                 .remedy = "build it from its source, or take it from a publisher whose signature holds"});
}

}  // namespace

bool is_native_code(BytesView bytes) { return !native_format(bytes).empty(); }

extern const Inspector executable_inspector;
const Inspector executable_inspector{
    .id = "executable", .plausible = plausible, .inspect = inspect_executable};

}  // namespace sallyport::formats::inspect
