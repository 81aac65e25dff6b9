// A live catalog as a schema file: `readygate import`. What comes out is laid out as `readygate fmt` does, and a plan
// of it against the same catalog has no steps and no conflicts: every collection, view and index is written, read back
// and compared before it is taken in. What cannot be declared becomes a comment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"

namespace readygate::schema {

struct Written {
  std::string toml;
  std::vector<std::string> left_out;  // one sentence each, for the user: what cannot be declared, and why
};

// The name that a schema gets from its database where no ledger has one.
std::string schema_name_for(const std::string& database);

// What the file begins with.
struct Head {
  std::string database;
  std::string schema = schema_name_for(database);
  std::int32_t version = 1;
  std::int32_t min_open = 1;
};

// Everything in the catalog that written() takes, but for what another schema of the database made.
Written write_schema(const Catalog& catalog, const Head& head);

// Whether write_schema takes a collection or view of this name: not what belongs to readygate or to the server.
bool written(std::string_view name);

}  // namespace readygate::schema
