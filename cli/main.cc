// sallyport: the one program that people and scripts type.
#include <csignal>
#include <string>
#include <vector>

#include "cli/command.h"

int main(int argc, char** argv) {
  // A handler rather than SIG_IGN, which a confined step would inherit: a write to a closed pipe then fails
  // with EPIPE.
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  sigaction(SIGPIPE, &action, nullptr);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return static_cast<int>(sallyport::cli::run_command_line(words));
}
