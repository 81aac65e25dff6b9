// What earlier holders of the lease have at work on the server: found by the comment of their commands, and ended or
// awaited as core/earlier.h says.
#pragma once

#include <string>

#include "core/work.h"
#include "mongo/pool.h"

namespace readygate::mongo {

// Blocks until nothing is left, or for work.limit. Operations of the same user can always be seen and ended; those of
// others only with the privileges inprog and killop. A server that does not answer has none.
core::EarlierGone await_earlier(Client& client, const std::string& database, const core::AwaitEarlier& work);

}  // namespace readygate::mongo
