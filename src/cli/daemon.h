// The daemon: the gate, its loop, its servers and its workers, wired together. The only place where all of them meet;
// it decides nothing.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "cli/command_line.h"
#include "cli/inputs.h"

namespace readygate::cli {

// Runs until SIGTERM or SIGINT; the exit code. Ends the process itself, without joining workers that a driver call
// blocks.
[[noreturn]] void run_until_terminated(const CommandLine& line, Inputs inputs);

}  // namespace readygate::cli
