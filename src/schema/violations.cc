#include "schema/violations.h"

#include <cstdint>
#include <vector>

#include "schema/fields.h"

namespace readygate::schema {
namespace {

constexpr std::int32_t kSearchMillis = 60'000;

}  // namespace

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
