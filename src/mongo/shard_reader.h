// Whether a collection is sharded, by what, and whether every shard has all of its indexes: a createIndexes that was
// cut short leaves an index on some shards, and listIndexes of a mongos asks only one.
#pragma once

#include <optional>
#include <string>

#include <tl/expected.hpp>

#include "core/failure.h"
#include "mongo/pool.h"
#include "schema/catalog.h"

namespace readygate::mongo {

// Only of use through a mongos. None: it is not sharded. Where the user may not know (find on config.collections), or
// not ask the shards ($indexStats), the answer is what is known, and not verified. Fails only when the server is
// overloaded: it would tell later.
tl::expected<std::optional<schema::Sharding>, core::Failure> read_sharding(Client& client, const std::string& database,
                                                                           const std::string& collection);

}  // namespace readygate::mongo
