#include "mongo/oidc.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <utility>

#include <fmt/format.h>

namespace readygate::mongo {

namespace {

// What libmongoc's NEWS says of its releases: the callback, azure and gcp came with 2.2.0, k8s with 2.3.0.
struct Environment {
  std::string_view name;
  int minor;  // of 2.x, the first that has it
  bool token_resource;
};
constexpr std::array kEnvironments{Environment{"azure", 2, true}, Environment{"gcp", 2, true},
                                   Environment{"k8s", 3, false}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The value of an option, wherever in the text it stands: what the driver cannot read may have its '?' anywhere.
std::optional<std::string> option(std::string_view uri, std::string_view name) {
  for (std::size_t at = uri.find_first_of("?&"); at != std::string_view::npos; at = uri.find_first_of("?&", at + 1)) {
    const std::string_view rest = uri.substr(at + 1);
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos || !same(rest.substr(0, equals), name)) continue;
    return decoded(rest.substr(equals + 1, rest.find('&') - equals - 1));
  }
  return std::nullopt;
}

bool has_password(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view rest = uri.substr(scheme + 3);
  const std::string_view login = rest.substr(0, std::min(rest.find_first_of("@/?"), rest.size()));
  return login.size() < rest.size() && rest[login.size()] == '@' && login.find(':') != std::string_view::npos;
}

std::pair<int, int> major_minor(std::string_view version) {
  std::pair<int, int> numbers{0, 0};
  const char* end = version.data() + version.size();
  const auto major = std::from_chars(version.data(), end, numbers.first);
  if (major.ptr != end && *major.ptr == '.') std::from_chars(major.ptr + 1, end, numbers.second);
  return numbers;
}

core::Failure problem(std::string message, std::string advice) {
  return {core::Domain::kConfiguration, 0, core::Doing::kConnect, std::move(message), {}, std::move(advice)};
}

constexpr std::string_view kNameOne =
    "Write authMechanismProperties=ENVIRONMENT:azure, ENVIRONMENT:gcp or ENVIRONMENT:k8s into the URI, or log in "
    "otherwise (MONGODB-X509, MONGODB-AWS, SCRAM).";

}  // namespace

std::optional<OidcWanted> oidc_wanted(std::string_view uri) {
  const auto mechanism = option(uri, "authmechanism");
  if (!mechanism || !same(*mechanism, "MONGODB-OIDC")) return std::nullopt;
  OidcWanted wanted;
  wanted.password = has_password(uri);
  const std::string properties = option(uri, "authmechanismproperties").value_or("");
  for (std::string_view rest = properties; !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view one = rest.substr(0, end);
    const std::size_t colon = std::min(one.find(':'), one.size());
    if (same(one.substr(0, colon), "ENVIRONMENT") && colon < one.size()) wanted.environment = one.substr(colon + 1);
    if (same(one.substr(0, colon), "TOKEN_RESOURCE") && colon + 1 < one.size()) wanted.token_resource = true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return wanted;
}

std::optional<core::Failure> oidc_problem(const OidcWanted& wanted, std::string_view version) {
  const auto known = std::find_if(kEnvironments.begin(), kEnvironments.end(),
                                  [&](const Environment& each) { return each.name == wanted.environment; });
  const int minor = known == kEnvironments.end() ? 2 : known->minor;
  if (major_minor(version) < std::pair{2, minor}) {
    const std::string_view with = known == kEnvironments.end() ? "" : " with ENVIRONMENT:";
    return problem(fmt::format("the URI asks for authMechanism=MONGODB-OIDC{}{}, which this readygate's libmongoc {} "
                               "does not have: 2.{} or later is needed",
                               with, with.empty() ? "" : known->name, version, minor),
                   fmt::format("Run a readygate that is built with libmongoc 2.{} or later, or log in otherwise "
                               "(MONGODB-X509, MONGODB-AWS, SCRAM).",
                               minor));
  }
  if (wanted.environment.empty()) {
    return problem(
        "authMechanism=MONGODB-OIDC of the URI names no ENVIRONMENT, and readygate has no other source of "
        "tokens",
        std::string(kNameOne));
  }
  if (known == kEnvironments.end()) {
    return problem("the ENVIRONMENT of authMechanism=MONGODB-OIDC in the URI is none that libmongoc knows",
                   std::string(kNameOne));
  }
  if (known->token_resource && !wanted.token_resource) {
    return problem(
        fmt::format("ENVIRONMENT:{} of the URI needs a TOKEN_RESOURCE", known->name),
        fmt::format("Write authMechanismProperties=ENVIRONMENT:{},TOKEN_RESOURCE:AUDIENCE into the URI, with "
                    "the audience that the server's administrator names.",
                    known->name));
  }
  if (wanted.password) {
    return problem("the URI has a password, and authMechanism=MONGODB-OIDC takes none",
                   "Take the password out of the URI.");
  }
  return std::nullopt;
}

}  // namespace readygate::mongo
