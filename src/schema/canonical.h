// The canonical form of the declarations: the text that is the same for equal meaning and another for different
// meaning, and its hash. Policy, version, min_open, the schema's name and the database are not part of it: they do not
// change what the database must look like.
#pragma once

#include <string>
#include <string_view>

#include "schema/schema.h"

namespace readygate::schema {

// Collections and indexes in the order of their names, fields in the order of theirs (but for keys and arrays), numbers
// by value. For people who ask why a hash changed, and for tests.
std::string canonical_text(const Schema& schema);

// "1:" and the SHA-256 of the canonical text in hex. The number is kHashFormat: it changes when the text would change
// for an unchanged schema, so that a new program does not take an old database for a changed one.
std::string canonical_hash(const Schema& schema);

}  // namespace readygate::schema
