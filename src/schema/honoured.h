// What products are known to accept and not to do, where no catalog shows it. `plan` says so before it is relied on,
// and policy.not_honoured decides.
#pragma once

#include <string_view>

#include "schema/catalog.h"

namespace readygate::schema {

// The sentence's end for a person ("makes an empty collection of a view"), or "" when nothing is known against it.
// `option` is the server's name of an option of a collection or view: "capped", "viewOn", …
std::string_view not_honoured(const Server& server, std::string_view option);

// FerretDB 2.7 answers ok to create with a validator and forgets it, while collMod keeps it: it is set in a step of its
// own.
bool create_forgets_validator(const Server& server);

// FerretDB 2.7 refuses to create a hidden index, and hides one that is there.
bool hides_only_later(const Server& server);

}  // namespace readygate::schema
