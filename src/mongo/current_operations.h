// What the server is at work on, as far as we may see it.
#pragma once

#include <vector>

#include <tl/expected.hpp>

#include "core/failure.h"
#include "mongo/pool.h"
#include "schema/document.h"

namespace readygate::mongo {

// From $currentOp: the operations that match, of all users where we may see them (the privilege inprog), else our own;
// at most 1,000. Threads of the server's own, such as index builds run on, are seen with that privilege alone. Fails
// where the server knows no $currentOp. Blocks.
// https://www.mongodb.com/docs/manual/reference/operator/aggregation/currentOp/
tl::expected<std::vector<schema::Document>, core::Failure> current_operations(Client& client,
                                                                              const schema::Document& match,
                                                                              core::Doing doing);

}  // namespace readygate::mongo
