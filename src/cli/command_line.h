// The command line as plain data: which subcommand, with which options. CLI11 is seen by command_line.cc alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "core/facts.h"

namespace readygate::cli {

enum class Verb {
  kRun,
  kWait,
  kStatus,
  kCheck,
  kPlan,
  kApply,
  kHistory,
  kUnlock,
  kImport,
  kInstall,
  kFmt,
  kVersion,
  kCompletion
};
enum class OutputFormat { kText, kJson };

struct CommandLine {
  Verb verb = Verb::kVersion;
  OutputFormat format = OutputFormat::kText;

  // run, check, plan, apply, history, unlock, import
  std::string config_file;                                 // "": none
  std::vector<std::pair<std::string, std::string>> flags;  // ("gate.listen", "[::]:8088")

  // wait, status
  std::string socket;
  core::Fact fact = core::Fact::kOpen;
  Millis timeout{0};  // 0: none
  bool fail_fast = false;
  bool retry = false;
  std::vector<std::string> command;

  bool background = false;  // apply: background migrations, too

  bool yes = false;             // unlock: asked already
  bool abandon_target = false;  // unlock

  bool probe = false;   // plan: also try out, in a scratch collection, what no catalog shows
  std::string against;  // plan: a schema file in place of the database; "": none

  std::string database;  // import; "": that of the configuration
  std::string output;    // import; "": stdout
  bool force = false;

  std::string folder;  // install

  std::vector<std::string> files;  // fmt; "-": stdin to stdout
  bool check = false;

  std::string shell;  // completion
};

// What was printed already (help, or a usage error), and the code to exit with.
struct Finished {
  int exit_code;
};

tl::expected<CommandLine, Finished> parse_command_line(int argc, const char* const* argv);

// What a completion script offers, and a manual page tells.
struct OptionWords {
  std::vector<std::string> names;  // "--config", "-h"
  std::string help;                // one line
  bool takes_value = false;
  bool setting = false;              // one of config::options()
  std::vector<std::string> choices;  // of the value; empty: a file name or free text
};
struct CommandWords {
  std::string name;     // "" for the program itself
  std::string help;     // one line
  std::string details;  // paragraphs, with lines that are broken where a terminal's end
  std::vector<OptionWords> options;
  std::vector<std::string> arguments;  // words that may follow: the shells of `completion`
};
std::vector<CommandWords> command_words();

}  // namespace readygate::cli
