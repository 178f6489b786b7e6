#include "drills/forges/assembler.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace sallyport::drills::forges {
namespace {

std::string little_endian(std::uint64_t value, int width_bytes) {
  Bytes bytes;
  append_le(bytes, value, width_bytes);
  return std::string(as_text(bytes));
}

std::string packed(std::string_view bytes, int window_bits) {
  z_stream z{};
  deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace

std::string string_line(std::string_view text) { return "S'" + std::string(text) + "'\n"; }
std::string unicode_line(std::string_view text) { return "V" + std::string(text) + "\n"; }
std::string binunicode(std::string_view text) {
  return "X" + little_endian(text.size(), 4) + std::string(text);
}
std::string short_unicode(std::string_view text) {
  return "\x8c" + little_endian(text.size(), 1) + std::string(text);
}
std::string unicode8(std::string_view text) {
  return "\x8d" + little_endian(text.size(), 8) + std::string(text);
}
std::string short_string(std::string_view text) {
  return "U" + little_endian(text.size(), 1) + std::string(text);
}
std::string bytes_literal(std::string_view bytes) {
  return "B" + little_endian(bytes.size(), 4) + std::string(bytes);
}

std::string proto(int version) { return "\x80" + little_endian(static_cast<std::uint64_t>(version), 1); }
std::string framed(std::string_view body) {
  return "\x95" + little_endian(body.size(), 8) + std::string(body);
}

std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
std::string stack_global(std::string_view module, std::string_view name) {
  return short_unicode(module) + short_unicode(name) + "\x93";
}

std::string call(std::string_view callable, const std::vector<std::string>& arguments) {
  std::string out = std::string(callable) + "(";
  for (const std::string& argument : arguments) out += argument;
  return out + "tR";
}

std::string gzipped(std::string_view bytes) { return packed(bytes, 15 + 16); }
std::string zlibbed(std::string_view bytes) { return packed(bytes, 15); }

std::string zipped(const std::vector<ZipMember>& members) {
  std::string out;
  std::string directory;
  for (const ZipMember& member : members) {
    const std::string data = member.deflate ? packed(member.data, -15) : member.data;
    const uLong crc =
        crc32(0, reinterpret_cast<const Bytef*>(member.data.data()), static_cast<uInt>(member.data.size()));
    const std::string shared = little_endian(0, 2) + little_endian(member.deflate ? 8 : 0, 2) +
                               little_endian(0, 4) + little_endian(crc, 4) + little_endian(data.size(), 4) +
                               little_endian(member.data.size(), 4);
    const std::string& local = member.local_name.empty() ? member.name : member.local_name;
    directory += "PK\1\2" + little_endian(20, 2) + little_endian(20, 2) + shared +
                 little_endian(member.name.size(), 2) + std::string(12, '\0') + little_endian(out.size(), 4) +
                 member.name;
    out += "PK\3\4" + little_endian(20, 2) + shared + little_endian(local.size(), 2) + little_endian(0, 2) +
           local + data;
  }
  const std::size_t at = out.size();
  return out + directory + "PK\5\6" + std::string(4, '\0') + little_endian(members.size(), 2) +
         little_endian(members.size(), 2) + little_endian(directory.size(), 4) + little_endian(at, 4) +
         std::string(2, '\0');
}

std::string tarred(std::string_view name, std::string_view data) {
  constexpr std::size_t kBlock = 512;
  std::string block(kBlock, '\0');
  const auto put = [&block](std::size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(at));
  };
  std::array<char, 16> octal{};
  put(0, name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  std::snprintf(octal.data(), octal.size(), "%011zo", data.size());
  put(124, octal.data());
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  std::snprintf(octal.data(), octal.size(), "%06o", sum);
  put(148, std::string_view(octal.data(), 7));
  std::string out = block + std::string(data);
  out.resize((out.size() + kBlock - 1) / kBlock * kBlock + 2 * kBlock);
  return out;
}

std::string npy_object(std::string_view pickle) {
  std::string header = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }";
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kPrefix = 10;
  header.resize((kPrefix + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - kPrefix - 1, ' ');
  header += '\n';
  return "\x93NUMPY" + little_endian(1, 1) + little_endian(0, 1) + little_endian(header.size(), 2) + header +
         std::string(pickle);
}

}  // namespace sallyport::drills::forges
