// The generator behind random_pickles.h: a grammar of values. Each method writes the opcodes that leave one
// value on the stack, so that what comes out is valid by construction.
//
// Literals and tuples are in random_literals.cc, the rest in random_pickles.cc. For one thread at a time.
#pragma once

#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::differential {

enum class Shape : std::uint8_t { kPlain, kList, kDict, kSet, kBytes, kByteArray, kClass, kFunction, kThing };

struct Made {
  Shape shape = Shape::kPlain;
  bool hashable = true;
};

inline bool is_callable(Shape shape) { return shape >= Shape::kClass; }

// Those of Python 2 come last: a loader's view that breaks off does not say whether it would map them.
inline constexpr std::size_t kModernNames = 6;
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kNames{
    {{"alpha", "Thing"},
     {"alpha", "make"},
     {"beta.gamma", "Outer.Inner"},
     {"beta", "call_me"},
     {"os", "system"},
     {"d\xc3\xa9j\xc3\xa0", "Vu"},
     {"__builtin__", "xrange"},
     {"copy_reg", "_reconstructor"},
     {"urllib2", "Request"},
     {"itertools", "izip"},
     {"exceptions", "StandardError"},
     {"UserDict", "IterableUserDict"}}};

class Generator {
 public:
  explicit Generator(std::uint64_t seed, bool hostile) : random_(seed), hostile_(hostile) {}

  std::string run();

 private:
  std::uint64_t below(std::uint64_t count) { return random_() % count; }
  bool chance(unsigned percent) { return below(100) < percent; }

  void op(std::string bytes) { ops_.push_back(std::move(bytes)); }
  static std::string fixed(std::uint64_t number, std::size_t width) {
    std::string out(width, '\0');
    std::memcpy(out.data(), &number, width);
    return out;
  }
  void sized(char code, std::size_t width, std::string_view data) {
    op(code + fixed(data.size(), width) + std::string(data));
  }

  std::string join();
  const std::pair<std::string_view, std::string_view>& any_name() {
    return kNames[below(hostile_ ? kModernNames : kNames.size())];
  }
  Made value(int depth);
  Made hashable(int depth);
  Made scalar();
  void number();
  void integer();
  void text();
  void text_of(std::string_view text);
  void line_text(std::string_view text);
  std::string letters();
  void bytes();
  Made buffer();
  Made sequence(int depth);
  Made tuple(int depth, bool must_hash);
  Made list(int depth);
  Made dict(int depth);
  Made set(int depth);
  Made global();
  Made callable(int depth);
  Made call(int depth);
  void arguments(int depth);
  Made thing(int depth);
  void use(int depth, Made made);
  Made fetch(bool must_hash);
  void remember(Made made);
  void noise(int depth);
  void odd_line();

  std::mt19937_64 random_;
  bool hostile_;
  std::vector<std::string> ops_;
  std::vector<std::pair<std::uint64_t, Made>> memo_;  // the newest entry of an index is last
  std::vector<std::uint64_t> indices_;                // distinct ones
  std::uint64_t keys_ = 1000;
};

}  // namespace sallyport::differential
