// Filters, updates and the few pipeline stages that readygate and its tests send, over plain documents.
//
// This is not a query engine: what is not known is refused by name, so that a test never passes on a filter that was
// quietly ignored. Sources: manual, "Query and Projection Operators", "Update Operators", "Aggregation Stages".
#pragma once

#include <vector>

#include "scripted_server/failure.h"

namespace readygate::scripted {

/// Equality on dotted paths, $eq $ne $gt $gte $lt $lte $in $exists $type (by name: string, null), $and $or $nor. A
/// filter value null also matches a missing field (manual, "Query for Null or Missing Fields").
Result<bool> matches(const Doc& filter, const Doc& document);

/// A replacement document, or $set $unset $inc $setOnInsert, or a pipeline of $set with literal values.
/// `_id` is kept. `inserting`: whether $setOnInsert applies.
Result<Doc> apply_update(const Field& update, const Doc& document, bool inserting);

/// What an upsert starts from: the equality conditions of its filter (manual, "db.collection.update()", upsert).
Doc upsert_seed(const Doc& filter);

/// $match, $limit, $group with $sum; expressions are literals, "$path", $ifNull, and documents of those.
Result<std::vector<Doc>> run_pipeline(const Doc& pipeline, std::vector<Doc> documents);

}  // namespace readygate::scripted
