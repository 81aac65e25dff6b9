// One step of a plan, carried out.
#pragma once

#include <string>

#include "base/clock.h"
#include "core/work.h"
#include "mongo/pool.h"

namespace readygate::mongo {

// Sends the step's command to `database` on a build client, with write concern majority and a comment that names the
// fencing token. Blocks for as long as the server needs. A unique index that cannot be built is reported as code 11000
// with the index and the fields, whatever code the server gives; never with the values, which may be anyone's data.
tl::expected<core::Done, core::Failure> run_step(Client& client, const std::string& database, const core::RunStep& work,
                                                 const Clock& clock);

}  // namespace readygate::mongo
