// `readygate history`: what the control documents say of the past.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/database.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "core/ledger.h"
#include "core/migration_record.h"
#include "mongo/control_documents.h"
#include "mongo/ledger_store.h"
#include "mongo/migration_store.h"

namespace readygate::cli {
namespace {

struct Entry {
  WallTime at{};
  std::string kind;   // "version", "migration", "seed"
  std::string what;   // "3", "0003-split-status", "models"
  std::string state;  // "done", "failed", …
  std::string checksum;
  std::optional<Millis> took;
  std::optional<std::int64_t> documents;
  std::string by;
  std::string host;
  std::string error;
};

Entry entry_of(const core::Applied& applied) {
  Entry entry{applied.at,   "version", fmt::format("{}", applied.version), "done", applied.hash, {}, {}, applied.by,
              applied.host, {}};
  if (applied.took.count() > 0) entry.took = applied.took;
  return entry;
}

// Keys are "m/<id>" and "s/<collection>/<checksum>".
Entry entry_of(const core::MigrationRecord& record) {
  const bool seed = record.key.starts_with("s/");
  std::string what = record.key.substr(std::min<std::size_t>(2, record.key.size()));
  if (seed) what = what.substr(0, what.rfind('/'));
  Entry entry{record.at,       seed ? "seed" : "migration",
              std::move(what), std::string(name(record.state)),
              record.checksum, {},
              record.done,     record.by,
              record.host,     record.error};
  const bool ended = record.state == core::RecordState::kDone || record.state == core::RecordState::kFailed;
  if (ended && record.started != WallTime{} && record.at >= record.started) {
    entry.took = std::chrono::duration_cast<Millis>(record.at - record.started);
  }
  if (entry.by.empty()) entry.by = record.owner;
  return entry;
}

struct History {
  std::vector<Entry> entries;       // oldest first
  std::int32_t withheld_steps = 0;  // of the version that is applied now
};

tl::expected<History, core::Failure> read(const Inputs& inputs) {
  const mongo::LedgerPlace place{inputs.schema.database, inputs.schema.name};
  auto pool = open_database(inputs.config.settings);
  if (!pool) return tl::unexpected(std::move(pool.error()));
  mongo::Client client = (*pool)->take();
  const auto versions = mongo::read_history(client, place);
  if (!versions) return tl::unexpected(versions.error());
  const auto records = mongo::read_migrations(client, place);
  if (!records) return tl::unexpected(records.error());
  const auto ledger = mongo::read_ledger(client, place);
  if (!ledger) return tl::unexpected(ledger.error());
  std::vector<Entry> entries;
  for (const core::Applied& each : *versions) entries.push_back(entry_of(each));
  for (const core::MigrationRecord& each : records->records) entries.push_back(entry_of(each));
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.at < b.at; });
  return History{std::move(entries), core::withheld_steps(ledger->ledger).value_or(0)};
}

void print_json(const History& past, const schema::Schema& schema) {
  JsonWriter json;
  json.begin_object().field("v", 1).field("schema", std::string_view(schema.name));
  json.field("database", std::string_view(schema.database));
  json.field("withheld_steps", past.withheld_steps).key("entries").begin_array();
  for (const Entry& entry : past.entries) {
    json.begin_object().field("at", std::string_view(rfc3339(entry.at))).field("kind", std::string_view(entry.kind));
    json.field("what", std::string_view(entry.what)).field("state", std::string_view(entry.state));
    json.field("checksum", std::string_view(entry.checksum)).key("took_ms");
    if (entry.took) {
      json.value(static_cast<std::int64_t>(entry.took->count()));
    } else {
      json.null();
    }
    json.key("documents");
    if (entry.documents) {
      json.value(*entry.documents);
    } else {
      json.null();
    }
    json.field("by", std::string_view(entry.by)).field("host", std::string_view(entry.host));
    json.field("error", std::string_view(entry.error)).end_object();
  }
  json.end_array().end_object();
  fmt::print("{}\n", json.text());
}

void print_text(const History& past, const schema::Schema& schema) {
  const std::vector<Entry>& entries = past.entries;
  if (entries.empty()) {
    fmt::print("Schema {} was never applied to database {}.\n", schema.name, schema.database);
    return;
  }
  const auto described = [](const Entry& entry) {
    return entry.state == "done" ? fmt::format("{} {}", entry.kind, entry.what)
                                 : fmt::format("{} {} ({})", entry.kind, entry.what, entry.state);
  };
  std::size_t widest = 4;
  for (const Entry& entry : entries) widest = std::max(widest, described(entry).size());
  fmt::print("{:<24}  {:<{}}  {:>9}  {}\n", "when", "what", widest, "took", "by");
  for (const Entry& entry : entries) {
    const std::string took =
        entry.took ? fmt::format("{:.1f} s", static_cast<double>(entry.took->count()) / 1000) : "-";
    const std::string by = entry.host.empty() ? entry.by : fmt::format("{} ({:.8})", entry.host, entry.by);
    fmt::print("{:<24}  {:<{}}  {:>9}  {}\n", rfc3339(entry.at), described(entry), widest, took, by);
    if (!entry.error.empty()) fmt::print("{:<24}  {}\n", "", entry.error);
  }
  if (past.withheld_steps > 0) {
    fmt::print("Still to be done: {}; `readygate plan` lists what is held back.\n",
               core::withheld_words(past.withheld_steps));
  }
}

}  // namespace

int history(const CommandLine& line) {
  const auto inputs = load_inputs(line, config::NeedUri::kYes);
  if (!inputs) return report(inputs.error(), line.format);
  const auto past = read(*inputs);
  if (!past) return report(past.error());
  if (line.format == OutputFormat::kJson) {
    print_json(*past, inputs->schema);
  } else {
    print_text(*past, inputs->schema);
  }
  return kExitOk;
}

}  // namespace readygate::cli
