#include "config/settings.h"

#include <algorithm>

#include <fmt/format.h>
#include <string.h>

#include "base/file.h"
#include "base/suggest.h"
#include "config/checks.h"
#include "config/kubernetes.h"
#include "config/options.h"
#include "config/telemetry.h"

namespace readygate::config {
namespace {

using toml::Mistakes;
using toml::Place;
using toml::Table;
using toml::Type;
using toml::Value;

// Variables that are not settings, and so that a near miss of one is found.
constexpr std::string_view kOtherVariables[] = {"READYGATE_CONFIG", "READYGATE_DISABLE",
                                                "READYGATE_CACHE",  "READYGATE_BUILD_DIR",
                                                "READYGATE_ENGINE", "READYGATE_TEST_MONGODB_URI"};

Place source(std::string name) { return Place{std::move(name), 0, 0}; }

// The text of a variable or a flag as the value of its key.
std::optional<Value> value_from(const Option& option, const std::string& text, const std::string& name,
                                Mistakes& mistakes) {
  if (option.key->type == Type::kString || option.key->type == Type::kDuration) {
    return Value{text, source(name), source(name)};
  }
  auto parsed = toml::parse_value(text, name);
  if (!parsed) {
    mistakes.push_back({source(name), Reason::kConfigInvalid,
                        fmt::format("\"{}\" is not {}", text, toml::described(option.key->type))});
    return std::nullopt;
  }
  return std::move(*parsed);
}

Value& slot(Table& table, std::string_view name) {
  for (auto& [key, value] : table.entries) {
    if (key == name) return value;
  }
  table.entries.emplace_back(std::string(name), Value{});
  return table.entries.back().second;
}

void erase(Table& table, std::string_view name) {
  std::erase_if(table.entries, [&](const auto& entry) { return entry.first == name; });
}

Table* section(Table& root, const std::string& name) {
  if (name.empty()) return &root;
  Value& value = slot(root, name);
  if (value.place.file.empty() && !std::holds_alternative<Table>(value.data)) value.data = Table{};  // a new one
  return std::get_if<Table>(&value.data);  // none when the file has something else there; check() says so
}

struct Layer {
  std::vector<std::pair<const Option*, Value>> values;
  bool has(std::string_view path) const {
    return std::any_of(values.begin(), values.end(), [&](const auto& v) { return v.first->path() == path; });
  }
};

// `uri` and `uri_file` are one setting: a higher layer clears both of the lower, and one layer may give only one.
void lay_over(Table& root, Layer layer, Mistakes& mistakes) {
  if (layer.has("mongodb.uri") && layer.has("mongodb.uri_file")) {
    mistakes.push_back({layer.values.front().second.place, Reason::kConfigInvalid,
                        "uri and uri_file of [mongodb] are both given; give one"});
  }
  if (layer.has("mongodb.uri") || layer.has("mongodb.uri_file")) {
    if (Table* mongodb = section(root, "mongodb")) {
      erase(*mongodb, "uri");
      erase(*mongodb, "uri_file");
    }
  }
  for (auto& [option, value] : layer.values) {
    if (Table* table = section(root, option->section)) slot(*table, option->key->name) = std::move(value);
  }
}

Layer variables(const Given& given, std::vector<std::string>& warnings, Mistakes& mistakes) {
  Layer layer;
  std::vector<std::string> names;
  for (const Option& option : options()) names.push_back(option.variable());
  std::vector<std::string_view> known(names.begin(), names.end());
  known.insert(known.end(), std::begin(kOtherVariables), std::end(kOtherVariables));
  for (const auto& [name, text] : given.variables) {
    if (!name.starts_with("READYGATE_") || invented_by_kubernetes(name)) continue;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) {
      const Option& option = options()[static_cast<std::size_t>(found - names.begin())];
      if (auto value = value_from(option, text, name, mistakes)) layer.values.emplace_back(&option, std::move(*value));
    } else if (std::find(known.begin(), known.end(), name) == known.end()) {
      warnings.push_back(fmt::format("the variable {} is not known and is ignored{}", name, did_you_mean(name, known)));
    }
  }
  return layer;
}

// A command line is seen by every process of the machine.
bool holds_password(std::string_view uri) {
  const auto scheme = uri.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view rest = uri.substr(scheme + 3);
  const auto at = rest.substr(0, rest.find('/')).rfind('@');
  return at != std::string_view::npos && rest.substr(0, at).find(':') != std::string_view::npos;
}

Layer flags(const Given& given, Mistakes& mistakes) {
  Layer layer;
  for (const auto& [path, text] : given.flags) {
    for (const Option& option : options()) {
      if (option.path() != path) continue;
      if (path == "mongodb.uri" && holds_password(text)) {
        mistakes.push_back({source(option.flag()), Reason::kConfigInvalid,
                            "the URI holds a password, and every process of the machine can see a command line; use "
                            "--mongodb-uri-file or READYGATE_MONGODB_URI"});
      } else if (auto value = value_from(option, text, option.flag(), mistakes)) {
        layer.values.emplace_back(&option, std::move(*value));
      }
    }
  }
  return layer;
}

bool valid_listen(std::string_view listen) {
  const auto colon = listen.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view port = listen.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  return std::stoi(std::string(port)) <= 65535;
}

// A replica set has at most 50 members.
bool valid_quorum(const std::string& quorum) {
  if (!quorum.empty() && quorum.find_first_not_of("0123456789") == std::string::npos) {
    return quorum.size() <= 2 && std::stoi(quorum) <= 50;
  }
  return std::all_of(quorum.begin(), quorum.end(), [](unsigned char c) { return std::isgraph(c) != 0; });
}

std::optional<mode_t> parse_mode(const std::string& text) {
  if (text.empty() || text.size() > 4 || text.find_first_not_of("01234567") != std::string::npos) return std::nullopt;
  const auto mode = static_cast<mode_t>(std::stoul(text, nullptr, 8));
  return mode <= 0777 ? std::optional(mode) : std::nullopt;
}

LogLevel level_from(std::string_view word) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn}) {
    if (word == name(level)) return level;
  }
  return LogLevel::kError;
}

// Where a key was given, or the file when it was not.
Place place_of(const Table& root, std::string_view section_name, std::string_view key, const std::string& file) {
  const Value* table = root.find(section_name);
  const auto* inner = table == nullptr ? nullptr : std::get_if<Table>(&table->data);
  const Value* value = inner == nullptr ? nullptr : inner->find(key);
  return value == nullptr ? source(file.empty() ? "configuration" : file) : value->place;
}

// What one key alone cannot say.
void check_together(const Table& root, const toml::Reader& reader, const Given& given, NeedUri need_uri,
                    Mistakes& mistakes) {
  const auto wrong = [&](std::string_view section_name, std::string_view key, std::string message) {
    mistakes.push_back({place_of(root, section_name, key, given.file), Reason::kConfigInvalid, std::move(message)});
  };
  const toml::Reader mongodb = reader.table("mongodb");
  const toml::Reader gate = reader.table("gate");
  if (mongodb.has("uri") && mongodb.has("uri_file")) {
    wrong("mongodb", "uri_file", "uri and uri_file of [mongodb] are both given; give one");
  } else if (!mongodb.has("uri") && !mongodb.has("uri_file") && need_uri == NeedUri::kYes) {
    wrong("mongodb", "uri", "no database is given: set uri_file or uri of [mongodb], or READYGATE_MONGODB_URI");
  }
  const std::string listen = gate.string("listen");
  if (!listen.empty() && !valid_listen(listen)) {
    wrong("gate", "listen",
          fmt::format("\"{}\" is not an address and port; write \"[::]:8088\", \"127.0.0.1:8088\" or \"\"", listen));
  }
  if (gate.string("socket").front() != '/') {
    wrong("gate", "socket", fmt::format("\"{}\" is not an absolute path", gate.string("socket")));
  }
  if (!parse_mode(gate.string("socket_mode"))) {
    wrong("gate", "socket_mode", fmt::format("\"{}\" is not an octal mode like \"0660\"", gate.string("socket_mode")));
  }
  for (const std::int64_t uid : gate.integers("allow_uids")) {
    if (uid < 0 || uid > 4'294'967'294 || uid == 65534) {
      wrong("gate", "allow_uids",
            fmt::format("{} is not a user id that can be allowed (65534 stands for every user that "
                        "the daemon's user namespace does not know)",
                        uid));
    }
  }
  const toml::Reader backoff = reader.table("init").table("backoff");
  if (backoff.duration("initial") > backoff.duration("max")) {
    wrong("init", "backoff", "initial is longer than max");
  }
  if (const std::string quorum = reader.table("init").string("commit_quorum"); !valid_quorum(quorum)) {
    wrong("init", "commit_quorum",
          fmt::format("\"{}\" is not a commit quorum: \"majority\", \"votingMembers\", a number from 0 to 50, or a tag",
                      quorum));
  }
  const toml::Reader lease = reader.table("lease");
  if (lease.has("margin") && lease.duration("margin") * 2 > lease.duration("period")) {
    wrong("lease", "margin", "margin is more than half of the period; little time would be left to work in");
  }
}

Settings read_settings(const toml::Reader& reader, const Given& given) {
  const toml::Reader mongodb = reader.table("mongodb");
  const toml::Reader gate = reader.table("gate");
  const toml::Reader init = reader.table("init");
  const toml::Reader lease = reader.table("lease");
  const toml::Reader log = reader.table("log");
  Settings s{};
  s.schema = reader.string("schema");
  s.mongodb.uri = mongodb.has("uri") ? Secret(mongodb.string("uri")) : Secret();
  s.mongodb.uri_file = mongodb.has("uri_file") ? mongodb.string("uri_file") : "";
  s.mongodb.database = mongodb.string("database");
  s.mongodb.warm_connections = static_cast<int>(mongodb.integer("warm_connections"));
  s.mongodb.parallelism = static_cast<int>(mongodb.integer("parallelism"));
  s.mongodb.connect_timeout = mongodb.duration("connect_timeout");
  s.mongodb.ping_period = mongodb.duration("ping_period");
  s.gate.listen = gate.string("listen");
  s.gate.socket = gate.string("socket");
  s.gate.socket_mode = parse_mode(gate.string("socket_mode")).value_or(0660);
  if (gate.integer("socket_group") >= 0) s.gate.socket_group = static_cast<gid_t>(gate.integer("socket_group"));
  for (const std::int64_t uid : gate.integers("allow_uids")) s.gate.allow_uids.push_back(static_cast<uid_t>(uid));
  s.gate.ready_policy = gate.string("ready_policy") == "live" ? ReadyPolicy::kLive : ReadyPolicy::kLatched;
  s.gate.unready_after = gate.duration("unready_after");
  s.gate.drain_delay = gate.duration("drain_delay");
  s.init.mode = init.string("mode") == "verify" ? InitMode::kVerify : InitMode::kApply;
  s.init.timeout = init.duration("timeout");
  s.init.failed_retry = init.duration("failed_retry");
  s.init.auth_grace = init.duration("auth_grace");
  s.init.stall_timeout = init.duration("stall_timeout");
  s.init.commit_quorum = init.string("commit_quorum");
  s.init.backoff_initial = init.table("backoff").duration("initial");
  s.init.backoff_max = init.table("backoff").duration("max");
  s.lease.period = lease.duration("period");
  s.lease.margin = lease.has("margin") ? lease.duration("margin") : s.lease.period * 15 / 100;
  if (log.has("format")) s.log.format = log.string("format") == "json" ? LogFormat::kJson : LogFormat::kText;
  s.log.level = level_from(log.string("level"));
  s.kubernetes = read_kubernetes(reader.table("kubernetes"), given);
  s.webhook = read_webhook(reader.table("webhook"));
  s.otlp = read_otlp(reader.table("otlp"));
  s.checks = read_checks(reader);
  return s;
}

std::string text_of(const Value& value) {  // NOLINT(misc-no-recursion): as deep as the file's own nesting
  struct Visitor {
    std::string operator()(const std::string& text) const { return text; }
    std::string operator()(std::int64_t number) const { return fmt::format("{}", number); }
    std::string operator()(double number) const { return fmt::format("{}", number); }
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(const toml::Array& array) const {
      std::string all;
      for (const Value& item : array) all += (all.empty() ? "" : ", ") + text_of(item);
      return "[" + all + "]";
    }
    std::string operator()(const Table& table) const {
      std::string all;
      for (const auto& [key, item] : table.entries) all += (all.empty() ? "" : ", ") + key + " = " + text_of(item);
      return "{ " + all + " }";
    }
  };
  return std::visit(Visitor{}, value.data);
}

std::string default_text(const toml::Key& key) {
  if (key.type != Type::kTable) return std::string(key.fallback.value_or(""));
  std::string all;
  for (const toml::Key& inner : key.keys) {
    all += fmt::format("{}{} = {}", all.empty() ? "" : ", ", inner.name, inner.fallback.value_or(""));
  }
  return "{ " + all + " }";
}

std::vector<Effective> list_effective(const Table& root) {
  std::vector<Effective> all;
  for (const Option& option : options()) {
    const Value* outer = option.section.empty() ? nullptr : root.find(option.section);
    const auto* table = option.section.empty() ? &root : outer == nullptr ? nullptr : std::get_if<Table>(&outer->data);
    const Value* value = table == nullptr ? nullptr : table->find(option.key->name);
    const bool secret = option.path() == "mongodb.uri" || option.path() == "webhook.url";
    if (value == nullptr) {
      all.push_back({option.path(), default_text(*option.key), "default"});
    } else {
      all.push_back({option.path(), secret ? "(secret)" : text_of(*value), toml::to_string(value->place)});
    }
  }
  return all;
}

}  // namespace

Result<Secret> read_uri_file(const std::string& path) {
  auto content = read_file(path);
  if (!content) return tl::unexpected(content.error());
  const auto first = content->find_first_not_of(" \t\r\n");
  if (first == std::string::npos) {
    return fail(Reason::kFileUnreadable, fmt::format("{} is empty; it must hold the connection string", path));
  }
  std::string line = content->substr(first, content->find_first_of("\r\n", first) - first);
  line.erase(line.find_last_not_of(" \t") + 1);
  ::explicit_bzero(content->data(), content->size());
  return Secret(std::move(line));
}

tl::expected<Settled, Mistakes> settle(const Given& given, NeedUri need_uri) {
  Settled settled;
  Mistakes mistakes;
  Table root;
  if (!given.file.empty()) {
    const auto text = read_file(given.file);
    if (!text) return tl::unexpected(Mistakes{{source(given.file), text.error().reason, text.error().message}});
    auto parsed = toml::parse(*text, given.file);
    if (!parsed) return tl::unexpected(std::move(parsed.error()));
    root = std::move(*parsed);
  }
  lay_over(root, variables(given, settled.warnings, mistakes), mistakes);
  lay_over(root, flags(given, mistakes), mistakes);
  toml::check(root, keys(), {.place = source(given.file.empty() ? "configuration" : given.file)}, mistakes);
  if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));

  const toml::Reader reader(root, keys());
  check_together(root, reader, given, need_uri, mistakes);
  check_telemetry(reader, [&](std::string_view section, std::string_view key, std::string message) {
    mistakes.push_back({place_of(root, section, key, given.file), Reason::kConfigInvalid, std::move(message)});
  });
  check_checks(reader, mistakes);
  const toml::Reader kubernetes = reader.table("kubernetes");
  const std::string_view turned_on = kubernetes.boolean("condition") ? "condition" : "events";
  check_kubernetes(kubernetes, given, place_of(root, "kubernetes", turned_on, given.file), mistakes);
  if (!mistakes.empty()) return tl::unexpected(std::move(mistakes));
  settled.settings = read_settings(reader, given);
  settled.effective = list_effective(root);
  Settings::Mongodb& mongodb = settled.settings.mongodb;
  if (!mongodb.uri_file.empty()) {
    auto uri = read_uri_file(mongodb.uri_file);
    if (!uri) {
      const Place place = place_of(root, "mongodb", "uri_file", given.file);
      return tl::unexpected(Mistakes{{place, uri.error().reason, "uri_file: " + uri.error().message}});
    }
    mongodb.uri = std::move(*uri);
  }
  return settled;
}

}  // namespace readygate::config
