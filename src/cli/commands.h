// The subcommands, one function and one file each. Each returns the exit code; facts go to stdout, errors to stderr.
#pragma once

#include "cli/command_line.h"

namespace readygate::cli {

int run_daemon(const CommandLine& line);
int check(const CommandLine& line);
int plan(const CommandLine& line);
int apply(const CommandLine& line);
int history(const CommandLine& line);
int unlock(const CommandLine& line);
int import_schema(const CommandLine& line);
int install(const CommandLine& line);
int format_files(const CommandLine& line);
int version(const CommandLine& line);

}  // namespace readygate::cli
