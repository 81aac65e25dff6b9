// What MongoDB allows as a name. Each returns what is wrong with the name as the end of a sentence that begins with it
// ("must not be empty"), or "" when nothing is.
// https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "schema/options.h"

namespace readygate::schema {

inline constexpr std::size_t kMaxNamespace = 255;  // bytes of "database.collection"
inline constexpr std::size_t kMaxIndexes = 64;     // of a collection, with the one on _id
inline constexpr std::string_view kLedgerCollection = "_readygate";

std::string schema_name_mistake(std::string_view name);
std::string database_name_mistake(std::string_view name);
std::string collection_name_mistake(std::string_view name, std::string_view database);
std::string index_name_mistake(std::string_view name);
// Of a field path in an index key.
std::string field_path_mistake(std::string_view path, IndexKind kind);

}  // namespace readygate::schema
