// Which documents an index cannot be built over, as a filter that finds them. A server says why a build failed, and not
// always which document it met.
#pragma once

#include <optional>
#include <string>

#include "schema/document.h"

namespace readygate::schema {

// Documents that an index with this key (and options: sparse, default_language, language_override) cannot hold: arrays
// in a hashed index or in two fields of one, values of a 2dsphere index that are no geometry, languages that a text
// index does not know. None where no filter finds them, as coordinates out of their range.
std::optional<Document> offender_filter(const Document& index);

// As a person pastes it into mongosh: db.getCollection("places").find({…}).
std::string find_in_shell(const std::string& collection, const Document& filter);

}  // namespace readygate::schema
