// What the user of the URI may do, as the server says.
#pragma once

#include <optional>
#include <vector>

#include "mongo/pool.h"
#include "schema/privileges.h"

namespace readygate::mongo {

// None: the server does not know the question, or has no users.
std::optional<std::vector<schema::Privilege>> read_privileges(Client& client);

}  // namespace readygate::mongo
