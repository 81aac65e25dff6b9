#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "cli/completion.h"
#include "cli/exit_code.h"
#include "config/options.h"

using namespace readygate;
using namespace readygate::cli;

namespace {

tl::expected<CommandLine, Finished> parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"readygate"};
  argv.insert(argv.end(), words);
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

}  // namespace

TEST_CASE("every setting is a flag of run, check and plan") {
  for (const config::Option& option : config::options()) {
    for (const char* verb : {"run", "check", "plan"}) {
      const std::string flag = option.flag();
      CAPTURE(flag);
      const auto line = parse({verb, flag.c_str(), "x"});
      REQUIRE(line);
      REQUIRE(line->flags.size() == 1);
      CHECK(line->flags.front() == std::pair(option.path(), std::string("x")));
    }
  }
}

TEST_CASE("wait takes its own options before the command and leaves the command's alone") {
  const auto line = parse({"wait", "--socket", "/s", "--for", "ready", "--timeout", "60s", "--fail-fast", "--",
                           "uvicorn", "--port", "8000", "--", "--help"});
  REQUIRE(line);
  CHECK(line->verb == Verb::kWait);
  CHECK(line->socket == "/s");
  CHECK(line->fact == core::Fact::kReady);
  CHECK(line->timeout == Millis(60'000));
  CHECK(line->fail_fast);
  CHECK(line->command == std::vector<std::string>{"uvicorn", "--port", "8000", "--", "--help"});
}

TEST_CASE("a bad command line ends with 64, help with 0") {
  for (const auto& words : std::initializer_list<std::initializer_list<const char*>>{{},
                                                                                     {"rum"},
                                                                                     {"run", "--gate-lisen", "x"},
                                                                                     {"run", "--config"},
                                                                                     {"wait", "--for", "opened"},
                                                                                     {"wait", "--timeout", "60"},
                                                                                     {"status", "--", "x"},
                                                                                     {"completion"},
                                                                                     {"completion", "tcsh"},
                                                                                     {"plan", "--format", "xml"}}) {
    const auto line = parse(words);
    REQUIRE_FALSE(line);
    CHECK(line.error().exit_code == kExitUsage);
  }
  CHECK(parse({"--help"}).error().exit_code == kExitOk);
  CHECK(parse({"wait", "--help"}).error().exit_code == kExitOk);
}

TEST_CASE("completion offers every subcommand and every flag, in each shell") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const std::string script = completion_script(shell);
    for (const CommandWords& command : command_words()) {
      CHECK(script.find(command.name) != std::string::npos);
      for (const OptionWords& option : command.options) {
        if (command.name.empty() && std::string_view(shell) != "bash") continue;
        const std::string name =
            std::string_view(shell) == "fish" ? option.names.front().substr(2) : option.names.front();
        CAPTURE(name);
        CHECK(script.find(name) != std::string::npos);
      }
    }
  }
}

TEST_CASE("exit codes of reasons") {
  CHECK(exit_code(Reason::kConfigInvalid) == 78);
  CHECK(exit_code(Reason::kSchemaInvalid) == 78);
  CHECK(exit_code(Reason::kFileUnreadable) == 78);
  CHECK(exit_code(Reason::kDraining) == 75);
  CHECK(exit_code(Reason::kForbidden) == 77);
  CHECK(exit_code(Reason::kConnectionRefused) == 69);
  CHECK(exit_code(Reason::kPortTaken) == 69);
  CHECK(exit_code(Reason::kTimeout) == 124);
}
