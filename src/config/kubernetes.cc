#include "config/kubernetes.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/json.h"
#include "config/checks.h"

namespace readygate::config {
namespace {

// The kubelet puts these two into every container.
std::string variable(const Given& given, std::string_view wanted) {
  for (const auto& [name, value] : given.variables) {
    if (name == wanted) return value;
  }
  return "";
}

std::string url_of(const toml::Reader& table, const Given& given) {
  std::string host = table.string("host");
  if (host.empty()) host = variable(given, "KUBERNETES_SERVICE_HOST");
  std::string port = table.has("port") ? fmt::format("{}", table.integer("port")) : "";
  if (port.empty()) port = variable(given, "KUBERNETES_SERVICE_PORT");
  if (port.empty()) port = "443";
  const bool bare_ipv6 = host.find(':') != std::string::npos && host.front() != '[';
  return host.empty() ? "" : fmt::format(fmt::runtime(bare_ipv6 ? "https://[{}]:{}" : "https://{}:{}"), host, port);
}

// What a path of the API takes as it is: DNS names and uids.
bool plain(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

struct Needed {
  std::string_view key;
  std::string_view field;
};
constexpr std::array kNeeded = {Needed{"pod", "metadata.name"}, Needed{"namespace", "metadata.namespace"},
                                Needed{"uid", "metadata.uid"}};

}  // namespace

void check_kubernetes(const toml::Reader& table, const Given& given, const toml::Place& place,
                      toml::Mistakes& mistakes) {
  if (!table.boolean("condition") && !table.boolean("events")) return;
  const auto wrong = [&](std::string message) {
    mistakes.push_back({place, Reason::kConfigInvalid, std::move(message)});
  };
  for (const auto& [key, field] : kNeeded) {
    const std::string value = table.string(key);
    std::string variable_name = fmt::format("READYGATE_KUBERNETES_{}", key);
    std::transform(variable_name.begin(), variable_name.end(), variable_name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    if (value.empty()) {
      wrong(fmt::format("kubernetes.{} is not given; set {} from the pod's field {}", key, variable_name, field));
    } else if (!plain(value)) {
      wrong(fmt::format("kubernetes.{} is {}, which is no {}", key, json_quote(value), field));
    }
  }
  const std::string url = url_of(table, given);
  if (url.empty()) {
    wrong("the API server is not known: neither kubernetes.host nor KUBERNETES_SERVICE_HOST is given");
  } else if (!valid_url(url)) {
    wrong(fmt::format("{} is not the URL of an API server; correct kubernetes.host and kubernetes.port",
                      json_quote(url)));
  }
}

Settings::Kubernetes read_kubernetes(const toml::Reader& table, const Given& given) {
  return {table.boolean("condition"), table.boolean("events"), table.string("pod"),        table.string("namespace"),
          table.string("uid"),        url_of(table, given),    table.string("token_file"), table.string("ca_file")};
}

}  // namespace readygate::config
