// What to ask a collection before a unique index of it is built: which keys do several documents share?
#pragma once

#include <cstdint>
#include <optional>

#include "schema/document.h"
#include "schema/schema.h"

namespace readygate::schema {

// An aggregation each, bounded in time, and in memory by not using the disk. None for an index whose keys are not the
// values of its fields (text, 2d, 2dsphere). Arrays are compared whole, so that not everything is found.
struct DuplicateSearch {
  Document sample;  // gives at most kDuplicateSamples documents { _id: { k0: …, k1: … }, n: documents that share it }
  Document count;  // gives at most one: { keys: that are shared, documents: that share them }
};
inline constexpr int kDuplicateSamples = 10;
inline constexpr std::int32_t kSearchMillis = 60'000;  // for this one, and for each that looks through all documents
std::optional<DuplicateSearch> duplicate_search(const std::string& collection, const Index& index);

}  // namespace readygate::schema
