#include "man_pages.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/duration.h"
#include "base/reason.h"
#include "cli/command_line.h"
#include "cli/exit_code.h"
#include "config/options.h"

namespace readygate::test {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kVariables{
    {{"READYGATE_CONFIG", "the configuration file"},
     {"READYGATE_GATE_SOCKET", "the socket of the daemon, also for who waits"},
     {"READYGATE_DISABLE", "with the value 1 nobody waits: `wait` starts its command at once"},
     {"NOTIFY_SOCKET", "where `run` tells a service manager that the gate has opened, as sd_notify(3) does"}}};
constexpr std::string_view kWait = "readygate-wait";
constexpr std::string_view kHome =
    ".SH SEE ALSO\n.BR readygate (1),\n.BR readygate-wait (1),\n.BR readygate.toml (5),\n.BR readygate (3)\n.PP\n"
    "The documents in /usr/share/doc/readygate.\n";

// Text in roff: no hyphen becomes a dash, no line a request. What is in backquotes is set bold.
std::string roff(std::string_view text) {
  std::string out;
  bool bold = false;
  for (const char c : text) {
    const bool first = out.empty() || out.back() == '\n';
    if (first && (c == '.' || c == '\'')) out += "\\&";
    if (c == '`') {
      bold = !bold;
      out += bold ? "\\fB" : "\\fR";
    } else if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string sentence(std::string_view clause) {
  std::string text(clause);
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return roff(text) + ".\n";
}

std::string head(std::string_view name, int section, std::string_view title, std::string_view what) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(
      ".\\\" Written by ./dev docs from the program's own tables.\n.TH {} {} \"\" readygate \"{}\"\n"
      ".SH NAME\n{} \\- {}\n",
      roff(upper), section, title, roff(name), roff(what));
}

// Paragraphs as the help has them: lines that begin with two spaces are an example, the others flow.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool example = false;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool indented = line.starts_with("  ");
    if (indented != example) out += indented ? ".PP\n.RS 4\n.nf\n" : ".fi\n.RE\n";
    example = indented;
    if (line.empty()) {
      out += ".PP\n";
      continue;
    }
    if (line.starts_with("Exit codes:") && !out.empty() && !out.ends_with(".PP\n")) out += ".PP\n";
    out += roff(indented ? line.substr(2) : line) + "\n";
  }
  return out + (example ? ".fi\n.RE\n" : "");
}

std::string option(const cli::OptionWords& option) {
  std::string names;
  for (const std::string& name : option.names) {
    names += fmt::format("{}\\fB{}\\fR", names.empty() ? "" : ", ", roff(name));
  }
  return fmt::format(".TP\n{}{}\n{}", names, option.takes_value ? " \\fIVALUE\\fR" : "", sentence(option.help));
}

std::string own_options(const cli::CommandWords& command) {
  std::string out;
  bool settings = false;
  for (const cli::OptionWords& each : command.options) {
    settings = settings || each.setting;
    if (!each.setting && each.names.front() != "--help") out += option(each);
  }
  if (settings) out += ".PP\nAnd every setting, see SETTINGS.\n";
  return out;
}

std::string exit_status() {
  std::string out = ".SH EXIT STATUS\n";
  for (const cli::ExitMeaning& exit : cli::exit_meanings()) {
    out += fmt::format(".TP\n\\fB{}\\fR\n{}", exit.code, sentence(exit.meaning));
  }
  return out;
}

std::string limits(const toml::Key& key) {
  if (!key.allowed.empty()) return fmt::format("one of \"{}\"", fmt::join(toml::words(key.allowed), "\", \""));
  std::string text(toml::described(key.type));
  if (key.type == toml::Type::kArray) text += fmt::format(", each {}", toml::described(key.item));
  if (!key.range || key.type == toml::Type::kString) return text;
  const auto shown = [&](std::int64_t number) {
    return key.type == toml::Type::kDuration ? format_duration(Millis(number)) : std::to_string(number);
  };
  return fmt::format("{}, {} to {}", text, shown(key.range->min), shown(key.range->max));
}

std::string fallback(const toml::Key& key) {
  if (key.required) return "Required.";
  if (!key.fallback) return "";
  const bool quoted = key.type == toml::Type::kString || key.type == toml::Type::kDuration;
  return fmt::format("Default: {}{}{}.", quoted ? "\"" : "", *key.fallback, quoted ? "\"" : "");
}

void add_key(std::string& out, const toml::Key& key, const std::string& path) {
  if (key.type == toml::Type::kTable && !key.free_keys) {
    for (const toml::Key& inner : key.keys) add_key(out, inner, fmt::format("{}{}.", path, key.name));
    return;
  }
  out += fmt::format(".TP\n\\fB{}{}\\fR ({})\n{}", roff(path), roff(key.name), roff(limits(key)), sentence(key.help));
  if (const std::string otherwise = fallback(key); !otherwise.empty()) out += roff(otherwise) + "\n";
}

}  // namespace

std::string readygate_1() {
  const std::vector<cli::CommandWords> commands = cli::command_words();
  std::string out =
      head("readygate", 1, "User Commands", "make a MongoDB database ready before the service that needs it");
  out += ".SH SYNOPSIS\n\\fBreadygate\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH DESCRIPTION\n";
  out += roff(commands.front().help) + "\n.PP\n" + paragraphs(commands.front().details);
  out += ".SH OPTIONS\n" + own_options(commands.front()) + ".SH COMMANDS\n";
  for (const cli::CommandWords& command : commands) {
    if (command.name.empty()) continue;
    out += fmt::format(".SS {}\n{}.\n", command.name, roff(command.help));
    if (!command.details.empty()) out += ".PP\n" + paragraphs(command.details);
    out += own_options(command);
  }
  out +=
      ".SH SETTINGS\nEach is a flag, a variable, and a key of the configuration file. A flag beats a variable, and a\n"
      "variable the file.\n.BR readygate.toml (5)\nsays which values each takes.\n";
  for (const config::Option& each : config::options()) {
    out += fmt::format(".TP\n\\fB{}\\fR, \\fB{}\\fR\n{}", roff(each.flag()), each.variable(), sentence(each.key->help));
  }
  out += exit_status() + ".SH REASONS\nThe status, probes and the log name why the gate is not open by one of these.\n";
  for (const Reason reason : all_reasons()) {
    if (reason == Reason::kNone) continue;
    const ReasonText& words = text(reason);
    out += fmt::format(".TP\n\\fB{}\\fR ({})\n{}What to do: {}", words.name, static_cast<int>(cli::exit_code(reason)),
                       sentence(words.meaning), sentence(words.advice));
  }
  out += ".SH ENVIRONMENT\n";
  for (const auto& [name, what] : kVariables) out += fmt::format(".TP\n.B {}\n{}", name, sentence(what));
  return out + std::string(kHome);
}

std::string readygate_wait_1() {
  const std::vector<cli::CommandWords> commands = cli::command_words();
  const auto wait =
      std::find_if(commands.begin(), commands.end(), [](const auto& each) { return each.name == "wait"; });
  std::string details = wait->details;
  for (std::size_t at = 0; (at = details.find("readygate wait", at)) != std::string::npos;) {
    details.replace(at, kWait.size(), kWait);
  }
  std::string out = head(kWait, 1, "User Commands", "wait until a gate is open, then run a command in its place");
  out +=
      ".SH SYNOPSIS\n\\fBreadygate\\-wait\\fR [\\fIOPTION\\fR...] [\\fB\\-\\-\\fR] [\\fICOMMAND\\fR...]\n.br\n"
      "\\fBreadygate\\-wait\\fR \\fBsleep\\fR \\fIDURATION\\fR\n.SH DESCRIPTION\n";
  out +=
      roff(fmt::format("{}.\nDoes what `readygate wait` does, as a static program that needs no library.\n"
                       "`readygate install` copies it to where an image without one finds it.\n",
                       wait->help));
  out +=
      ".PP\nWith \\fBsleep\\fR it waits for that long, like 5 (seconds) or 500ms: a preStop hook where there is no\n"
      "shell.\n.PP\n";
  out += paragraphs(details) + ".SH OPTIONS\n" + own_options(*wait);
  out += ".TP\n\\fB\\-\\-version\\fR\nPrint the version and exit.\n";
  return out + std::string(kHome);
}

std::string readygate_toml_5() {
  std::string out = head("readygate.toml", 5, "File Formats", "configuration of readygate");
  out +=
      ".SH DESCRIPTION\nA TOML file, /etc/readygate/readygate.toml unless \\fB\\-\\-config\\fR or READYGATE_CONFIG "
      "says\notherwise. Every key may be left out; each but those of \\fBcheck\\fR is a variable and a flag, too: "
      "\\fBgate.listen\\fR is\nREADYGATE_GATE_LISTEN and \\fB\\-\\-gate\\-listen\\fR.\n.PP\n"
      "\\fBreadygate check\\fR names every mistake in it, and shows the settings in force with the place of each.\n";
  out += ".SH TOP LEVEL\n";
  for (const toml::Key& key : config::keys()) {
    if (key.keys.size() == 0) add_key(out, key, "");
  }
  for (const toml::Key& key : config::keys()) {
    if (key.keys.size() == 0) continue;
    const bool many = key.type == toml::Type::kArray;
    out += fmt::format(".SH {}{}{}\n{}", many ? "[[" : "[", key.name, many ? "]]" : "]", sentence(key.help));
    for (const toml::Key& inner : key.keys) add_key(out, inner, "");
  }
  out += ".SH FILES\n.TP\n.I /usr/share/readygate/readygate.schema.json\nA JSON Schema of it, for editors.\n";
  return out + std::string(kHome);
}

}  // namespace readygate::test
