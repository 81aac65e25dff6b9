// The exit codes of every subcommand; sysexits.h and the shells gave most of them their numbers. docs/cli.md shows this
// table, and a test holds the two together.
#pragma once

#include "base/reason.h"

namespace readygate::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,    // any other error
  kExitChanges = 2,  // `plan` found changes
  kExitUsage = 64,
  kExitUnavailable = 69,  // the gate failed, or cannot be reached
  kExitInternal = 70,
  kExitTryAgain = 75,  // draining
  kExitNotAllowed = 77,
  kExitConfig = 78,  // bad configuration or schema
  kExitTimeout = 124,
  kExitNotExecutable = 126,
  kExitNotFound = 127,
  kExitSignal = 128,  // plus the signal's number
};

// What a command that fails for this reason exits with.
ExitCode exit_code(Reason reason);

}  // namespace readygate::cli
