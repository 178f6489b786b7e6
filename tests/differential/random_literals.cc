#include <cstdio>

#include "tests/differential/pickle_generator.h"

namespace sallyport::differential {

using namespace std::literals;

std::string Generator::letters() {
  static constexpr std::string_view kLetters[] = {
      "a", "b", "Z", "0", " ", "'", "\"", "\\", "\n", "\\x41", "\xc3\xa9", "\xe2\x82\xac", "u0041", "_", "."};
  std::string out;
  for (std::uint64_t left = below(6); left > 0; --left) out += kLetters[below(std::size(kLetters))];
  return out;
}

// As Python's pickler of protocol 0 writes it.
void Generator::line_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\u005c";
    } else if (c == '\n') {
      out += "\\u000a";
    } else {
      out.push_back(c);
    }
  }
  // Bytes beyond ASCII are the characters of Latin-1 there, so only ASCII texts are spelt like this.
  op("V" + out + "\n");
}

void Generator::text_of(std::string_view text) {
  bool ascii = true;
  for (const char c : text) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  switch (below(ascii ? 7 : 3)) {
    case 0: return sized('\x8c', 1, text);
    case 1: return sized('X', 4, text);
    case 2: return sized('\x8d', 8, text);
    case 3: return line_text(text);
    case 4: return sized('U', 1, text);
    case 5: return sized('T', 4, text);
    default: {
      std::string out = "S'";
      for (const char c : text) {
        if (c == '\n') {
          out += "\\n";
        } else if (c == '\\' || c == '\'') {
          out += {'\\', c};
        } else if (chance(10)) {
          char buffer[8];
          std::snprintf(buffer, sizeof buffer, chance(50) ? "\\x%02x" : "\\%03o", static_cast<unsigned>(c));
          out += buffer;
        } else {
          out.push_back(c);
        }
      }
      op(out + "'\n");
    }
  }
}

void Generator::text() {
  if (chance(15)) return op(chance(50) ? "S'\\xe9\\0\\7x\\q'\n" : "U\x02\xff\xe9");
  if (chance(10)) return op(chance(50) ? "V\\u20ac\\\\u0041\xe9\\U0001f600\\\n" : "\x8c\x03\xed\xa0\x80");
  text_of(letters());
}

void Generator::integer() {
  const std::uint64_t small = below(70000);
  switch (below(9)) {
    case 0: return op("I" + std::to_string(small) + "\n");
    case 1: return op("L-" + std::to_string(small + 1) + (chance(50) ? "L\n" : "\n"));
    case 2: return op("J" + fixed(random_(), 4));
    case 3: return op("K" + fixed(small, 1));
    case 4: return op("M" + fixed(small, 2));
    case 5: return sized('\x8a', 1, fixed(random_(), below(9)));
    case 6: return sized('\x8b', 4, fixed(random_(), below(9)));
    case 7: return sized('\x8a', 1, fixed(random_(), 8) + fixed(below(100) + 1, 2));
    default: return op("I-" + std::to_string(1 + below(9)) + "\n");
  }
}

void Generator::odd_line() {
  static constexpr std::string_view kParts[] = {
      "0", "1", "7", "9",   "_",   "x",   "0x", "0b", "0o", "+",  "-",    " ",    "\0"sv, "L",
      ".", "e", "E9", "999", "inf", "nan", "\t", "10", "'",  "\"", "\\x6f", "\xe9", "a",    "\\"};
  std::string line(1, "ILFgpPSVc"[below(9)]);
  for (std::uint64_t left = below(5); left > 0; --left) line += kParts[below(std::size(kParts))];
  if (line[0] == 'S' && chance(80)) line = "S'" + line.substr(1) + "'";
  if (line[0] == 'c') line += chance(80) ? "\nname" : "\n";
  op(line + "\n");
}

void Generator::number() {
  if (chance(70)) return integer();
  static constexpr std::string_view kFloats[] = {"F1.5\n", "F-0\n",    "Finf\n",
                                                 "Fnan\n", "F.5e-3\n", "F1e308\n"};
  if (chance(50)) return op(std::string(kFloats[below(std::size(kFloats))]));
  op("G" + fixed(random_(), 8));
}

void Generator::bytes() {
  const std::string data = letters();
  if (chance(40)) return sized('C', 1, data);
  chance(50) ? sized('B', 4, data) : sized('\x8e', 8, data);
}

Made Generator::buffer() {
  if (chance(40)) {
    sized('\x96', 8, letters());
    if (chance(60)) return {Shape::kByteArray, false};
  } else if (chance(50)) {
    op("\x97");
  } else {
    bytes();
  }
  op("\x98");
  // A memoryview of bytes can be hashed, one of a bytearray cannot; neither is a key here.
  return {Shape::kPlain, false};
}

Made Generator::scalar() {
  if (hostile_ && chance(15)) {
    odd_line();
    return {};
  }
  switch (below(8)) {
    case 0: op("N"); return {};
    case 1: op(std::array<std::string, 4>{"\x88", "\x89", "I00\n", "I01\n"}[below(4)]); return {};
    case 2:
    case 3: number(); return {};
    case 4: bytes(); return {Shape::kBytes};
    case 5: return buffer();
    default: text(); return {};
  }
}

Made Generator::tuple(int depth, bool must_hash) {
  const auto item = [&] { return must_hash ? hashable(depth) : value(depth); };
  bool all = true;
  switch (const std::uint64_t count = below(5)) {
    case 0: op(")"); break;
    case 4:
      op("(");
      for (std::uint64_t left = below(5); left > 0; --left) all = item().hashable && all;
      op("t");
      break;
    default:
      for (std::uint64_t i = 0; i < count; ++i) all = item().hashable && all;
      op(std::string(1, static_cast<char>(0x84 + count)));
  }
  return {Shape::kPlain, all};
}

}  // namespace sallyport::differential
