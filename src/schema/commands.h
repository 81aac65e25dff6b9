// The commands of a plan's steps, complete but for writeConcern and comment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/document.h"
#include "schema/schema.h"

namespace readygate::schema {

Document create_command(const std::string& collection, const Document& options);
Document create_indexes_command(const std::string& collection, const std::vector<Index>& indexes);
// collMod of the index that has this name in the database.
Document expire_command(const std::string& collection, const std::string& index, std::int64_t seconds);
Document validator_command(const std::string& collection, const Document& options);

}  // namespace readygate::schema
