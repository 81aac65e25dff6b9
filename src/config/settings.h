// The settings that the rest of the program gets: every value checked and in its own type. Only settle() makes them,
// from what was given in the file, the environment and the flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "toml/tree.h"

namespace readygate::config {

enum class ReadyPolicy { kLive, kLatched };
enum class InitMode { kApply, kVerify };

enum class CheckKind { kHttp, kTcp, kFile };
struct Check {
  std::string name;
  CheckKind kind;
  std::string target;  // a URL, "host:port", or a path
  Millis period;
  Millis timeout;
  int success_threshold;
  int failure_threshold;
};

struct Settings {
  std::string schema;

  struct Mongodb {
    Secret uri;            // as given, or what uri_file holds; never logged
    std::string uri_file;  // "" when the URI was given itself
    std::string database;  // "": the schema's
    int warm_connections;
    int parallelism;
    Millis connect_timeout;
    Millis ping_period;
  } mongodb;

  struct Gate {
    std::string listen;  // "": no TCP
    std::string socket;
    mode_t socket_mode;
    std::optional<gid_t> socket_group;  // none: the folder's
    std::vector<uid_t> allow_uids;
    ReadyPolicy ready_policy;
    Millis unready_after;
    Millis drain_delay;
  } gate;

  struct Init {
    InitMode mode;
    Millis timeout;       // 0: none
    Millis failed_retry;  // 0: never
    Millis auth_grace;
    Millis stall_timeout;       // 0: never
    std::string commit_quorum;  // "": the server's default
    Millis backoff_initial;
    Millis backoff_max;
  } init;

  struct Lease {
    Millis period;
    Millis margin;
  } lease;

  struct Log {
    std::optional<LogFormat> format;  // none: text on a terminal, else JSON
    LogLevel level;
  } log;

  // Its members are checked where one of the two is on; else nothing is told to Kubernetes.
  struct Kubernetes {
    bool condition;
    bool events;
    std::string pod;
    std::string namespace_name;
    std::string uid;
    std::string url;  // "https://10.96.0.1:443"
    std::string token_file;
    std::string ca_file;
  } kubernetes;

  struct Webhook {
    Secret url;  // empty: none. Many receivers know their senders by it
    std::string headers_file;
    std::string ca_file;
    Millis timeout;
    Millis give_up_after;
  } webhook;

  struct Otlp {
    std::string url;  // "http://collector:4318/v1/traces"; "": none
    std::string headers_file;
    std::string ca_file;
    std::string service_name;
  } otlp;

  std::vector<Check> checks;  // their names are unique, and none of the gate's own
};

// What was given, layer by layer; a flag beats a variable beats the file beats the default.
struct Given {
  std::string file;                                            // "": none
  std::vector<std::pair<std::string, std::string>> variables;  // the environment; READYGATE_… are settings
  std::vector<std::pair<std::string, std::string>> flags;      // path of the option ("gate.listen") and its text
};

// One setting as it is in force, for `readygate check` and to see what a reload changed.
struct Effective {
  std::string path;    // "gate.listen"
  std::string value;   // as in TOML, without quotes; "(secret)" for the connection string
  std::string source;  // "readygate.toml:7:10", "READYGATE_GATE_LISTEN", "--gate-listen", "default"
};

struct Settled {
  Settings settings;
  std::vector<Effective> effective;   // in the order of options()
  std::vector<std::string> warnings;  // unknown READYGATE_… variables
};

enum class NeedUri { kYes, kNo };  // `readygate check` can do without

// Reads the file and uri_file. Every mistake at once; each names its place: file:line:column, the variable or the flag.
tl::expected<Settled, toml::Mistakes> settle(const Given& given, NeedUri need_uri);

// The connection string in a file: its first line, surrounding white space removed. kFileUnreadable names the file and
// why.
Result<Secret> read_uri_file(const std::string& path);

}  // namespace readygate::config
