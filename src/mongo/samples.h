// What is shown of documents that stand in a step's way: a few, and little of each. The log and the status keep it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/failure.h"
#include "mongo/pool.h"
#include "schema/document.h"
#include "schema/plan.h"

namespace readygate::mongo {

// What a search answers, in one batch; none when it could not be found out.
std::vector<schema::Document> found_by(Client& client, const std::string& database, const schema::Document& command,
                                       core::Doing doing);

// The documents that violate the validator which the step makes a constraint, by their _id and nothing else. None:
// there are none, or it could not be found out.
std::optional<core::Failure> find_violations(Client& client, const std::string& database, const schema::Step& step);

}  // namespace readygate::mongo
