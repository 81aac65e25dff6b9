#include "cli/main.h"

#include <cstdio>
#include <exception>

#include <malloc.h>

#include <fmt/format.h>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "cli/status.h"
#include "cli/wait.h"
#include "mongo/driver.h"

namespace readygate::cli {
namespace {

int dispatch(const CommandLine& line) {
  switch (line.verb) {
    case Verb::kRun: return run_daemon(line);
    case Verb::kWait: return run_wait({line.socket, line.fact, line.timeout, line.fail_fast, line.command});
    case Verb::kStatus: return run_status({line.socket, line.format, line.retry});
    case Verb::kCheck: return check(line);
    case Verb::kPlan: return plan(line);
    case Verb::kApply: return apply(line);
    case Verb::kHistory: return history(line);
    case Verb::kUnlock: return unlock(line);
    case Verb::kImport: return import_schema(line);
    case Verb::kInstall: return install(line);
    case Verb::kFmt: return format_files(line);
    case Verb::kVersion: return version(line);
    case Verb::kCompletion: std::fputs(completion_script(line.shell).c_str(), stdout); return kExitOk;
  }
  return kExitInternal;
}

}  // namespace

int run(int argc, char** argv) try {
  // One heap: workers wait for the network, not for memory, and each thread's own would cost it 64 KiB and its start.
  ::mallopt(M_ARENA_MAX, 1);
  mongo::Driver::unlink_counters();
  const auto line = parse_command_line(argc, argv);
  return line ? dispatch(*line) : line.error().exit_code;
} catch (const std::exception& error) {
  fmt::print(stderr, "readygate: internal error: {}. Please report it.\n", error.what());
  return kExitInternal;
}

}  // namespace readygate::cli
