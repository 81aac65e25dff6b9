// Prints one of the tables that live in the code as Markdown: what the documents show between
// `<!-- table: NAME -->` and `<!-- end -->`; or a JSON Schema, or a manual page. tests/support/docs.py writes
// them to where they belong, and a test compares.
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/reason.h"
#include "cli/exit_code.h"
#include "config/options.h"
#include "core/facts.h"
#include "core/server_rules.h"
#include "core/state.h"
#include "mongo/tls_rules.h"
#include "schema/migration_commands.h"
#include "schema/migration_keys.h"
#include "schema/options.h"
#include "schema/privileges.h"
#include "server/line_parser.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "server/server_limits.h"
#include "server/state_page.h"

#include "json_schema.h"
#include "man_pages.h"
#include "plan_schema.h"
#include "schema_tables.h"

namespace {

using namespace readygate;

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string code(std::string_view text) { return text.empty() ? "" : "`" + cell(text) + "`"; }

std::string fallback_of(const toml::Key& key) {
  if (key.type == toml::Type::kTable) {
    std::string all;
    for (const toml::Key& inner : key.keys) {
      all += fmt::format("{}{} = \"{}\"", all.empty() ? "" : ", ", inner.name, inner.fallback.value_or(""));
    }
    return "{ " + all + " }";
  }
  if (!key.fallback) return "";
  return key.type == toml::Type::kString && key.fallback->empty() ? "\"\"" : std::string(*key.fallback);
}

std::string settings() {
  std::string out = "| key | flag | variable | default | what |\n| --- | --- | --- | --- | --- |\n";
  for (const config::Option& option : config::options()) {
    out += fmt::format("| `{}` | {} | {} | {} | {}{} |\n", option.path(), code(option.flag()), code(option.variable()),
                       code(fallback_of(*option.key)), cell(option.key->help),
                       option.key->allowed.empty() ? "" : fmt::format(" (`{}`)", cell(option.key->allowed)));
  }
  return out;
}

std::string exit_codes() {
  std::string out = "| code | what it tells |\n| --- | --- |\n";
  for (const cli::ExitMeaning& exit : cli::exit_meanings()) {
    out += fmt::format("| {} | {} |\n", exit.code, cell(exit.meaning));
  }
  return out;
}

std::string reasons() {
  std::string out = "| code | origin | what it means | what to do | exit code |\n| --- | --- | --- | --- | --- |\n";
  for (const Reason reason : all_reasons()) {
    if (reason == Reason::kNone) continue;
    const ReasonText& words = text(reason);
    const std::string_view from = name(words.origin);
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", words.name, words.origin == Origin::kNone ? "–" : from,
                       cell(words.meaning), cell(words.advice), static_cast<int>(cli::exit_code(reason)));
  }
  return out;
}

// A sentence with … for each fact.
std::string with_gaps(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    out += text.substr(0, open);
    text.remove_prefix(open);
    if (text.empty()) break;
    out += "…";
    text.remove_prefix(std::min(text.find('}') + 1, text.size()));
  }
  return out;
}

std::string tls() {
  std::string out = "| seen | means | do |\n| --- | --- | --- |\n";
  for (const mongo::TlsRule& rule : mongo::tls_rules()) {
    out += fmt::format("| {} | {} | {} |\n", cell(with_gaps(rule.sentence)), cell(rule.means),
                       cell(with_gaps(rule.advice)));
  }
  return out;
}

std::string_view asked_for(core::Where where) {
  switch (where) {
    case core::Where::kAnywhere: return "anything";
    case core::Where::kDeclaring: return "a step, a seed, a migration";
    case core::Where::kDocuments: return "an index, a `collMod`, a migration";
    case core::Where::kMigrating: return "a migration";
    case core::Where::kSeeding: return "a seed";
  }
  return "";
}

std::string_view followed_by(core::Verdict verdict) {
  switch (verdict) {
    case core::Verdict::kTransient: return "again, with backoff";
    case core::Verdict::kSlow: return "again, at the slow pace";
    case core::Verdict::kReread: return "the catalog is read again";
    case core::Verdict::kPermanent: return "failed";
    case core::Verdict::kAuthGrace: return "again for `init.auth_grace`, then failed";
    case core::Verdict::kOnceMore: return "once more, then failed";
  }
  return "";
}

std::string server_codes() {
  std::string out = "| answer | to | reason | origin | what follows |\n| --- | --- | --- | --- | --- |\n";
  for (const core::ServerRule& rule : core::server_rules()) {
    const Origin from = origin(rule.reason);
    out += fmt::format("| {}{} | {} | `{}` | {} | {} |\n", fmt::join(rule.codes, ", "),
                       rule.words.empty() ? "" : fmt::format(" (\"{}\")", rule.words), asked_for(rule.where),
                       name(rule.reason), from == Origin::kNone ? "–" : name(from), followed_by(rule.verdict));
  }
  return out;
}

std::string transitions() {
  std::string out = "| from | to | on |\n| --- | --- | --- |\n";
  for (const core::Transition& way : core::transitions()) {
    out += fmt::format("| {} | {} | {} |\n", name(way.from), name(way.to), way.on);
  }
  return out;
}

std::string facts() {
  const auto mark = [](bool fact) { return fact ? "yes" : "–"; };
  std::string out =
      "| state | reachable | initialized | open | open, latched | healthy |\n| --- | --- | --- | --- | --- | --- |\n";
  for (int i = 0; i < core::kStateCount; ++i) {
    const auto state = static_cast<core::State>(i);
    for (const bool reachable : {false, true}) {
      core::Latches latches;
      latches.state = state;
      latches.reachable = reachable;
      latches.initialized =
          state == core::State::kReady || state == core::State::kDegraded || state == core::State::kDraining;
      const core::Facts live = derive(latches, core::ReadyPolicy::kLive);
      const core::Facts latched = derive(latches, core::ReadyPolicy::kLatched);
      out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", name(state), mark(reachable), mark(live.initialized),
                         mark(live.open), mark(latched.open), mark(live.healthy));
    }
  }
  return out;
}

std::string routes() {
  std::string out = "| path | alias | methods | where | 200 when | for |\n| --- | --- | --- | --- | --- | --- |\n";
  for (const server::Route& route : server::routes()) {
    const std::string_view methods = route.methods == server::Methods::kPost  ? "POST"
                                     : route.methods == server::Methods::kGet ? "GET"
                                                                              : "GET, HEAD";
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(route.path), code(route.alias), methods,
                       route.reach == server::Reach::kSocketOnly ? "socket" : "TCP, socket", cell(route.ok_when),
                       cell(route.help));
  }
  return out;
}

std::string limits() {
  const server::Limits limits;
  std::string out = "| what | at most |\n| --- | --- |\n";
  const auto row = [&](std::string_view what, const std::string& most) {
    out += fmt::format("| {} | {} |\n", what, most);
  };
  const auto grouped = [](std::size_t number) {
    return number < 1000 ? std::to_string(number) : fmt::format("{},{:03}", number / 1000, number % 1000);
  };
  row("clients that wait", grouped(limits.waiters));
  row("clients that watch", grouped(limits.watchers));
  row("other connections, over TCP", grouped(limits.tcp_connections));
  row("other connections, over the socket", grouped(limits.unix_connections));
  row("the first line of an HTTP request", grouped(limits.http.request_line) + " bytes");
  row("the headers of an HTTP request",
      fmt::format("{} bytes, {} lines", grouped(limits.http.headers), limits.http.header_count));
  row("a line of the line dialect, with its LF", grouped(server::kLongestLine) + " bytes");
  row("the timeout of a wait", format_duration(server::kLongestWait));
  row("the length of a drain", format_duration(server::kLongestDrain));
  row("until a request is whole, from its first byte or that of the connection", format_duration(limits.header));
  row("until a client has taken an answer", format_duration(limits.sending));
  row("silence between two requests", format_duration(limits.idle));
  row("between two lines of a watch", format_duration(limits.heartbeat));
  row("until a client that watches reads on", format_duration(limits.unread));
  row("between two heartbeats of the state page", format_duration(server::kPageHeartbeat));
  row("from the last heartbeat to the expiry of the state page", format_duration(server::kPageExpiry));
  row("a snapshot on the state page", grouped(server::kPageRoom) + " bytes");
  return out;
}

std::string metrics() {
  std::string out = "| metric | type | what |\n| --- | --- | --- |\n";
  for (const server::Metric& metric : server::metrics()) {
    out += fmt::format("| `{}` | {} | {} |\n", metric.name, metric.type, cell(metric.help));
  }
  return out;
}

std::string configuration_schema() {
  return json_schema({.title = "readygate.toml",
                      .description = "The configuration of readygate: docs/configuration.md",
                      .keys = config::keys()});
}

// ["field", 1], with -1 or a kind of index in place of 1.
std::string key_part() {
  JsonWriter json;
  json.begin_object().field("type", "array").field("minItems", 2).field("maxItems", 2).key("items").begin_array();
  json.begin_object().field("type", "string").field("minLength", 1).end_object();
  json.begin_object().key("enum").begin_array().value(1).value(-1);
  for (const schema::IndexKind kind :
       {schema::IndexKind::kText, schema::IndexKind::kHashed, schema::IndexKind::k2d, schema::IndexKind::k2dsphere}) {
    json.value(name(kind));
  }
  return json.end_array().end_object().end_array().end_object().take();
}

std::string schema_schema() {
  TomlFile file{.title = "readygate's schema file",
                .description = "What a database must look like: docs/schema.md",
                .keys = schema::kSchemaKeys,
                .items = {{"collection.index.key", key_part()}}};
  for (const std::string_view key : schema::kHeadKeys) {
    file.needs[key].assign(schema::kRequiredHeadKeys.begin(), schema::kRequiredHeadKeys.end());
  }
  return json_schema(file);
}

std::string limits_of(const toml::Key& key) {
  if (!key.allowed.empty()) {
    std::string all;
    for (const std::string_view word : toml::words(key.allowed)) {
      all += fmt::format("{}`\"{}\"`", all.empty() ? "" : ", ", word);
    }
    return all;
  }
  std::string type = key.type == toml::Type::kDuration  ? "duration"
                     : key.type == toml::Type::kInteger ? "integer"
                                                        : "string";
  if (!key.range || key.type == toml::Type::kString) return type;
  const auto shown = [&](std::int64_t number) {
    return key.type == toml::Type::kDuration ? format_duration(Millis(number)) : std::to_string(number);
  };
  return fmt::format("{}, {} to {}", type, shown(key.range->min), shown(key.range->max));
}

// The keys of a table of the schema file, and of the tables in it.
void keys_of(std::string& out, toml::Keys keys, const std::string& path) {
  for (const toml::Key& key : keys) {
    const std::string name = path + std::string(key.name);
    if (key.type == toml::Type::kTable) {
      out += fmt::format("| `{}` | table | | {} |\n", name, cell(key.help));
      keys_of(out, key.keys, name + ".");
    } else {
      out += fmt::format("| `{}` | {} | {} | {} |\n", name, limits_of(key),
                         key.required ? "required" : code(fallback_of(key)), cell(key.help));
    }
  }
}

std::string seed_keys() {
  std::string out = "| key | type | default | what |\n| --- | --- | --- | --- |\n";
  keys_of(out, schema::kSeedKeys, "");
  return out;
}

std::string check_keys() {
  std::string out = "| key | type | default | what |\n| --- | --- | --- | --- |\n";
  for (const toml::Key& key : config::keys()) {
    if (key.name == "check") keys_of(out, key.keys, "");
  }
  return out;
}

std::string migration_keys() {
  std::string out = "| key | type | default | what |\n| --- | --- | --- | --- |\n";
  keys_of(out, schema::kMigrationKeys, "");
  return out;
}

std::string migration_commands() {
  std::string out = "| command | in a transaction | |\n| --- | --- | --- |\n";
  for (const schema::MigrationCommand& command : schema::migration_commands()) {
    out += fmt::format("| `{}` | {} | {} |\n", command.name, command.in_transaction ? "yes" : "–", cell(command.help));
  }
  return out;
}

std::string refused_commands() {
  std::string out = "| command | instead |\n| --- | --- |\n";
  for (const schema::RefusedCommand& command : schema::refused_commands()) {
    out += fmt::format("| `{}` | {} |\n", command.name, cell(command.instead));
  }
  return out;
}

std::string privileges() {
  std::string out = "| when | actions | on | without it |\n| --- | --- | --- | --- |\n";
  const schema::Need* last = nullptr;
  for (const schema::Need& need : schema::needs()) {
    const bool same = last != nullptr && last->purpose == need.purpose;
    std::string actions;
    for (std::string_view rest = need.actions; !rest.empty();) {
      const auto end = std::min(rest.find(' '), rest.size());
      actions += fmt::format("{}`{}`", actions.empty() ? "" : ", ", rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    out += fmt::format("| {} | {} | {} | {} |\n", same ? "" : meaning(need.purpose), actions, name(need.scope),
                       need.without.empty() ? "it fails" : cell(need.without));
    last = &need;
  }
  return out;
}

const std::array kTables = {std::pair{std::string_view("settings"), &settings},
                            std::pair{std::string_view("reasons"), &reasons},
                            std::pair{std::string_view("exit-codes"), &exit_codes},
                            std::pair{std::string_view("server-codes"), &server_codes},
                            std::pair{std::string_view("tls"), &tls},
                            std::pair{std::string_view("transitions"), &transitions},
                            std::pair{std::string_view("facts"), &facts},
                            std::pair{std::string_view("routes"), &routes},
                            std::pair{std::string_view("limits"), &limits},
                            std::pair{std::string_view("metrics"), &metrics},
                            std::pair{std::string_view("privileges"), &privileges},
                            std::pair{std::string_view("schema-head"), &test::head_table},
                            std::pair{std::string_view("schema-policy"), &test::policy_table},
                            std::pair{std::string_view("schema-collection"), &test::collection_table},
                            std::pair{std::string_view("schema-index"), &test::index_table},
                            std::pair{std::string_view("schema-view"), &test::view_table},
                            std::pair{std::string_view("schema-collation"), &test::collation_table},
                            std::pair{std::string_view("check-keys"), &check_keys},
                            std::pair{std::string_view("seed-keys"), &seed_keys},
                            std::pair{std::string_view("migration-keys"), &migration_keys},
                            std::pair{std::string_view("migration-commands"), &migration_commands},
                            std::pair{std::string_view("refused-commands"), &refused_commands},

                            std::pair{std::string_view("readygate.1"), &test::readygate_1},
                            std::pair{std::string_view("readygate-wait.1"), &test::readygate_wait_1},
                            std::pair{std::string_view("readygate.toml.5"), &test::readygate_toml_5},
                            std::pair{std::string_view("readygate.schema.json"), &configuration_schema},
                            std::pair{std::string_view("schema.schema.json"), &schema_schema},
                            std::pair{std::string_view("plan.schema.json"), &plan_schema}};

}  // namespace

int main(int argc, char** argv) {
  const std::string_view wanted = argc == 2 ? argv[1] : "";
  for (const auto& [table, print] : kTables) {
    if (table != wanted) continue;
    std::fputs(print().c_str(), stdout);
    return 0;
  }
  std::fputs("usage: doc-tables TABLE, one of:", stderr);
  for (const auto& [table, print] : kTables) fmt::print(stderr, " {}", table);
  std::fputs("\n", stderr);
  return 64;
}
