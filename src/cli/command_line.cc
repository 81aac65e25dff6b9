#include "cli/command_line.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/duration.h"
#include "base/suggest.h"
#include "cli/exit_code.h"
#include "config/options.h"

namespace readygate::cli {
namespace {

constexpr const char* kDefaultConfig = "/etc/readygate/readygate.toml";
constexpr const char* kDefaultSocket = "/run/readygate/gate.sock";
constexpr const char* kSettings = "Settings";  // of options in the help

constexpr const char* kAbout =
    "Makes a MongoDB database ready before the service that needs it starts.\n\n"
    "A sidecar runs `readygate run`: it connects, applies the declared schema, verifies it, warms its connections, "
    "and\n"
    "tells everyone through probe endpoints and a Unix socket. The service starts behind `readygate wait`.";

// One word per subcommand, its line in the list, and what its own help adds.
struct Subcommand {
  Verb verb;
  const char* name;
  const char* summary;
  const char* details;
};
constexpr std::array kSubcommands = {
    Subcommand{Verb::kRun, "run", "Run the gate: initialize the database, then serve probes and the socket",
               "Example:\n  readygate run --config /etc/readygate/readygate.toml\n\n"
               "Every setting is a key of the configuration file, a READYGATE_… variable and a flag; a flag beats a\n"
               "variable beats the file. SIGTERM drains, SIGHUP reloads what can be reloaded."},
    Subcommand{Verb::kWait, "wait", "Wait until the gate is open, then run a command in its place",
               "Example:\n  readygate wait --timeout 120s -- uvicorn app:api --port 8000\n\n"
               "Without a command it only waits. A daemon that is not there yet is waited for.\n"
               "Exit codes: 124 timeout, 69 failed (with --fail-fast), 75 draining, 77 not allowed,\n"
               "126 and 127 as in the shell, 128+n ended by a signal, else the command's own."},
    Subcommand{Verb::kStatus, "status", "Show what the gate is doing, and why it is not open",
               "Exit codes: 0 open, 75 not open now, 69 failed or no answer, 77 --retry not allowed."},
    Subcommand{
        Verb::kCheck, "check", "Check the configuration and the schema file, without connecting",
        "Shows every mistake at once with its place, and otherwise the settings in force and where each comes from.\n"
        "Exit codes: 0 valid, 78 not."},
    Subcommand{
        Verb::kPlan, "plan", "Show what `run` would change in the database, and change nothing",
        "Exit codes: 0 nothing to do, 2 there are changes or something is in the way, 69 no database.\n"
        "With --probe it writes, and only then: what no catalog shows (does the server enforce a validator, a unique\n"
        "index?) is tried out in a collection named _readygate_probe_…, which is dropped again.\n"
        "With --against it reads no database and no configuration's URI: what would change in one that is as the "
        "file says."},
    Subcommand{
        Verb::kApply, "apply", "Make the database ready once, and end: for a CI job or a Helm hook",
        "Example:\n  readygate apply --init-timeout 10m\n\n"
        "Does what `run` does before it opens, with the same lease: it waits for a replica that is at it.\n"
        "What waiting cannot mend ends it at once. Without --init-timeout it tries for ever to reach a database.\n"
        "Exit codes: 0 the database is ready, 69 failed, 77 not allowed, 78 invalid schema, 124 init.timeout,\n"
        "128+n ended by a signal."},
    Subcommand{Verb::kHistory, "history", "List what was applied to the database, when, by whom, and how long it took",
               "Versions of the schema, seeds and migrations, oldest first.\n"
               "Exit codes: 0 listed, 69 no database."},
    Subcommand{
        Verb::kUnlock, "unlock", "Take the lease from its holder; never needed after a crash",
        "A holder that died loses its lease by itself within lease.period. This is for one that lives and must not\n"
        "go on: the fencing token is raised, so that nothing more of it is accepted.\n"
        "With --abandon-target the version that it was applying is given up too, so that an older version can be\n"
        "applied again. Asks first, unless --yes is given.\n"
        "Exit codes: 0 done, or there was nothing to unlock; 1 not confirmed, 69 no database."},
    Subcommand{
        Verb::kImport, "import", "Write the schema file of a live database",
        "Example:\n  readygate import --db shop --output schema.toml\n\n"
        "A plan of the file against the same database shows no change. What cannot be declared is a comment in "
        "it,\nand a line on stderr. It has the name of the schema that is applied to the database, and its version or, "
        "where "
        "it\ndeclares something else, the next. Else its name is made from the database's: look at it before it is "
        "applied."},
    Subcommand{Verb::kInstall, "install", "Copy the static readygate-wait into a folder",
               "Example:\n  readygate install /shared\n\n"
               "For an init container: the application then starts with /shared/readygate-wait, whatever its image "
               "holds.\nThe program is taken from beside readygate, else from ../libexec/readygate.\n"
               "Exit codes: 0 copied, 1 the folder cannot be written to, 78 the program is not there."},
    Subcommand{Verb::kFmt, "fmt", "Rewrite schema files in canonical form, keeping comments",
               "Example:\n  readygate fmt --check schema/*.toml\n\n"
               "Names the files that it changed. \"-\" is standard input, to standard output.\n"
               "Exit codes: 0 done, 1 a file is not in canonical form (--check), 78 a file is no TOML."},
    Subcommand{Verb::kVersion, "version", "Print the version, and those of the libraries in use", ""},
    Subcommand{Verb::kCompletion, "completion", "Print a completion script for bash, zsh or fish",
               "Example:\n  readygate completion bash > /etc/bash_completion.d/readygate"},
};

constexpr std::array<const char*, 3> kShells = {"bash", "zsh", "fish"};

struct Parser {
  CLI::App app{kAbout, "readygate"};
  CommandLine line;
  std::map<Verb, CLI::App*> subcommands;
  std::string fact = "open";
  std::string timeout = "0s";
  std::string format = "text";
};

std::string help_of(const config::Option& option) {
  std::string help(option.key->help);
  if (!option.key->allowed.empty()) {
    std::string allowed(option.key->allowed);
    std::replace(allowed.begin(), allowed.end(), '|', ',');
    help += fmt::format(" ({})", allowed);
  }
  if (option.key->fallback && !option.key->fallback->empty()) help += fmt::format(" [{}]", *option.key->fallback);
  return help;
}

void add_settings(Parser& parser, CLI::App& sub) {
  sub.add_option("--config", parser.line.config_file,
                 fmt::format("Configuration file; also READYGATE_CONFIG [{}, if it is there]", kDefaultConfig));
  for (const config::Option& option : config::options()) {
    sub.add_option_function<std::string>(
           option.flag(),
           [&parser, path = option.path()](const std::string& text) { parser.line.flags.emplace_back(path, text); },
           help_of(option))
        ->group(option.section.empty() ? kSettings : fmt::format("{}: {}", kSettings, option.section))
        ->type_name("");
  }
}

// The help text names the words already.
CLI::Validator one_of(std::set<std::string> words) { return CLI::IsMember(std::move(words)).description(""); }

void add_format(Parser& parser, CLI::App& sub) {
  sub.add_option("--format", parser.format, "text or json [text]")->check(one_of({"text", "json"}))->type_name("");
}

void add_socket(Parser& parser, CLI::App& sub) {
  sub.add_option("--socket,--gate-socket", parser.line.socket,
                 fmt::format("Socket of the daemon; also READYGATE_GATE_SOCKET [{}]", kDefaultSocket))
      ->type_name("");
}

// A subcommand's own options; the settings, which many have, and --format come with it.
void add_options(Parser& parser, Verb verb, CLI::App& sub) {
  switch (verb) {
    case Verb::kRun: add_settings(parser, sub); break;
    case Verb::kWait:
      add_socket(parser, sub);
      sub.add_option("--for", parser.fact, "open, ready, initialized or healthy [open]")
          ->check(one_of({"open", "ready", "initialized", "healthy"}))
          ->type_name("");
      sub.add_option("--timeout", parser.timeout, "Give up after this long, like 60s; 0s is never [0s]")->type_name("");
      sub.add_flag("--fail-fast", parser.line.fail_fast, "End with 69 as soon as the gate says failed");
      sub.add_option("command", parser.line.command, "The command to run once the gate is open")->type_name("");
      break;
    case Verb::kStatus:
      add_socket(parser, sub);
      add_format(parser, sub);
      sub.add_flag("--retry", parser.line.retry, "Ask a failed gate to try again now");
      break;
    case Verb::kCheck:
    case Verb::kHistory:
      add_settings(parser, sub);
      add_format(parser, sub);
      break;
    case Verb::kPlan:
      add_settings(parser, sub);
      add_format(parser, sub);
      sub.add_option("--against", parser.line.against,
                     "A schema file, as `import` writes one, in place of the database")
          ->type_name("");
      sub.add_flag("--probe", parser.line.probe, "Also try out what the server enforces; writes a scratch collection")
          ->excludes("--against");
      break;
    case Verb::kApply:
      add_settings(parser, sub);
      add_format(parser, sub);
      sub.add_flag("--background", parser.line.background,
                   "Also work off migrations of phase background, and end after them");
      break;
    case Verb::kUnlock:
      add_settings(parser, sub);
      add_format(parser, sub);
      sub.add_flag("--yes", parser.line.yes, "Do not ask");
      sub.add_flag("--abandon-target", parser.line.abandon_target, "Give up the version that was being applied");
      break;
    case Verb::kImport:
      add_settings(parser, sub);
      sub.add_option("--db", parser.line.database, "The database [mongodb.database]")->type_name("");
      sub.add_option("--output", parser.line.output, "Write to this file, which must not be there yet [stdout]")
          ->type_name("");
      sub.add_flag("--force", parser.line.force, "Replace the file of --output");
      break;
    case Verb::kInstall:
      sub.add_option("folder", parser.line.folder, "The folder, which must be there")->required()->type_name("");
      break;
    case Verb::kFmt:
      sub.add_flag("--check", parser.line.check, "Change nothing; name the files that would change");
      sub.add_option("files", parser.line.files, "Schema files")->required()->type_name("");
      break;
    case Verb::kVersion: add_format(parser, sub); break;
    case Verb::kCompletion:
      sub.add_option("shell", parser.line.shell, "bash, zsh or fish")
          ->check(one_of({"bash", "zsh", "fish"}))
          ->required()
          ->type_name("");
      break;
  }
}

// Versions of CLI11 differ in whether a line that names the program is called usage (2.6 does not).
class Formatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string text = CLI::Formatter::make_usage(app, "");
    if (const auto label = text.find(':'); label != std::string::npos && !name.empty()) {
      text.insert(label + 1, " " + name);
    }
    return text;
  }
};

// Every subcommand, and the options of those that `wanted` says. CLI11 compares each new option's names with all before
// it, so that the options of all take as long as the rest of the start.
template <typename Wanted>
void build(Parser& parser, const Wanted& wanted) {
  parser.app.require_subcommand(1);
  parser.app.failure_message(CLI::FailureMessage::simple);
  parser.app.set_version_flag("--version", std::string("readygate ") + READYGATE_VERSION);
  parser.app.formatter(std::make_shared<Formatter>());
  parser.app.get_formatter()->column_width(34);
  for (const Subcommand& about : kSubcommands) {
    CLI::App* sub = parser.app.add_subcommand(about.name, about.summary);
    sub->footer(about.details);
    parser.subcommands[about.verb] = sub;
    if (wanted(about.name)) add_options(parser, about.verb, *sub);
  }
}

std::string from_environment(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value != nullptr && *value != '\0' ? value : otherwise;
}

tl::unexpected<Finished> usage(const std::string& message) {
  std::cerr << "readygate: " << message << "\nTry `readygate --help`.\n";
  return tl::unexpected(Finished{kExitUsage});
}

// An unknown word is most often a slip of the finger.
std::string near_miss(const Parser& parser, const std::vector<std::string>& words) {
  std::vector<std::string> names;
  for (const Subcommand& about : kSubcommands) names.emplace_back(about.name);
  for (const auto& [verb, sub] : parser.subcommands) {
    if (!sub->parsed()) continue;
    for (const CLI::Option* option : sub->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string& word : words) {
    const std::string bare = word.substr(0, word.find('='));
    if (std::find(names.begin(), names.end(), bare) != names.end()) continue;
    if (const std::string hint = did_you_mean(bare, known); !hint.empty()) return fmt::format(" {}{}", bare, hint);
  }
  return {};
}

}  // namespace

tl::expected<CommandLine, Finished> parse_command_line(int argc, const char* const* argv) {
  // What follows `--` is the command's own, options and all.
  const char* const* end = argv + argc;
  const char* const* dashes = std::find_if(argv, end, [](const char* word) { return std::string_view(word) == "--"; });
  const std::vector<std::string> words(std::min(argv + 1, dashes), dashes);
  Parser parser;
  build(parser, [&](const char* name) { return std::find(words.begin(), words.end(), name) != words.end(); });
  try {
    parser.app.parse(static_cast<int>(dashes - argv), argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return tl::unexpected(Finished{parser.app.exit(success)});
  } catch (const CLI::ParseError& error) {
    return usage(error.what() + near_miss(parser, words));
  }
  CommandLine& line = parser.line;
  for (const auto& [verb, sub] : parser.subcommands) {
    if (sub->parsed()) line.verb = verb;
  }
  if (dashes != end) {
    if (line.verb != Verb::kWait) return usage("only `wait` takes a command after --");
    line.command.assign(dashes + 1, end);
  }
  const auto timeout = parse_duration(parser.timeout);
  if (!timeout) return usage(fmt::format("--timeout: \"{}\" is not a duration like 60s", parser.timeout));
  line.timeout = *timeout;
  line.fact = *core::fact_from(parser.fact);
  line.format = parser.format == "json" ? OutputFormat::kJson : OutputFormat::kText;
  if (line.socket.empty()) line.socket = from_environment("READYGATE_GATE_SOCKET", kDefaultSocket);
  if (line.config_file.empty()) line.config_file = from_environment("READYGATE_CONFIG", "");
  if (line.config_file.empty() && ::access(kDefaultConfig, F_OK) == 0) line.config_file = kDefaultConfig;
  return std::move(line);
}

std::vector<CommandWords> command_words() {
  Parser parser;
  build(parser, [](const char* /*name*/) { return true; });
  std::vector<CommandWords> all;
  const auto add = [&](const CLI::App& app, std::string name) {
    CommandWords words{std::move(name), app.get_description(), app.get_footer(), {}, {}};
    if (const auto end = words.help.find('\n'); end != std::string::npos) {
      words.details = words.help.substr(words.help.find_first_not_of('\n', end));
      words.help.resize(end);
    }
    for (const CLI::Option* option : app.get_options()) {
      OptionWords entry;
      for (const std::string& n : option->get_lnames()) entry.names.push_back("--" + n);
      for (const std::string& n : option->get_snames()) entry.names.push_back("-" + n);
      if (entry.names.empty()) continue;
      entry.help = option->get_description();
      entry.takes_value = option->get_items_expected_max() > 0;
      entry.setting = option->get_group().starts_with(kSettings);
      if (entry.names.front() == "--format") entry.choices = {"text", "json"};
      if (entry.names.front() == "--for") entry.choices = {"open", "ready", "initialized", "healthy"};
      words.options.push_back(std::move(entry));
    }
    if (words.name == "completion") words.arguments.assign(kShells.begin(), kShells.end());
    all.push_back(std::move(words));
  };
  add(parser.app, "");
  for (const Subcommand& about : kSubcommands) add(*parser.subcommands[about.verb], about.name);
  return all;
}

}  // namespace readygate::cli
