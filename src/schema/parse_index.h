// One [[collection.index]] table to an Index, checked against the server's rules for its kind.
#pragma once

#include <optional>

#include "schema/schema.h"
#include "toml/tree.h"

namespace readygate::schema {

// `table` is at `place`, and has passed toml::check with kIndexKeys. Adds every mistake; none when there was one.
// The index is normalised.
std::optional<Index> parse_index(const toml::Table& table, const toml::Place& place, toml::Mistakes& mistakes);

// An Extended JSON object, not empty. `what` begins the sentence of a mistake: "collection.index.partial".
std::optional<Document> parse_document(const std::string& json, const std::string& what, const toml::Place& place,
                                       toml::Mistakes& mistakes);

}  // namespace readygate::schema
