// Whether a collection is sharded, by what, and whether every shard has all of its indexes: a createIndexes that was
// cut short leaves an index on some shards, and listIndexes of a mongos asks only one.
#pragma once

#include <optional>
#include <string>

#include "mongo/pool.h"
#include "schema/catalog.h"

namespace readygate::mongo {

// Only of use through a mongos. None: it is not sharded. Where the user may not know (find on config.collections), or
// not ask the shards ($indexStats), the answer is what is known, and not verified.
std::optional<schema::Sharding> read_sharding(Client& client, const std::string& database,
                                              const std::string& collection);

}  // namespace readygate::mongo
