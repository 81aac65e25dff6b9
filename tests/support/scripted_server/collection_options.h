// What `create` accepts for a collection or view, and the form in which listCollections gives it back.
//
// Sources (manual): "create", "Capped Collections", "Time Series Collections", "Clustered Collections", "Views",
// "Naming Restrictions", "View Existing Validation Rules" (levels and actions that were not given are not listed).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "scripted_server/failure.h"

namespace readygate::scripted {

/// The `options` of listCollections, from the whole command.
Result<Doc> normalise_collection_options(const Doc& command);

/// What a `max` or `cappedMax` becomes: no limit is the largest number, and more is refused (adjustCappedMaxDocs and
/// checkAndAdjustCappedMaxDocs of MongoDB's collection_options.cpp).
Result<std::int64_t> capped_max(std::int64_t asked);

/// `timeseries` as listCollections shows it.
Doc full_timeseries(const Doc& declared);

/// Letters, no '$', not empty, no "system." in front: InvalidNamespace otherwise.
Result<void> check_collection_name(std::string_view name);

/// Fields that any command may carry and that are no options of it: $db, lsid, comment, writeConcern, …
bool is_generic_argument(std::string_view key);

/// What a validator's level and action may become (document_validation_helpers.cpp of MongoDB 9.0). `before`: the
/// options of a collection that is there; none: it is made. `feature_version`: the major one.
Result<void> check_validation(const std::optional<Doc>& before, const Doc& command, int feature_version);

/// Whether a write may not bypass validation: a constraint, or on the way there.
bool insists_on_validation(const Doc& options);

}  // namespace readygate::scripted
