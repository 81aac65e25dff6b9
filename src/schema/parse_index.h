// One [[collection.index]] table to an Index, checked against the server's rules for its kind.
#pragma once

#include <optional>

#include "schema/schema.h"
#include "toml/tree.h"

namespace readygate::schema {

// `table` is at `place`, and has passed toml::check with kIndexKeys. `collation` is the collection's, normalised, or
// empty: the index has it too, where it takes one and declares none. Adds every mistake; none when there was one. The
// index is normalised.
std::optional<Index> parse_index(const toml::Table& table, const toml::Place& place, const Document& collation,
                                 toml::Mistakes& mistakes);

}  // namespace readygate::schema
