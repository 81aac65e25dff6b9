// Values of the schema file that collections, views and indexes have in common. `what` begins the sentence of a
// mistake: "collection.index.partial". Each adds its mistakes, and gives nothing when there was one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "schema/document.h"
#include "toml/keys.h"
#include "toml/tree.h"

namespace readygate::schema {

// Whether toml::check finds nothing wrong with the table: what is wrong was said already.
bool clean(const toml::Table& table, toml::Keys keys);

// An Extended JSON object, not empty.
std::optional<Document> parse_document(const std::string& json, const std::string& what, const toml::Place& place,
                                       toml::Mistakes& mistakes);

// An Extended JSON array of aggregation stages, as the field "pipeline" of the document that it gives. Stages that
// write are refused.
std::optional<Document> parse_pipeline(const std::string& json, const std::string& what, const toml::Place& place,
                                       toml::Mistakes& mistakes);

// A table that toml::check passed with kCollationKeys; what its locale says of it is left to the server. Normalised:
// empty for { locale = "simple" }.
std::optional<Document> parse_collation(const toml::Table& table, const std::string& what, const toml::Place& place,
                                        toml::Mistakes& mistakes);

inline constexpr std::int64_t kMaxExpireSeconds = 2'147'483'647;

// A number of seconds, or a duration of whole seconds; from `least` to `most`.
std::optional<std::int64_t> parse_seconds(const toml::Value& value, const std::string& what, std::int64_t least,
                                          std::int64_t most, toml::Mistakes& mistakes);

}  // namespace readygate::schema
