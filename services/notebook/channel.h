// How a confined notebook speaks to the broker: one stream, of which it inherits an end as a descriptor.
//
//   SEND <destination> <bytes>\n<the body>     answered by  OK\n  or  NO <why>\n
//
// A head that is anything else ends the conversation. Blocks its thread until the other end is closed.
#pragma once

#include <functional>
#include <string>

#include "services/notebook/broker.h"

namespace sallyport::services::notebook {

// Hands a released body to its destination. An Error is told to the notebook.
using Forward = std::function<Result<void>(const std::string& destination, BytesView body)>;

// Told of each body, with why it was refused or could not be handed on; "" when it was.
using OnBody =
    std::function<void(const std::string& destination, std::size_t bytes, const std::string& refused)>;

// Reads from and writes to `fd`, which stays the caller's. Error when the other end breaks the form.
Result<void> serve(int fd, const std::string& notebook, Broker& broker, const Forward& forward,
                   const OnBody& on_body = {});

}  // namespace sallyport::services::notebook
