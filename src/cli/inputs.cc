#include "cli/inputs.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/exit_code.h"

namespace readygate::cli {

config::Given given(const CommandLine& line) {
  config::Given all{line.config_file, {}, line.flags};
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    all.variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(all.variables.begin(), all.variables.end());
  return all;
}

tl::expected<schema::Schema, toml::Mistakes> load_schema(const config::Settings& settings) {
  auto schema = schema::load(settings.schema);
  if (schema && !settings.mongodb.database.empty()) schema->database = settings.mongodb.database;
  return schema;
}

tl::expected<Inputs, toml::Mistakes> load_inputs(const CommandLine& line, config::NeedUri need_uri) {
  auto settled = config::settle(given(line), need_uri);
  if (!settled) return tl::unexpected(std::move(settled.error()));
  auto schema = load_schema(settled->settings);
  if (!schema) return tl::unexpected(std::move(schema.error()));
  std::string path = settled->settings.schema;
  return Inputs{std::move(*settled), std::move(*schema), std::move(path)};
}

int report(const toml::Mistakes& mistakes, OutputFormat format) {
  if (format == OutputFormat::kJson) {
    JsonWriter json;
    json.begin_object().field("v", 1).field("valid", false).key("mistakes").begin_array();
    for (const toml::Mistake& mistake : mistakes) {
      json.begin_object().field("file", std::string_view(mistake.place.file));
      json.field("line", static_cast<std::int64_t>(mistake.place.line));
      json.field("column", static_cast<std::int64_t>(mistake.place.column));
      json.field("code", name(mistake.reason)).field("message", std::string_view(mistake.message)).end_object();
    }
    json.end_array().end_object();
    std::puts(json.text().c_str());
  } else {
    const std::string lines = toml::to_string(mistakes);
    std::fputs(lines.c_str(), stderr);
    if (!lines.empty() && lines.back() != '\n') std::fputc('\n', stderr);
    fmt::print(stderr, "readygate: {} mistake{}\n", mistakes.size(), mistakes.size() == 1 ? "" : "s");
  }
  return kExitConfig;
}

}  // namespace readygate::cli
