#include "schema_tables.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "schema/options.h"

namespace readygate::test {
namespace {

using toml::Key;
using toml::Type;

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string_view word(Type type) {
  switch (type) {
    case Type::kDuration: return "duration";
    case Type::kInteger: return "integer";
    case Type::kFloat: return "number";
    case Type::kBoolean: return "boolean";
    case Type::kTable: return "table";
    case Type::kArray: return "array";
    default: return "string";
  }
}

std::string type_of(const Key& key) {
  std::string text(word(key.type));
  if (!key.allowed.empty()) {
    text.clear();
    for (const std::string_view each : toml::words(key.allowed)) {
      text += fmt::format("{}`\"{}\"`", text.empty() ? "" : ", ", each);
    }
  } else if (key.range && key.type != Type::kDuration) {
    const std::string_view unit = !key.unit.empty()           ? key.unit
                                  : key.type == Type::kString ? std::string_view("bytes")
                                  : key.type == Type::kArray  ? std::string_view("items")
                                  : key.type == Type::kTable  ? std::string_view("each")
                                                              : std::string_view();
    text += fmt::format(", {} to {}{}{}", key.range->min, key.range->max, unit.empty() ? "" : " ", unit);
  }
  if (key.or_type != Type::kNone) {
    text += fmt::format(" or {}{}", word(key.or_type), key.or_type == Type::kInteger ? " of seconds" : "");
  }
  return text;
}

std::string fallback_of(const Key& key) {
  if (key.required) return "required";
  if (!key.fallback) return "none";
  const bool text = key.type == Type::kString;
  return fmt::format("`{}{}{}`", text ? "\"" : "", *key.fallback, text ? "\"" : "");
}

std::string row(const Key& key, std::string_view path, std::string_view more) {
  return fmt::format("| `{}{}` | {} | {} | {} | {} | {} | {} |\n", path, key.name, type_of(key), fallback_of(key),
                     key.since.empty() ? "–" : key.since, cell(key.help) + std::string(more), cell(key.changing),
                     key.example.empty() ? "" : fmt::format("`{}`", cell(key.example)));
}

constexpr std::string_view kTitles =
    "| key | type | default | server | what it is | changing it | example |\n| --- | --- | --- | --- | --- | --- | --- "
    "|\n";

// Tables in it follow with their own keys; `index` and collations have tables of their own.
std::string rows(toml::Keys keys, const std::string& path = "") {
  std::string out;
  for (const Key& key : keys) {
    out += row(key, path, "");
    if (key.name != "index" && key.name != "collation") out += rows(key.keys, path + std::string(key.name) + ".");
  }
  return out;
}

std::string kinds_of(const schema::IndexOption& option) {
  std::string text;
  for (const auto kind : {schema::IndexKind::kPlain, schema::IndexKind::kHashed, schema::IndexKind::kText,
                          schema::IndexKind::k2d, schema::IndexKind::k2dsphere, schema::IndexKind::kWildcard}) {
    if (schema::has(option.kinds, kind)) text += fmt::format("{}{}", text.empty() ? "" : ", ", name(kind));
  }
  return option.kinds == schema::kAnyKind ? "" : fmt::format(" ({})", text);
}

}  // namespace

std::string head_table() {
  std::string out = "| key | type | default | what it is |\n| --- | --- | --- | --- |\n";
  constexpr std::string_view kRequired[] = {"schema", "database", "version"};
  for (const Key& key : schema::kSchemaKeys) {
    if (key.type == Type::kTable || key.type == Type::kArray || key.type == Type::kAny) continue;
    const bool required = std::find(std::begin(kRequired), std::end(kRequired), key.name) != std::end(kRequired);
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, type_of(key), required ? "required" : fallback_of(key),
                       cell(key.help));
  }
  return out;
}

std::string policy_table() {
  std::string out = "| key | type | default | what it is |\n| --- | --- | --- | --- |\n";
  for (const Key& key : schema::kPolicyKeys) {
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, type_of(key), fallback_of(key), cell(key.help));
  }
  return out;
}

std::string collection_table() { return std::string(kTitles) + rows(schema::kCollectionKeys); }
std::string view_table() { return std::string(kTitles) + rows(schema::kViewKeys); }
std::string collation_table() {
  std::string out = "| key | type | default | what it is | example |\n| --- | --- | --- | --- | --- |\n";
  for (const Key& key : schema::kCollationKeys) {
    out += fmt::format("| `{}` | {} | {} | {} | `{}` |\n", key.name, type_of(key),
                       key.required || key.fallback ? fallback_of(key) : "the language's own", cell(key.help),
                       cell(key.example));
  }
  return out;
}

std::string index_table() {
  std::string out(kTitles);
  for (const Key& key : schema::kIndexKeys) {
    const auto option = std::find_if(schema::kIndexOptions.begin(), schema::kIndexOptions.end(),
                                     [&](const schema::IndexOption& each) { return each.key.name == key.name; });
    out += row(key, "", option == schema::kIndexOptions.end() ? "" : kinds_of(*option));
  }
  return out;
}

}  // namespace readygate::test
