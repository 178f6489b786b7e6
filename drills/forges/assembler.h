// Pickles, archives and compressed streams written opcode by opcode, as an attacker's tool writes them.
//
// Pieces are plain text and are joined with +. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"

namespace sallyport::drills::forges {

// Text literals: STRING, UNICODE, BINUNICODE, SHORT_BINUNICODE, BINUNICODE8, SHORT_BINSTRING; SHORT_BINBYTES
// or BINBYTES.
std::string string_line(std::string_view text);
std::string unicode_line(std::string_view text);
std::string binunicode(std::string_view text);
std::string short_unicode(std::string_view text);
std::string unicode8(std::string_view text);
std::string short_string(std::string_view text);
std::string bytes_literal(std::string_view bytes);

std::string proto(int version);
// FRAME over what follows.
std::string framed(std::string_view body);
std::string global(std::string_view module, std::string_view name);        // GLOBAL
std::string stack_global(std::string_view module, std::string_view name);  // two short texts and STACK_GLOBAL
// callable(arguments...) by TUPLE and REDUCE, the arguments given as opcodes.
std::string call(std::string_view callable, const std::vector<std::string>& arguments);

std::string gzipped(std::string_view bytes);
std::string zlibbed(std::string_view bytes);

struct ZipMember {
  std::string name;
  std::string data;
  bool deflate = false;
  std::string local_name = {};  // another name in the local header; empty: the same
};
// A sound archive, checksums included, but for the names that are told apart.
std::string zipped(const std::vector<ZipMember>& members);
// One ustar member and the end of the archive.
std::string tarred(std::string_view name, std::string_view data);
// An .npy file of one object, whose data is `pickle`.
std::string npy_object(std::string_view pickle);

}  // namespace sallyport::drills::forges
