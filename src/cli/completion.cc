#include "cli/completion.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/command_line.h"

namespace readygate::cli {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

// Help texts go into single quotes; zsh also gives brackets and colons a meaning.
std::string quotable(std::string_view help, std::string_view special = "'") {
  std::string out;
  for (const char c : help) {
    if (c == '\'') continue;
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string bash(const std::vector<CommandWords>& commands) {
  std::string cases;
  std::string verbs;
  for (const CommandWords& command : commands) {
    std::vector<std::string> words = command.arguments;
    for (const OptionWords& option : command.options)
      words.insert(words.end(), option.names.begin(), option.names.end());
    if (command.name.empty()) {
      verbs = joined(words);
      continue;
    }
    verbs += " " + command.name;
    cases += fmt::format("    {}) words=\"{}\" ;;\n", command.name, joined(words));
  }
  return fmt::format(R"(# bash completion for readygate
_readygate() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
  COMPREPLY=()
  case "$previous" in
    --format) COMPREPLY=($(compgen -W "text json" -- "$word")); return ;;
    --for) COMPREPLY=($(compgen -W "open ready initialized healthy" -- "$word")); return ;;
    --config|--schema|--socket|--gate-socket|--mongodb-uri-file) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  case "${{COMP_WORDS[1]}}" in
{}    *) words="{}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}}
complete -F _readygate readygate
)",
                     cases, verbs);
}

std::string zsh(const std::vector<CommandWords>& commands) {
  std::string verbs;
  std::string cases;
  for (const CommandWords& command : commands) {
    if (command.name.empty()) continue;
    verbs += fmt::format("    '{}:{}'\n", command.name, quotable(command.help, ":"));
    cases += fmt::format("    {})\n      _arguments", command.name);
    for (const OptionWords& option : command.options) {
      const std::string value = !option.takes_value      ? ""
                                : option.choices.empty() ? ":value:_files"
                                                         : fmt::format(":value:({})", joined(option.choices));
      for (const std::string& name : option.names) {
        cases += fmt::format(" \\\n        '{}[{}]{}'", name, quotable(option.help, "[]"), value);
      }
    }
    if (!command.arguments.empty()) cases += fmt::format(" \\\n        '1:argument:({})'", joined(command.arguments));
    cases += " ;;\n";
  }
  return fmt::format(R"(#compdef readygate
_readygate() {{
  local -a verbs
  verbs=(
{}  )
  if (( CURRENT == 2 )); then
    _describe 'command' verbs
    return
  fi
  local verb="$words[2]"
  shift words
  (( CURRENT-- ))
  case "$verb" in
{}  esac
}}
compdef _readygate readygate
)",
                     verbs, cases);
}

std::string fish(const std::vector<CommandWords>& commands) {
  std::string out = "# fish completion for readygate\ncomplete -c readygate -f\n";
  for (const CommandWords& command : commands) {
    if (command.name.empty()) continue;
    out += fmt::format("complete -c readygate -n __fish_use_subcommand -a {} -d '{}'\n", command.name,
                       quotable(command.help));
    const std::string here = fmt::format("-n '__fish_seen_subcommand_from {}'", command.name);
    for (const OptionWords& option : command.options) {
      std::string names;
      for (const std::string& name : option.names) {
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      const std::string value = !option.takes_value      ? ""
                                : option.choices.empty() ? " -r -F"
                                                         : fmt::format(" -x -a '{}'", joined(option.choices));
      out += fmt::format("complete -c readygate {}{}{} -d '{}'\n", here, names, value, quotable(option.help));
    }
    if (!command.arguments.empty()) {
      out += fmt::format("complete -c readygate {} -a '{}'\n", here, joined(command.arguments));
    }
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  const std::vector<CommandWords> commands = command_words();
  if (shell == "zsh") return zsh(commands);
  if (shell == "fish") return fish(commands);
  return bash(commands);
}

}  // namespace readygate::cli
