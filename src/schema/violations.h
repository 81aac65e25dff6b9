// What to ask a collection before its validator becomes a constraint: which documents are not valid?
#pragma once

#include <string>

#include "schema/document.h"

namespace readygate::schema {

// A find, bounded in time, that gives at most kViolationSamples documents { _id }.
inline constexpr int kViolationSamples = 10;
Document violation_search(const std::string& collection, const Document& validator);

}  // namespace readygate::schema
