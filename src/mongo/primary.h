// Who answers, and since when: the name of a primary's term.
#pragma once

#include <string>

#include "mongo/pool.h"

namespace readygate::mongo {

// "<electionId>/<setVersion>" of the primary that answers `hello` on this client; "" outside replica sets, and a
// standalone is not asked. Two equal names are one member in one term: nothing was rolled back between the two.
// https://www.mongodb.com/docs/manual/reference/command/hello/
tl::expected<std::string, core::Failure> primary_term(Client& client, core::Doing doing);

// Returns when a majority has everything that the primary of this term had when it was called: what was read from it
// before cannot be rolled back any more. Asks `hello` (lastWrite.majorityOpTime, MongoDB 3.4 and later) until then, for
// at most kWriteConcernTimeout; another term is a failure. Where a server says nothing of it, there is nothing to
// await.
tl::expected<void, core::Failure> await_majority(Client& client, const std::string& term);

}  // namespace readygate::mongo
