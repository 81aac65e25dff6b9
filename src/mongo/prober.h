// Tries out in a scratch collection what the server enforces (schema/probes.h). The one thing that `plan` writes, and
// only when it is asked to.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "mongo/pool.h"
#include "schema/probes.h"

namespace readygate::mongo {

// What came of each rule that the schema relies on and the server lets be set up. The collection is dropped in any
// case, and so are those that crashed probes left behind more than an hour ago, by the time in their names. Blocks.
tl::expected<std::vector<schema::Tried>, core::Failure> probe(Client& client, const schema::Schema& schema,
                                                              WallTime wall, Random& random);

}  // namespace readygate::mongo
