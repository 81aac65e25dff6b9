// Parsed schema files to one Schema: what load() and parse() share.
#pragma once

#include <string>
#include <vector>

#include "schema/schema.h"
#include "toml/tree.h"

namespace readygate::schema {

struct Source {
  std::string file;    // as places name it
  std::string folder;  // where a relative validator_file begins
  toml::Table table;
};

// Exactly one of the sources has the head (schema, database, version, …). Adds to the mistakes that reading them made.
tl::expected<Schema, toml::Mistakes> schema_from(const std::vector<Source>& sources, toml::Mistakes mistakes);

// A whole file, at most 16 MiB, or a mistake (kFileUnreadable) at `place`, whose sentence begins with `what`.
tl::expected<std::string, toml::Mistake> read_file(const std::string& path, const std::string& what,
                                                   const toml::Place& place);

}  // namespace readygate::schema
