// A notebook's kernel run confined, with the broker as its one way out.
//
// The command runs in the sandbox, without a network, and inherits one end of the broker's stream as the
// descriptor kChannelFd, whose number stands in SALLYPORT_EGRESS_FD (channel.h says how it is spoken to).
// What the broker releases is handed on from outside, in the order in which it was sent.
//
// Limits of the method: what it prints and what it writes to its work folder stay on this machine and are
// not looked at; whoever may read those reads them. run_session blocks its thread until the command has
// ended; any number may run at once.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "services/notebook/channel.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::notebook {

inline constexpr int kChannelFd = 3;

// A name that the notebook sends to, and where that is: an address that bodies are posted to, or a folder in
// which each becomes a file, 000001 and so on.
struct Destination {
  std::string name;
  std::string place;
};
// "metrics.example=https://metrics.example/runs" or "report=out". Error when there is no name or no place.
Result<Destination> destination_of(std::string_view text);
bool is_address(const Destination& destination);

struct SessionOptions {
  std::string name = "notebook";
  sandbox::Confinement box = {};  // the channel is added to it
  std::vector<Destination> destinations = {};
  std::uint64_t budget_bytes = BrokerOptions{}.budget_bytes;
};

// What came of one body.
struct Sent {
  std::string destination;
  std::uint64_t bytes = 0;
  std::string refused;  // why it was not released, or not taken there
};

struct Session {
  sandbox::Outcome outcome;
  std::vector<Sent> sent;
  std::uint64_t released_bytes = 0;
  std::string broken;  // how the notebook left the form of the channel, if it did
};

// Error when the sandbox cannot be built or a folder cannot be made: then nothing ran.
Result<Session> run_session(SessionOptions options, Protected guarded, const sandbox::Watch& watch = {});

}  // namespace sallyport::services::notebook
