// [ {$match: what the index covers}, {$group: by its key, a missing field as null}, {$match: more than one}, … ]
#include "schema/duplicates.h"

#include <string>
#include <vector>

#include <fmt/format.h>

#include "schema/fields.h"
#include "schema/normalise.h"

namespace readygate::schema {
namespace {

std::vector<Document> shared_keys(const Index& index) {
  std::vector<Document> stages;
  if (const auto partial = field(index.options, "partialFilterExpression")) {
    stages.push_back(of("$match", *partial->document()));
  }
  Document key;
  std::vector<Document> covered;  // a document is in a sparse index when it has any of the fields
  for (const Field& each : fields(index.key)) {
    Document values;
    append(values, "0", fmt::format("${}", each.name()));
    bson_append_null(values.get(), "1", -1);
    Document or_null;
    bson_append_array(or_null.get(), "$ifNull", -1, values.get());
    append(key, fmt::format("k{}", covered.size()), or_null);
    covered.push_back(of(each.name(), of("$exists", true)));
  }
  if (index.options.has("sparse")) stages.push_back(of("$match", of("$or", covered)));
  Document group = of("_id", key);
  append(group, "n", of("$sum", 1));
  stages.push_back(of("$group", group));
  stages.push_back(of("$match", of("n", of("$gt", 1))));
  return stages;
}

Document aggregate(const std::string& collection, const Index& index, const Document& last) {
  std::vector<Document> stages = shared_keys(index);
  stages.push_back(last);
  Document command;
  append(command, "aggregate", collection);
  append(command, "pipeline", stages);
  append(command, "cursor", Document());
  append(command, "allowDiskUse", false);
  append(command, "maxTimeMS", kSearchMillis);
  if (const auto collation = field(index.options, "collation")) append(command, *collation);
  return command;
}

}  // namespace

std::optional<DuplicateSearch> duplicate_search(const std::string& collection, const Index& index) {
  if (kind_of(index.key) != IndexKind::kPlain) return std::nullopt;
  Document totals;
  bson_append_null(totals.get(), "_id", -1);
  append(totals, "keys", of("$sum", 1));
  append(totals, "documents", of("$sum", "$n"));
  return DuplicateSearch{aggregate(collection, index, of("$limit", kDuplicateSamples)),
                         aggregate(collection, index, of("$group", totals))};
}

}  // namespace readygate::schema
