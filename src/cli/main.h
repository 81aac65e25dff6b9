#pragma once

namespace readygate::cli {

// The whole program: parses the command line, runs the subcommand, returns the exit code.
int run(int argc, char** argv);

}  // namespace readygate::cli
