// [[seed]] and [[migration]] tables to Seeds and Migrations.
#pragma once

#include <vector>

#include "schema/schema.h"
#include "schema/sources.h"

namespace readygate::schema {

// Appends to schema.seeds and schema.migrations; every mistake is added. The tables have passed toml::check or its
// mistakes are there already; schema.collections is complete, unless not every file could be read (`whole` false): then
// a collection that is not known is not held against anyone.
void parse_seeds_and_migrations(const std::vector<Source>& sources, bool whole, Schema& schema,
                                toml::Mistakes& mistakes);

}  // namespace readygate::schema
