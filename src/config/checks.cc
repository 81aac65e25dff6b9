#include "config/checks.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

#include <fmt/format.h>

#include "base/json.h"

namespace readygate::config {
namespace {

struct Kind {
  std::string_view key;
  CheckKind kind;
};
constexpr std::array kKinds = {Kind{"http", CheckKind::kHttp}, Kind{"tcp", CheckKind::kTcp},
                               Kind{"file", CheckKind::kFile}};

// The gate's own checks (src/core/gate_view.cc).
constexpr std::array<std::string_view, 6> kOwn = {"schema", "mongodb", "drain", "drift", "migrations", "schema_file"};

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isgraph(c) != 0; });
}

bool valid_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; });
}

// "host:port" or "[address]:port".
bool valid_address(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || !printable(address)) return false;
  if (address.find_first_of("/?#@") != std::string_view::npos) return false;
  const std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find(':') != std::string_view::npos) return false;
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return false;
  const int number = std::stoi(std::string(port));
  return number >= 1 && number <= 65535;
}

void check_target(const Kind& kind, const toml::Value& value, const std::string& target, toml::Mistakes& mistakes) {
  const auto wrong = [&](std::string_view what) {
    mistakes.push_back({value.place, Reason::kConfigInvalid, fmt::format("{} is not {}", json_quote(target), what)});
  };
  switch (kind.kind) {
    case CheckKind::kHttp:
      if (!valid_url(target)) wrong("a URL like \"http://127.0.0.1:8000/health\" without a user");
      return;
    case CheckKind::kTcp:
      if (!valid_address(target)) wrong("a host and a port like \"127.0.0.1:8000\"");
      return;
    case CheckKind::kFile:
      if (target.empty() || target.front() != '/') wrong("an absolute path");
      return;
  }
}

}  // namespace

bool valid_url(std::string_view url) {
  std::string_view rest = url;
  if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else {
    return false;
  }
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  return printable(url) && !authority.empty() && authority.front() != ':' &&
         authority.find('@') == std::string_view::npos;
}

void check_checks(const toml::Reader& root, toml::Mistakes& mistakes) {
  std::vector<std::string> names(kOwn.begin(), kOwn.end());
  for (const toml::Reader& check : root.tables("check")) {
    const std::string name = check.string("name");
    const toml::Place place = check.value("name")->place;
    const auto wrong = [&](std::string message) {
      mistakes.push_back({place, Reason::kConfigInvalid, std::move(message)});
    };
    if (!valid_name(name)) {
      wrong(fmt::format("{} is not a name of lower-case letters, digits, - and _", json_quote(name)));
    } else if (std::find(names.begin(), names.end(), name) != names.end()) {
      wrong(fmt::format("a check called \"{}\" is there already", name));
    }
    names.push_back(name);
    int given = 0;
    for (const Kind& kind : kKinds) {
      if (!check.has(kind.key)) continue;
      ++given;
      check_target(kind, *check.value(kind.key), check.string(kind.key), mistakes);
    }
    if (given != 1) wrong(fmt::format("the check \"{}\" needs one of http, tcp and file", name));
  }
}

std::vector<Check> read_checks(const toml::Reader& root) {
  std::vector<Check> all;
  for (const toml::Reader& check : root.tables("check")) {
    const auto kind =
        std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& candidate) { return check.has(candidate.key); });
    all.push_back({check.string("name"), kind->kind, check.string(kind->key), check.duration("period"),
                   check.duration("timeout"), static_cast<int>(check.integer("success_threshold")),
                   static_cast<int>(check.integer("failure_threshold"))});
  }
  return all;
}

}  // namespace readygate::config
