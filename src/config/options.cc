#include "config/options.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace readygate::config {
namespace {

using toml::Key;
using toml::Range;
using toml::Type;

constexpr Range kAnyDuration{0, 10'000LL * 3'600'000};
constexpr Range kSomeTime{1, 10'000LL * 3'600'000};

constexpr std::array kMongodb = {
    Key{.name = "uri", .help = "connection string; with a password, prefer uri_file"},
    Key{.name = "uri_file", .help = "file that holds the connection string; read again when it changes"},
    Key{.name = "database", .fallback = "", .help = "use this database instead of the one that the schema names"},
    Key{.name = "warm_connections",
        .type = Type::kInteger,
        .fallback = "4",
        .range = Range{1, 100},
        .help = "connections opened and authenticated; the gate opens after the first"},
    Key{.name = "parallelism",
        .type = Type::kInteger,
        .fallback = "4",
        .range = Range{1, 64},
        .help = "steps in flight while initializing; twice as many of those that work through no documents"},
    Key{.name = "connect_timeout",
        .type = Type::kDuration,
        .fallback = "2s",
        .range = Range{100, 60'000},
        .help = "for one connection attempt, TLS and authentication included"},
    Key{.name = "ping_period",
        .type = Type::kDuration,
        .fallback = "5s",
        .range = Range{100, 3'600'000},
        .help = "between authenticated pings once open"},
};

constexpr std::array kGate = {
    Key{.name = "listen", .fallback = "[::]:8088", .help = "address of the probe endpoints; empty turns TCP off"},
    Key{.name = "socket",
        .fallback = "/run/readygate/gate.sock",
        .range = Range{1, 107},
        .help = "path of the Unix socket that applications wait on"},
    Key{.name = "socket_mode", .fallback = "0660", .help = "permissions of the socket, octal"},
    Key{.name = "socket_group",
        .type = Type::kInteger,
        .fallback = "-1",
        .range = Range{-1, 4'294'967'294},
        .help = "numeric group of the socket; -1 is the group of its folder"},
    Key{.name = "allow_uids",
        .type = Type::kArray,
        .item = Type::kInteger,
        .fallback = "[]",
        .help = "users who may POST on the socket, beside the daemon's own user and root"},
    Key{.name = "ready_policy",
        .fallback = "live",
        .allowed = "live|latched",
        .help = "live: closed while the database is lost; latched: once open, stays open"},
    Key{.name = "unready_after",
        .type = Type::kDuration,
        .fallback = "30s",
        .range = kAnyDuration,
        .help = "a loss of the database counts only when it is older; elections take about 12 s"},
    Key{.name = "drain_delay",
        .type = Type::kDuration,
        .fallback = "0s",
        .range = kAnyDuration,
        .help = "after SIGTERM keep serving, not open, for so long"},
};

constexpr std::array kBackoff = {
    Key{.name = "initial",
        .type = Type::kDuration,
        .fallback = "100ms",
        .range = kSomeTime,
        .help = "the bound of the first pause; each pause is random below its bound"},
    Key{.name = "max", .type = Type::kDuration, .fallback = "5s", .range = kSomeTime, .help = "the longest bound"},
};

constexpr std::array kInit = {
    Key{.name = "mode",
        .fallback = "apply",
        .allowed = "apply|verify",
        .help = "verify never changes the database: it waits until another replica or job has"},
    Key{.name = "timeout",
        .type = Type::kDuration,
        .fallback = "0s",
        .range = kAnyDuration,
        .help = "initialization fails past this; 0s is no limit"},
    Key{.name = "stall_timeout",
        .type = Type::kDuration,
        .fallback = "10m",
        .range = kAnyDuration,
        .help =
            "an index build that stands still for so long ends the attempt, and is joined by the next; 0s is never"},
    Key{.name = "failed_retry",
        .type = Type::kDuration,
        .fallback = "60s",
        .range = kAnyDuration,
        .help = "after a failure that waiting cannot mend, try again this often; 0s is never"},
    Key{.name = "auth_grace",
        .type = Type::kDuration,
        .fallback = "60s",
        .range = kAnyDuration,
        .help = "refused credentials are retried for so long before they count as a failure"},
    Key{.name = "commit_quorum",
        .fallback = "",
        .help =
            "members that must be done before an index build commits: \"majority\", \"votingMembers\", a number or a "
            "tag; empty is the server's default"},
    Key{.name = "backoff", .type = Type::kTable, .keys = kBackoff, .help = "pauses between attempts"},
};

constexpr std::array kLease = {
    Key{.name = "period",
        .type = Type::kDuration,
        .fallback = "20s",
        .range = Range{1'000, 3'600'000},
        .help = "stored in the database; replicas that wait look every quarter of it"},
    Key{.name = "margin",
        .type = Type::kDuration,
        .range = Range{100, 3'600'000},
        .help = "the holder stops so long before others may take over; where not given, 15 % of the period"},
};

constexpr std::array kLog = {
    Key{.name = "format", .allowed = "json|text", .help = "text on a terminal, else json"},
    Key{.name = "level",
        .fallback = "info",
        .allowed = "debug|info|warn|error",
        .help = "the least level that is written"},
};

constexpr std::array kCheck = {
    Key{.name = "name",
        .required = true,
        .range = Range{1, 63},
        .help = "how `?verbose`, the status and the metrics call it: lower-case letters, digits, - and _"},
    Key{.name = "http", .help = "URL that must answer from 200 to 399; redirects are not followed"},
    Key{.name = "tcp", .help = "\"host:port\" that must accept a connection"},
    Key{.name = "file", .help = "path that must exist"},
    Key{.name = "period",
        .type = Type::kDuration,
        .fallback = "5s",
        .range = Range{100, 3'600'000},
        .help = "from one question to the next; at most 1s until it has passed for the first time"},
    Key{.name = "timeout",
        .type = Type::kDuration,
        .fallback = "1s",
        .range = Range{10, 60'000},
        .help = "of one answer"},
    Key{.name = "success_threshold",
        .type = Type::kInteger,
        .fallback = "1",
        .range = Range{1, 100},
        .help = "successes in a row until it passes"},
    Key{.name = "failure_threshold",
        .type = Type::kInteger,
        .fallback = "3",
        .range = Range{1, 100},
        .help = "failures in a row until it does not pass any more"},
};

constexpr std::array kKubernetes = {
    Key{.name = "condition",
        .type = Type::kBoolean,
        .fallback = "false",
        .help = "write the condition readygate.io/SchemaReady of this pod, for its readinessGates"},
    Key{.name = "events",
        .type = Type::kBoolean,
        .fallback = "false",
        .help = "write Events about this pod: started, applied, failed, lost, recovered"},
    Key{.name = "pod", .fallback = "", .help = "metadata.name of this pod, from the downward API"},
    Key{.name = "namespace", .fallback = "", .help = "metadata.namespace of this pod"},
    Key{.name = "uid", .fallback = "", .help = "metadata.uid of this pod"},
    Key{.name = "host", .fallback = "", .help = "API server; where not given, KUBERNETES_SERVICE_HOST"},
    Key{.name = "port",
        .type = Type::kInteger,
        .range = Range{1, 65535},
        .help = "its port; where not given, KUBERNETES_SERVICE_PORT, else 443"},
    Key{.name = "token_file",
        .fallback = "/var/run/secrets/kubernetes.io/serviceaccount/token",
        .help = "token of the service account; read for each request"},
    Key{.name = "ca_file",
        .fallback = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
        .help = "authority that signed the API server's certificate"},
};

constexpr std::array kWebhook = {
    Key{.name = "url", .fallback = "", .help = "POST each change of the state there, as JSON; empty: to nobody"},
    Key{.name = "headers_file",
        .fallback = "",
        .help = "file of headers to send along, one \"Name: value\" on a line; read for each request"},
    Key{.name = "ca_file", .fallback = "", .help = "authority of its certificate; empty: the system's"},
    Key{.name = "timeout",
        .type = Type::kDuration,
        .fallback = "5s",
        .range = Range{100, 60'000},
        .help = "of one attempt"},
    Key{.name = "give_up_after",
        .type = Type::kDuration,
        .fallback = "5m",
        .range = Range{0, 86'400'000},
        .help = "a message is tried again for so long"},
};

constexpr std::array kOtlp = {
    Key{.name = "endpoint",
        .fallback = "",
        .help = "collector of traces over OTLP/HTTP, like http://collector:4318; empty: none"},
    Key{.name = "headers_file",
        .fallback = "",
        .help = "file of headers to send along, one \"Name: value\" on a line; read for each request"},
    Key{.name = "ca_file", .fallback = "", .help = "authority of its certificate; empty: the system's"},
    Key{.name = "service_name", .fallback = "readygate", .help = "service.name of the trace"},
};

constexpr std::array kKeys = {
    Key{.name = "schema",
        .fallback = "/etc/readygate/schema.toml",
        .help = "schema file, or a folder whose *.toml are merged"},
    Key{.name = "mongodb", .type = Type::kTable, .keys = kMongodb, .help = "the database"},
    Key{.name = "gate", .type = Type::kTable, .keys = kGate, .help = "probe endpoints, socket, and what open means"},
    Key{.name = "init", .type = Type::kTable, .keys = kInit, .help = "initialization"},
    Key{.name = "lease", .type = Type::kTable, .keys = kLease, .help = "one initializer among many replicas"},
    Key{.name = "log", .type = Type::kTable, .keys = kLog, .help = "logging"},
    Key{.name = "kubernetes",
        .type = Type::kTable,
        .keys = kKubernetes,
        .help = "what the API server is told of this pod"},
    Key{.name = "webhook", .type = Type::kTable, .keys = kWebhook, .help = "who is told of each change of the state"},
    Key{.name = "otlp", .type = Type::kTable, .keys = kOtlp, .help = "the start-up as a trace"},
    Key{.name = "check",
        .type = Type::kArray,
        .item = Type::kTable,
        .fallback = "[]",
        .range = Range{0, 16},
        .keys = kCheck,
        .help =
            "conditions that join `ready`, never `open`: each asks one of http, tcp and file once the gate is open"},
};

std::string joined(const std::string& section, std::string_view name, char separator) {
  return section.empty() ? std::string(name) : section + separator + std::string(name);
}

std::vector<Option> list_options() {
  std::vector<Option> all;
  for (const Key& key : kKeys) {
    if (key.type != Type::kTable) {
      all.push_back({"", &key});
      continue;
    }
    for (const Key& inner : key.keys) all.push_back({std::string(key.name), &inner});
  }
  return all;
}

}  // namespace

toml::Keys keys() { return kKeys; }

std::string Option::path() const { return joined(section, key->name, '.'); }

std::string Option::flag() const {
  std::string flag = "--" + joined(section, key->name, '-');
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string Option::variable() const {
  std::string variable = "READYGATE_" + joined(section, key->name, '_');
  std::transform(variable.begin(), variable.end(), variable.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return variable;
}

const std::vector<Option>& options() {
  static const std::vector<Option> kAll = list_options();
  return kAll;
}

bool invented_by_kubernetes(std::string_view variable) {
  return variable.starts_with("READYGATE_SERVICE_") || variable == "READYGATE_PORT" ||
         variable.starts_with("READYGATE_PORT_");
}

}  // namespace readygate::config
