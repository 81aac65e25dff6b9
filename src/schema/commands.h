// The commands of a plan's steps, complete but for writeConcern, comment and maxTimeMS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"
#include "schema/fields.h"
#include "schema/schema.h"

namespace readygate::schema {

// Of a collection or a view.
Document create_command(const std::string& name, const Document& options);

// `collated`: the collection has a collation, so that an index without one must say so.
enum class Collated { kNo, kYes };
Document create_indexes_command(const std::string& collection, const std::vector<Index>& indexes, Collated collated);

// collMod with these options.
Document modify_command(const std::string& name, const Document& options);

// collMod of the index that has this name in the database.
template <typename Value>
Document modify_index_command(const std::string& collection, const std::string& index, std::string_view option,
                              const Value& value) {
  Document target;
  append(target, "name", index);
  append(target, option, value);
  Document options;
  append(options, "index", target);
  return modify_command(collection, options);
}

Document drop_index_command(const std::string& collection, const std::string& index);

}  // namespace readygate::schema
