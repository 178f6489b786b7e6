// Whom a request says it is for, and on whose behalf a browser sends it.
//
// Pure functions over header values; safe from any thread.
#pragma once

#include <string_view>

namespace sallyport::services::http {

// An address that only this machine can reach: "::1", 127.0.0.0/8. A name that begins with 127 is none, and
// what "localhost" leads to is for others to say.
bool is_loopback(std::string_view host);

// A page elsewhere whose name was pointed at this machine (DNS rebinding) says that name in its Host header.
// An absent one is a client of HTTP/1.0.
bool names_this_machine(std::string_view host);

// A browser says in Origin whose page sends the request; nobody else does.
bool same_site(std::string_view origin, std::string_view host);

}  // namespace sallyport::services::http
