#include "config/telemetry.h"

#include "config/checks.h"

namespace readygate::config {

// The messages do not repeat the URL: a webhook's may be a secret.
void check_telemetry(const toml::Reader& root, const Wrong& wrong) {
  const std::string url = root.table("webhook").string("url");
  if (!url.empty() && !valid_url(url)) {
    wrong("webhook", "url", "it is not a URL like \"https://example.com/hook\" without a user; use headers_file");
  }
  const std::string endpoint = root.table("otlp").string("endpoint");
  if (!endpoint.empty() && (!valid_url(endpoint) || endpoint.find_first_of("?#") != std::string::npos)) {
    wrong("otlp", "endpoint", "it is not a URL like \"http://collector:4318\" without a user; use headers_file");
  }
}

Settings::Webhook read_webhook(const toml::Reader& table) {
  return {Secret(table.string("url")), table.string("headers_file"), table.string("ca_file"), table.duration("timeout"),
          table.duration("give_up_after")};
}

// The path is the protocol's, after whatever the collector's own is.
Settings::Otlp read_otlp(const toml::Reader& table) {
  std::string endpoint = table.string("endpoint");
  while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
  return {endpoint.empty() ? "" : endpoint + "/v1/traces", table.string("headers_file"), table.string("ca_file"),
          table.string("service_name")};
}

}  // namespace readygate::config
