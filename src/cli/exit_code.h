// The exit codes of every subcommand; sysexits.h and the shells gave most of them their numbers. docs/cli.md shows this
// table, and a test holds the two together.
#pragma once

#include <span>
#include <string_view>

#include "base/reason.h"

namespace readygate::cli {

// Those of sysexits.h, timeout(1) and the shell; exit_meanings() says what each tells.
enum ExitCode : int {
  kExitOk = 0,
  kExitError = 1,
  kExitChanges = 2,
  kExitUsage = 64,
  kExitUnavailable = 69,
  kExitInternal = 70,
  kExitTryAgain = 75,
  kExitNotAllowed = 77,
  kExitConfig = 78,
  kExitTimeout = 124,
  kExitNotExecutable = 126,
  kExitNotFound = 127,
  kExitSignal = 128,  // plus the signal's number
};

struct ExitMeaning {
  std::string_view code;     // "64", "128+n"
  std::string_view meaning;  // a clause, no full stop
};
std::span<const ExitMeaning> exit_meanings();

// What a command that fails for this reason exits with.
ExitCode exit_code(Reason reason);

}  // namespace readygate::cli
