// How far the server says that our index builds are.
#pragma once

#include <cstdint>
#include <string>

#include <tl/expected.hpp>

#include "core/work.h"
#include "mongo/pool.h"

namespace readygate::mongo {

// From $currentOp: the builds in `database` whose command has the comment "readygate:<token>". A build runs on a thread
// of the server's own, which only those with the privilege inprog see; without it the answer is empty. MongoDB 4.4 and
// later; a server that does not know $currentOp, or comments, refuses or shows nothing. Blocks.
tl::expected<core::ProgressRead, core::Failure> read_progress(Client& client, const std::string& database,
                                                              std::int64_t token);

}  // namespace readygate::mongo
