// A live catalog as a schema file: `readygate import`. What comes out is laid out as `readygate fmt` does, and a plan
// of it against the same catalog has no steps and no conflicts: every collection, view and index is written, read back
// and compared before it is taken in. What cannot be declared becomes a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/catalog.h"

namespace readygate::schema {

struct Written {
  std::string toml;
  std::vector<std::string> left_out;  // one sentence each, for the user: what cannot be declared, and why
};

// Everything in the catalog that written() takes. The head names `database`, a schema
// made from its name, and version 1.
Written write_schema(const Catalog& catalog, const std::string& database);

// Whether write_schema takes a collection or view of this name: not what belongs to readygate or to the server.
bool written(std::string_view name);

// The name of the schema that write_schema gives to a database.
std::string schema_name_for(const std::string& database);

}  // namespace readygate::schema
