// The settings: defaults, layers, and every kind of mistake with its place.
#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "config/options.h"
#include "config/settings.h"

using namespace readygate;
using namespace readygate::config;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "readygate-config-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

// What is wrong with this file, as "line:column: message" lines.
std::string mistakes_of(const std::string& text) {
  const Folder folder;
  const std::string file = folder.write("c.toml", text);
  const auto settled = settle({file, {}, {}}, NeedUri::kYes);
  if (settled) return "valid";
  std::string all = toml::to_string(settled.error());
  for (auto at = all.find(file + ":"); at != std::string::npos; at = all.find(file + ":"))
    all.erase(at, file.size() + 1);
  return all;
}

constexpr std::string_view kUri = "[mongodb]\nuri = \"mongodb://h\"\n";

}  // namespace

TEST_CASE("the defaults are those of the table of options") {
  const auto settled = settle({"", {{"READYGATE_MONGODB_URI", "mongodb://h"}}, {}}, NeedUri::kYes);
  REQUIRE(settled);
  const Settings& s = settled->settings;
  CHECK(s.schema == "/etc/readygate/schema.toml");
  CHECK(s.mongodb.uri.reveal() == "mongodb://h");
  CHECK(s.mongodb.warm_connections == 4);
  CHECK(s.mongodb.connect_timeout == Millis(2'000));
  CHECK(s.gate.listen == "[::]:8088");
  CHECK(s.gate.socket == "/run/readygate/gate.sock");
  CHECK(s.gate.socket_mode == 0660);
  CHECK_FALSE(s.gate.socket_group);
  CHECK(s.gate.ready_policy == ReadyPolicy::kLive);
  CHECK(s.gate.unready_after == Millis(30'000));
  CHECK(s.init.mode == InitMode::kApply);
  CHECK(s.init.failed_retry == Millis(60'000));
  CHECK(s.init.backoff_initial == Millis(100));
  CHECK(s.init.backoff_max == Millis(5'000));
  CHECK(s.lease.period == Millis(20'000));
  CHECK_FALSE(s.log.format);
  CHECK(s.log.level == LogLevel::kInfo);
}

TEST_CASE("a flag beats a variable beats the file beats the default") {
  const Folder folder;
  const std::string file =
      folder.write("c.toml", std::string(kUri) + "[gate]\nlisten = \"127.0.0.1:1\"\ndrain_delay = \"1s\"\n" +
                                 "unready_after = \"1s\"\nsocket_mode = \"0600\"\n");
  const auto settled = settle({file,
                               {{"READYGATE_GATE_LISTEN", "127.0.0.1:2"}, {"READYGATE_GATE_DRAIN_DELAY", "2s"}},
                               {{"gate.listen", "127.0.0.1:3"}}},
                              NeedUri::kYes);
  REQUIRE(settled);
  CHECK(settled->settings.gate.listen == "127.0.0.1:3");
  CHECK(settled->settings.gate.drain_delay == Millis(2'000));
  CHECK(settled->settings.gate.unready_after == Millis(1'000));
  const auto source = [&](const std::string& path) {
    for (const Effective& e : settled->effective) {
      if (e.path == path) return e.source;
    }
    return std::string("missing");
  };
  CHECK(source("gate.listen") == "--gate-listen");
  CHECK(source("gate.drain_delay") == "READYGATE_GATE_DRAIN_DELAY");
  CHECK(source("gate.unready_after") == file + ":6:17");
  CHECK(source("gate.socket") == "default");
}

TEST_CASE("variables hold arrays and tables in TOML syntax") {
  const auto settled = settle({"",
                               {{"READYGATE_MONGODB_URI", "mongodb://h"},
                                {"READYGATE_GATE_ALLOW_UIDS", "[1000, 1001]"},
                                {"READYGATE_MONGODB_PARALLELISM", "9"},
                                {"READYGATE_INIT_BACKOFF", "{ initial = \"1s\", max = \"2s\" }"}},
                               {}},
                              NeedUri::kYes);
  INFO((settled ? std::string() : toml::to_string(settled.error())));
  REQUIRE(settled);
  CHECK(settled->settings.gate.allow_uids == std::vector<uid_t>{1000, 1001});
  CHECK(settled->settings.mongodb.parallelism == 9);
  CHECK(settled->settings.init.backoff_max == Millis(2'000));
}

TEST_CASE("uri and uri_file are one setting: a higher layer clears the lower") {
  const Folder folder;
  const std::string secret = folder.write("uri", "  mongodb://from-file\n");
  const std::string file = folder.write("c.toml", "[mongodb]\nuri_file = \"" + secret + "\"\n");
  auto settled = settle({file, {}, {}}, NeedUri::kYes);
  REQUIRE(settled);
  CHECK(settled->settings.mongodb.uri.reveal() == "mongodb://from-file");
  settled = settle({file, {{"READYGATE_MONGODB_URI", "mongodb://from-variable"}}, {}}, NeedUri::kYes);
  REQUIRE(settled);
  CHECK(settled->settings.mongodb.uri.reveal() == "mongodb://from-variable");
  CHECK(settled->settings.mongodb.uri_file.empty());
  settled = settle({file, {{"READYGATE_MONGODB_URI", "mongodb://a"}}, {{"mongodb.uri_file", secret}}}, NeedUri::kYes);
  REQUIRE(settled);
  CHECK(settled->settings.mongodb.uri.reveal() == "mongodb://from-file");
  settled = settle({"", {{"READYGATE_MONGODB_URI", "mongodb://a"}, {"READYGATE_MONGODB_URI_FILE", secret}}, {}},
                   NeedUri::kYes);
  REQUIRE_FALSE(settled);
  CHECK(settled.error().front().message.find("both given") != std::string::npos);
}

TEST_CASE("what Kubernetes and ./dev invent is ignored, and other unknown variables are warned about") {
  const auto settled = settle({"",
                               {{"READYGATE_MONGODB_URI", "mongodb://h"},
                                {"READYGATE_SERVICE_HOST", "10.0.0.1"},
                                {"READYGATE_PORT", "tcp://10.0.0.1:8088"},
                                {"READYGATE_PORT_8088_TCP_ADDR", "10.0.0.1"},
                                {"READYGATE_ENGINE", "secantus"},
                                {"READYGATE_GATE_LISTENS", "x"}},
                               {}},
                              NeedUri::kYes);
  REQUIRE(settled);
  REQUIRE(settled->warnings.size() == 1);
  CHECK(settled->warnings.front().find("READYGATE_GATE_LISTENS") != std::string::npos);
  CHECK(settled->warnings.front().find("did you mean \"READYGATE_GATE_LISTEN\"") != std::string::npos);
}

TEST_CASE("no setting has a name that Kubernetes could invent, and all three names are unique") {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    CHECK_FALSE(invented_by_kubernetes(option.variable()));
    for (const std::string& name : {option.path(), option.flag(), option.variable()}) {
      CAPTURE(name);
      CHECK(std::find(names.begin(), names.end(), name) == names.end());
      names.push_back(name);
    }
    CHECK_FALSE(option.key->help.empty());
  }
}

TEST_CASE("malformed configurations: each with its place and what to do") {
  const std::string uri(kUri);
  const struct {
    std::string text;
    std::string expected;  // start of the only line
  } rows[] = {
      {uri + "[gate]\nlsten = \"[::]:1\"\n", "4:1: "},
      {uri + "[gate]\nlisten = 8088\n", "4:10: "},
      {uri + "[gate]\nlisten = \"8088\"\n", "4:10: \"8088\" is not an address and port"},
      {uri + "[gate]\nlisten = \"[::]:70000\"\n", "4:10: \"[::]:70000\" is not an address and port"},
      {uri + "[gate]\nunready_after = 30\n", "4:17: "},
      {uri + "[gate]\nunready_after = \"30\"\n", "4:17: "},
      {uri + "[gate]\nready_policy = \"lively\"\n", "4:16: "},
      {uri + "[gate]\nsocket_mode = \"0999\"\n", "4:15: \"0999\" is not an octal mode"},
      {uri + "[gate]\nsocket = \"relative.sock\"\n", "4:10: \"relative.sock\" is not an absolute path"},
      {uri + "[gate]\nsocket = \"/" + std::string(120, 's') + "\"\n", "4:10: "},
      {uri + "[gate]\nallow_uids = [65534]\n", "4:14: 65534 is not a user id that can be allowed"},
      {uri + "warm_connections = 0\n", "3:20: "},
      {uri + "[otlp]\nendpoint = \"collector:4318\"\n", "4:12: it is not a URL"},
      {uri + "[otlp]\nendpoint = \"http://collector/?a=b\"\n", "4:12: it is not a URL"},
      {uri + "[webhook]\nurl = \"https://u:p@h/\"\n", "4:7: it is not a URL"},
      {uri + "[kubernetes]\ncondition = true\npod = \"p\"\nnamespace = \"n\"\nuid = \"u\"\n",
       "4:13: the API server is not known"},
      {uri + "[[check]]\nhttp = \"http://h/\"\n", "3:1: "},
      {uri + "[[check]]\nname = \"A\"\ntcp = \"h:1\"\n", "4:8: \"A\" is not a name"},
      {uri + "[[check]]\nname = \"drift\"\ntcp = \"h:1\"\n", "4:8: a check called \"drift\" is there already"},
      {uri + "[[check]]\nname = \"a\"\n", "4:8: the check \"a\" needs one of http, tcp and file"},
      {uri + "[[check]]\nname = \"a\"\ntcp = \"h:1\"\nfile = \"/x\"\n", "4:8: the check \"a\" needs one of"},
      {uri + "[[check]]\nname = \"a\"\nhttp = \"h:1\"\n", "5:8: \"h:1\" is not a URL"},
      {uri + "[[check]]\nname = \"a\"\nhttp = \"http://u:p@h\"\n", "5:8: \"http://u:p@h\" is not a URL"},
      {uri + "[[check]]\nname = \"a\"\ntcp = \"h\"\n", "5:7: \"h\" is not a host and a port"},
      {uri + "[[check]]\nname = \"a\"\ntcp = \"::1:80\"\n", "5:7: \"::1:80\" is not a host and a port"},
      {uri + "[[check]]\nname = \"a\"\nfile = \"x\"\n", "5:8: \"x\" is not an absolute path"},
      {uri + "[[check]]\nname = \"a\"\nfile = \"/x\"\nperiod = \"1ms\"\n", "6:10: "},
      {uri + "uri_file = \"/x\"\n", "3:12: uri and uri_file of [mongodb] are both given"},
      {uri + "[init]\nbackoff = { initial = \"9s\", max = \"5s\" }\n", "4:11: initial is longer than max"},
      {uri + "[init]\ncommit_quorum = \"51\"\n", "4:17: \"51\" is not a commit quorum"},
      {uri + "[init]\ncommit_quorum = \"two words\"\n", "4:17: \"two words\" is not a commit quorum"},
      {uri + "[log]\nlevel = \"loud\"\n", "4:9: "},
      {uri + "[gates]\n", "3:"},
      {uri + "[gate\n", "3:"},
      {uri + "[gate]\nlisten = \"a:1\"\nlisten = \"b:1\"\n", "5:"},
      {"schema = \"x\"\n", "no database is given"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const std::string found = mistakes_of(row.text);
    CAPTURE(found);
    CHECK(found.find(row.expected) != std::string::npos);
    CHECK(std::count(found.begin(), found.end(), '\n') <= 1);
  }
}

TEST_CASE("every mistake is reported at once") {
  const std::string found =
      mistakes_of("schem = \"x\"\n[mongodb]\nparallelism = \"four\"\n[gate]\nsocket_mode = 5\nlisen = \"\"\n");
  CAPTURE(found);
  CHECK(found.find("1:1: ") != std::string::npos);
  CHECK(found.find("did you mean \"schema\"") != std::string::npos);
  CHECK(found.find("3:15: ") != std::string::npos);
  CHECK(found.find("5:15: ") != std::string::npos);
  CHECK(found.find("6:1: ") != std::string::npos);
}

TEST_CASE("a password on the command line is refused, and not repeated") {
  const auto settled = settle({"", {}, {{"mongodb.uri", "mongodb://user:hunter2@h/db"}}}, NeedUri::kYes);
  REQUIRE_FALSE(settled);
  const std::string all = toml::to_string(settled.error());
  CHECK(all.find("--mongodb-uri-file") != std::string::npos);
  CHECK(all.find("hunter2") == std::string::npos);
  CHECK(settle({"", {}, {{"mongodb.uri", "mongodb://user@h/db"}}}, NeedUri::kYes));
}

TEST_CASE("a secret file that is missing, empty or a folder is named with the reason") {
  const Folder folder;
  const std::string empty = folder.write("empty", " \n");
  for (const auto& [path, why] : {std::pair{folder.path("missing"), "No such file"}, std::pair{empty, "is empty"},
                                  std::pair{folder.path(""), "directory"}}) {
    const auto settled = settle({"", {{"READYGATE_MONGODB_URI_FILE", path}}, {}}, NeedUri::kYes);
    REQUIRE_FALSE(settled);
    CAPTURE(settled.error().front().message);
    CHECK(settled.error().front().reason == Reason::kFileUnreadable);
    CHECK(settled.error().front().message.find(why) != std::string::npos);
  }
}

TEST_CASE("a missing configuration file is an error that names it") {
  const auto settled = settle({"/nonexistent/readygate.toml", {}, {}}, NeedUri::kNo);
  REQUIRE_FALSE(settled);
  CHECK(settled.error().front().message.find("/nonexistent/readygate.toml") != std::string::npos);
}

TEST_CASE("checks: each with its defaults, from the file or from a variable") {
  const Folder folder;
  const std::string file = folder.write("c.toml", std::string(kUri) + R"(
[[check]]
name = "app"
http = "http://127.0.0.1:8000/health"

[[check]]
name = "cache"
tcp = "[::1]:6379"
period = "10s"
timeout = "2s"
success_threshold = 2
failure_threshold = 5
)");
  const auto settled = settle({file, {}, {}}, NeedUri::kYes);
  REQUIRE(settled);
  const std::vector<Check>& checks = settled->settings.checks;
  REQUIRE(checks.size() == 2);
  CHECK(checks[0].name == "app");
  CHECK(checks[0].kind == CheckKind::kHttp);
  CHECK(checks[0].target == "http://127.0.0.1:8000/health");
  CHECK(checks[0].period == Millis(5'000));
  CHECK(checks[0].timeout == Millis(1'000));
  CHECK(checks[0].success_threshold == 1);
  CHECK(checks[0].failure_threshold == 3);
  CHECK(checks[1].kind == CheckKind::kTcp);
  CHECK(checks[1].target == "[::1]:6379");
  CHECK(checks[1].period == Millis(10'000));
  CHECK(checks[1].success_threshold == 2);

  const auto replaced =
      settle({file, {{"READYGATE_CHECK", R"([{ name = "up", file = "/run/app/up" }])"}}, {}}, NeedUri::kYes);
  REQUIRE(replaced);
  REQUIRE(replaced->settings.checks.size() == 1);
  CHECK(replaced->settings.checks[0].kind == CheckKind::kFile);
}

TEST_CASE("kubernetes: off by default; on, it needs the pod and an API server") {
  const std::vector<std::pair<std::string, std::string>> uri = {{"READYGATE_MONGODB_URI", "mongodb://h"}};
  const auto with = [&](std::vector<std::pair<std::string, std::string>> more) {
    more.insert(more.end(), uri.begin(), uri.end());
    return settle({"", more, {}}, NeedUri::kYes);
  };
  const auto off = with({});
  REQUIRE(off);
  CHECK_FALSE(off->settings.kubernetes.condition);
  CHECK_FALSE(off->settings.kubernetes.events);

  const auto missing = with({{"READYGATE_KUBERNETES_EVENTS", "true"}});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().size() == 4);

  std::vector<std::pair<std::string, std::string>> pod = {{"READYGATE_KUBERNETES_CONDITION", "true"},
                                                          {"READYGATE_KUBERNETES_POD", "orders-0"},
                                                          {"READYGATE_KUBERNETES_NAMESPACE", "shop"},
                                                          {"READYGATE_KUBERNETES_UID", "u-1"}};
  const auto url = [&](std::vector<std::pair<std::string, std::string>> more) {
    more.insert(more.end(), pod.begin(), pod.end());
    const auto settled = with(more);
    return settled ? settled->settings.kubernetes.url : toml::to_string(settled.error());
  };
  CHECK(url({{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}}) == "https://10.96.0.1:443");
  CHECK(url({{"KUBERNETES_SERVICE_HOST", "fd00::1"}, {"KUBERNETES_SERVICE_PORT", "6443"}}) == "https://[fd00::1]:6443");
  CHECK(url({{"KUBERNETES_SERVICE_HOST", "10.96.0.1"},
             {"KUBERNETES_SERVICE_PORT", "443"},
             {"READYGATE_KUBERNETES_HOST", "api.example"},
             {"READYGATE_KUBERNETES_PORT", "8443"}}) == "https://api.example:8443");
  pod[1].second = "../../secrets";
  CHECK(url({{"KUBERNETES_SERVICE_HOST", "10.96.0.1"}}).find("which is no metadata.name") != std::string::npos);
}
