#include "schema/violations.h"

#include <vector>

#include "schema/duplicates.h"
#include "schema/fields.h"

namespace readygate::schema {

Document violation_search(const std::string& collection, const Document& validator) {
  Document filter;
  append(filter, "$nor", std::vector<Document>{validator});
  Document id;
  append(id, "_id", 1);
  Document command;
  append(command, "find", collection);
  append(command, "filter", filter);
  append(command, "projection", id);
  append(command, "limit", kViolationSamples);
  append(command, "singleBatch", true);
  append(command, "maxTimeMS", kSearchMillis);
  return command;
}

}  // namespace readygate::schema
