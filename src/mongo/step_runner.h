// One step of a plan, carried out.
#pragma once

#include <string>

#include "base/clock.h"
#include "core/work.h"
#include "mongo/pool.h"

namespace readygate::mongo {

// Sends the step's command to `database` on a build client, with write concern majority, a comment that names the
// fencing token and, but for builds, maxTimeMS = what is left until `not_after`. Blocks for as long as the server
// needs. A unique index that documents contradict is reported as code 11000, whatever code the server gives, with how
// many there are and at most ten of their keys, cut to 80 bytes each; a constraint that documents violate as code
// 12370902, with at most ten of their _ids. What made ready for that (prepareUnique, prepareConstraintValidationLevel)
// is then taken back. `commit_quorum`: of index builds, where the server has members to count (MongoDB 4.4 and later; a
// standalone server refuses the option); "" is the server's default.
tl::expected<core::Done, core::Failure> run_step(Client& client, const std::string& database, const core::RunStep& work,
                                                 const std::string& commit_quorum, const Clock& clock);

}  // namespace readygate::mongo
