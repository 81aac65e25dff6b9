// `readygate wait`: holds a command back until the gate is open, then becomes that command.
//
// It fails closed: no socket, a refused connection, an end of stream before an answer all mean "not open", and it tries
// again: at once when something happens in the socket's folder, and once a second in any case.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "core/facts.h"

namespace readygate::cli {

struct WaitOptions {
  std::string socket = "/run/readygate/gate.sock";
  core::Fact fact = core::Fact::kOpen;
  Millis timeout{0};                 // 0: for ever
  bool fail_fast = false;            // a gate that says `failed` ends the wait
  std::vector<std::string> command;  // found as execvp(3) does; empty: just wait
};

// Does not return when the command was started. Else the exit code: 0 (open, and no command), 124 timeout, 69 failed
// under fail_fast, 75 draining, 77 not allowed, 64 a path that cannot be a socket's, 70 an answer that is not
// understood, 126 and 127 a command that cannot be run or found, 128+n ended by signal n (TERM, INT or HUP, unless it
// was ignored already). READYGATE_DISABLE=1 in the environment skips the wait and says so. Messages go to stderr.
//
// For a process with one thread: it blocks signals and uses execvp.
int run_wait(const WaitOptions& options);

// The wait without signals, environment and command: for tests, and the middle of run_wait().
struct WaitEnd {
  int exit_code = 0;    // 0: the fact holds
  std::string message;  // for stderr; may be empty
};
struct WaitSurroundings {
  const Clock& clock;
  int signal_fd = -1;                         // readable: a signal came (signalfd); -1: none
  bool terminal = false;                      // progress replaces its own line
  std::function<void(std::string_view)> say;  // progress, without line end
};
WaitEnd wait_for_gate(const WaitOptions& options, const WaitSurroundings& around);

}  // namespace readygate::cli
