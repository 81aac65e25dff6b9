// `readygate check`: is the configuration valid, and the schema? And what is in force, and why? Nothing is connected
// to.
#include <algorithm>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/inputs.h"
#include "mongo/driver.h"
#include "mongo/uri.h"

namespace readygate::cli {
namespace {

struct UriNotes {
  std::string problem;
  std::vector<std::string> overrides;
  std::vector<std::string> notes;
};

UriNotes look_at_uri(const Inputs& inputs) {
  if (inputs.config.settings.mongodb.uri.empty()) return {};
  const auto driver = mongo::Driver::start([](LogLevel, std::string_view) {});
  mongo::Settings settings;
  settings.uri = inputs.config.settings.mongodb.uri;
  settings.connect_timeout = inputs.config.settings.mongodb.connect_timeout;
  const auto uris = mongo::prepare(settings);
  if (!uris) return {core::judge(uris.error()).sentence, {}, {}};
  UriNotes notes{"", uris->overrides, uris->notes};
  if (!uris->database.empty() && uris->database != inputs.schema.database) {
    notes.overrides.push_back(
        fmt::format("the database \"{}\" of the URI serves authentication only: the schema is kept in \"{}\"",
                    uris->database, inputs.schema.database));
  }
  return notes;
}

std::size_t index_count(const schema::Schema& schema) {
  std::size_t count = 0;
  for (const schema::Collection& collection : schema.collections) count += collection.indexes.size();
  return count;
}

void print_text(const Inputs& inputs, const UriNotes& uri) {
  std::size_t widest = 0;
  for (const config::Effective& setting : inputs.config.effective) widest = std::max(widest, setting.path.size());
  fmt::print("Configuration: valid\n");
  for (const config::Effective& setting : inputs.config.effective) {
    fmt::print("  {:<{}}  {:<28}  {}\n", setting.path, widest, setting.value.empty() ? "\"\"" : setting.value,
               setting.source);
  }
  for (const std::string& line : uri.overrides) fmt::print("  note: {}\n", line);
  for (const std::string& line : uri.notes) fmt::print("  note: {}\n", line);
  for (const std::string& line : inputs.config.warnings) fmt::print("  warning: {}\n", line);
  fmt::print("Schema: valid\n  {} version {} (opens from {}), database {}, {} collections, {} indexes\n  hash {}\n",
             inputs.schema.name, inputs.schema.version, inputs.schema.min_open, inputs.schema.database,
             inputs.schema.collections.size(), index_count(inputs.schema), inputs.schema.hash);
}

void list(JsonWriter& json, std::string_view key, const std::vector<std::string>& lines) {
  json.key(key).begin_array();
  for (const std::string& line : lines) json.value(line);
  json.end_array();
}

void print_json(const Inputs& inputs, const UriNotes& uri) {
  JsonWriter json;
  json.begin_object().field("v", 1).field("valid", true).key("settings").begin_array();
  for (const config::Effective& setting : inputs.config.effective) {
    json.begin_object().field("path", std::string_view(setting.path)).field("value", std::string_view(setting.value));
    json.field("source", std::string_view(setting.source)).end_object();
  }
  json.end_array();
  list(json, "overrides", uri.overrides);
  list(json, "notes", uri.notes);
  list(json, "warnings", inputs.config.warnings);
  json.key("schema").begin_object().field("name", std::string_view(inputs.schema.name));
  json.field("version", inputs.schema.version).field("min_open", inputs.schema.min_open);
  json.field("database", std::string_view(inputs.schema.database)).field("hash", std::string_view(inputs.schema.hash));
  json.field("collections", static_cast<std::int64_t>(inputs.schema.collections.size()));
  json.field("indexes", static_cast<std::int64_t>(index_count(inputs.schema))).end_object().end_object();
  fmt::print("{}\n", json.text());
}

}  // namespace

int check(const CommandLine& line) {
  const auto inputs = load_inputs(line, config::NeedUri::kNo);
  if (!inputs) return report(inputs.error(), line.format);
  const UriNotes uri = look_at_uri(*inputs);
  if (!uri.problem.empty()) {
    return report({{toml::Place{"mongodb.uri", 0, 0}, Reason::kConfigInvalid, uri.problem}}, line.format);
  }
  if (line.format == OutputFormat::kJson) {
    print_json(*inputs, uri);
  } else {
    print_text(*inputs, uri);
  }
  return kExitOk;
}

}  // namespace readygate::cli
