// The 68 opcodes of pickle protocols 0 to 5: names, the layout of their arguments, and their decoder.
//
// Decoding is separate from meaning, so that every view of a stream (CPython's C and Python unpicklers,
// pickletools) shares one table. Safe from any thread.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace sallyport::formats::pickle {

enum class Layout : std::uint8_t {
  kUnknown,  // no such opcode
  kNone,
  kFixed1,
  kFixed2,
  kFixed4,
  kFixed8,
  kLine,
  kTwoLines,
  kSized1,
  kSized4,
  kSizedSigned4,
  kSized8,  // a length, then as many bytes
};

struct OpcodeInfo {
  std::string_view name = "";
  Layout layout = Layout::kUnknown;
};

inline constexpr std::array<OpcodeInfo, 256> kOpcodes = [] {
  std::array<OpcodeInfo, 256> t{};
  const auto set = [&t](int code, std::string_view name, Layout layout = Layout::kNone) {
    t[static_cast<std::size_t>(code)] = {name, layout};
  };
  set('(', "MARK");
  set('.', "STOP");
  set('0', "POP");
  set('1', "POP_MARK");
  set('2', "DUP");
  set('F', "FLOAT", Layout::kLine);
  set('I', "INT", Layout::kLine);
  set('J', "BININT", Layout::kFixed4);
  set('K', "BININT1", Layout::kFixed1);
  set('L', "LONG", Layout::kLine);
  set('M', "BININT2", Layout::kFixed2);
  set('N', "NONE");
  set('P', "PERSID", Layout::kLine);
  set('Q', "BINPERSID");
  set('R', "REDUCE");
  set('S', "STRING", Layout::kLine);
  set('T', "BINSTRING", Layout::kSized4);
  set('U', "SHORT_BINSTRING", Layout::kSized1);
  set('V', "UNICODE", Layout::kLine);
  set('X', "BINUNICODE", Layout::kSized4);
  set('a', "APPEND");
  set('b', "BUILD");
  set('c', "GLOBAL", Layout::kTwoLines);
  set('d', "DICT");
  set('}', "EMPTY_DICT");
  set('e', "APPENDS");
  set('g', "GET", Layout::kLine);
  set('h', "BINGET", Layout::kFixed1);
  set('i', "INST", Layout::kTwoLines);
  set('j', "LONG_BINGET", Layout::kFixed4);
  set('l', "LIST");
  set(']', "EMPTY_LIST");
  set('o', "OBJ");
  set('p', "PUT", Layout::kLine);
  set('q', "BINPUT", Layout::kFixed1);
  set('r', "LONG_BINPUT", Layout::kFixed4);
  set('s', "SETITEM");
  set('t', "TUPLE");
  set(')', "EMPTY_TUPLE");
  set('u', "SETITEMS");
  set('G', "BINFLOAT", Layout::kFixed8);
  set(0x80, "PROTO", Layout::kFixed1);
  set(0x81, "NEWOBJ");
  set(0x82, "EXT1", Layout::kFixed1);
  set(0x83, "EXT2", Layout::kFixed2);
  set(0x84, "EXT4", Layout::kFixed4);
  set(0x85, "TUPLE1");
  set(0x86, "TUPLE2");
  set(0x87, "TUPLE3");
  set(0x88, "NEWTRUE");
  set(0x89, "NEWFALSE");
  set(0x8a, "LONG1", Layout::kSized1);
  set(0x8b, "LONG4", Layout::kSizedSigned4);
  set('B', "BINBYTES", Layout::kSized4);
  set('C', "SHORT_BINBYTES", Layout::kSized1);
  set(0x8c, "SHORT_BINUNICODE", Layout::kSized1);
  set(0x8d, "BINUNICODE8", Layout::kSized8);
  set(0x8e, "BINBYTES8", Layout::kSized8);
  set(0x8f, "EMPTY_SET");
  set(0x90, "ADDITEMS");
  set(0x91, "FROZENSET");
  set(0x92, "NEWOBJ_EX");
  set(0x93, "STACK_GLOBAL");
  set(0x94, "MEMOIZE");
  set(0x95, "FRAME", Layout::kFixed8);
  set(0x96, "BYTEARRAY8", Layout::kSized8);
  set(0x97, "NEXT_BUFFER");
  set(0x98, "READONLY_BUFFER");
  return t;
}();

static_assert(std::endian::native == std::endian::little);

struct Op {
  std::uint8_t code = 0;
  std::size_t at = 0;     // of the opcode byte
  std::string_view data;  // the argument: fixed bytes, the line without its end, or the counted bytes
  std::string_view more;  // the second line of kTwoLines
  std::size_t end = 0;    // one past the last byte

  // The little-endian number in `data`, at most eight bytes.
  std::uint64_t number() const {
    std::uint64_t value = 0;
    switch (data.size()) {
      case 1:
        return static_cast<unsigned char>(data[0]);
      case 4:
        std::memcpy(&value, data.data(), 4);
        return value;
      case 8:
        std::memcpy(&value, data.data(), 8);
        return value;
      default:
        for (std::size_t i = data.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(data[i]);
        return value;
    }
  }
};

inline std::string opcode_name(const Op& op) { return std::string(kOpcodes[op.code].name); }

enum class Decoded : std::uint8_t {
  kOk,
  kEndOfData,
  kUnknownOpcode,
  kTruncated,
  kNegativeSize,
  kUnterminatedLine
};

// Bytes of fixed width that follow the opcode: the whole argument, or the length of a sized one.
inline constexpr std::array<std::uint8_t, 256> kFixedWidths = [] {
  std::array<std::uint8_t, 256> widths{};
  for (std::size_t code = 0; code < 256; ++code) {
    switch (kOpcodes[code].layout) {
      case Layout::kFixed1:
      case Layout::kSized1:
        widths[code] = 1;
        break;
      case Layout::kFixed2:
        widths[code] = 2;
        break;
      case Layout::kFixed4:
      case Layout::kSized4:
      case Layout::kSizedSigned4:
        widths[code] = 4;
        break;
      case Layout::kFixed8:
      case Layout::kSized8:
        widths[code] = 8;
        break;
      default:
        break;
    }
  }
  return widths;
}();
inline constexpr std::array<Layout, 256> kLayouts = [] {
  std::array<Layout, 256> layouts{};
  for (std::size_t code = 0; code < 256; ++code) layouts[code] = kOpcodes[code].layout;
  return layouts;
}();

Decoded decode_lines(std::string_view rest, Op& op);

// Reads one opcode and its argument. After kUnterminatedLine, `data` and `more` hold what the Python
// unpickler would take: it cuts the last byte of a line without looking at it.
inline Decoded decode(BytesView bytes, std::size_t at, Op& op) {
  if (at >= bytes.size()) return Decoded::kEndOfData;
  const char* next = reinterpret_cast<const char*>(bytes.data()) + at + 1;
  const std::size_t left = bytes.size() - at - 1;
  op.code = bytes[at];
  op.at = at;
  const Layout layout = kLayouts[op.code];
  const std::size_t width = kFixedWidths[op.code];
  if (width > left) return Decoded::kTruncated;
  op.data = {next, width};
  op.end = at + 1 + width;
  if (layout <= Layout::kFixed8) return layout == Layout::kUnknown ? Decoded::kUnknownOpcode : Decoded::kOk;
  if (layout <= Layout::kTwoLines) return decode_lines({next, left}, op);
  const std::uint64_t size = op.number();
  if (layout == Layout::kSizedSigned4 && size > INT32_MAX) return Decoded::kNegativeSize;
  if (size > left - width) return Decoded::kTruncated;
  op.data = {next + width, static_cast<std::size_t>(size)};
  op.end += static_cast<std::size_t>(size);
  return Decoded::kOk;
}

}  // namespace sallyport::formats::pickle
