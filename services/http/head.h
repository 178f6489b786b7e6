// The head of a request as it came, before anybody reads it: whether two readers could read it in two ways.
//
// RFC 9112 lets a server repair folded lines, bare line feeds and blanks before a colon. Every repair is a
// reading that a proxy in front may not share, and so a place to smuggle a request; nothing is repaired here.
// Pure functions; safe from any thread.
#pragma once

#include <string_view>

namespace sallyport::services::http {

// `head` ends with its empty line. Each line ends with CR LF and holds no other control characters than tabs;
// each field has a name of token characters right before its colon, and no name that some take for the
// length's.
bool is_plain_head(std::string_view head);

// Of the fields that say where a body ends: at most one of the two, the length in digits, the coding
// "chunked".
bool is_plain_framing(std::string_view length, std::size_t lengths, std::string_view coding,
                      std::size_t codings);

}  // namespace sallyport::services::http
