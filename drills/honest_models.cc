#include "drills/honest_models.h"

#include <vector>

// The assembler reads the samples where the build found them; cmake/layers.cmake names the folder.
#define EMBED(symbol, file)                                                     \
  asm(".section .rodata\n"                                                      \
      ".balign 16\n" #symbol                                                    \
      "_begin:\n"                                                               \
      ".incbin \"" SALLYPORT_HONEST_DIR "/" file "\"\n" #symbol                 \
      "_end:\n"                                                                 \
      ".previous\n");                                                           \
  extern "C" const char symbol##_begin[] __attribute__((visibility("hidden"))); \
  extern "C" const char symbol##_end[] __attribute__((visibility("hidden")));
#define MODEL(symbol, file) EMBED(sallyport_honest_##symbol, file)
#include "drills/honest_models.def"
#undef MODEL

namespace sallyport::drills {

std::span<const HonestModel> honest_models() {
  static const std::vector<HonestModel> kModels = [] {
    std::vector<HonestModel> out;
    const auto add = [&out](std::string_view name, const char* begin, const char* end) {
      out.push_back({.name = name,
                     .suffix = name.substr(name.rfind('.')),
                     .bytes = std::string_view(begin, static_cast<std::size_t>(end - begin))});
    };
#define MODEL(symbol, file) add(file, sallyport_honest_##symbol##_begin, sallyport_honest_##symbol##_end);
#include "drills/honest_models.def"
#undef MODEL
    return out;
  }();
  return kModels;
}

}  // namespace sallyport::drills
