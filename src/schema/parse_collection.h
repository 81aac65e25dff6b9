// One [[collection]] table, or one [[view]] table, to what it declares beside its name and, of a collection, its
// indexes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/schema.h"
#include "toml/keys.h"
#include "toml/tree.h"

namespace readygate::schema {

// The string under `key`, or nullptr.
const std::string* string_at(const toml::Table& table, std::string_view key);

// Options of the collection, normalised. What is wrong with a value is added to `mistakes`, and the value left out;
// values that toml::check complained about are passed over. A relative validator_file begins at `folder`.
Document parse_collection_options(const toml::Table& table, const std::string& folder, toml::Mistakes& mistakes);

// Where the collection's `validation` names this key, if it does.
std::optional<toml::Place> place_in_validation(const toml::Table& table, std::string_view key);

// What a collection of this kind cannot have: checks the index against the options, both normalised.
void check_index_of(const Index& index, const Document& options, toml::Mistakes& mistakes);

// Options of the view, normalised.
Document parse_view_options(const toml::Table& table, toml::Mistakes& mistakes);

}  // namespace readygate::schema
