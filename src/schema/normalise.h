// Declared and reported indexes and collections in one form, so that equal meaning is equal content: what a server adds
// (versions, defaults, its storage engine's notes) is gone, and text keys, weights and projections have one spelling.
// The form is also what createIndexes and create accept. Idempotent.
#pragma once

#include <string>
#include <vector>

#include "schema/document.h"
#include "schema/options.h"
#include "schema/schema.h"

namespace readygate::schema {

// By its key as declared or as reported (_fts).
IndexKind kind_of(const Document& key);

// The server's own index on _id.
bool is_id_index(const Index& index);

// Key: text fields in the order of their names, numbers as int32. Options: no background, storageEngine, …; no
// option at its default; boolean options are true; seconds are whole; weights only where they are not 1; projections
// flat with booleans. A NaN in expireAfterSeconds stays: it equals no declaration.
Index normalised(Index index);

// Only validator, validationLevel and validationAction (both always with a validator, neither without).
Document normalised_collection(const Document& options);

// Whether the server takes both for the same index, whatever their names. Both normalised. MongoDB 5.0 and later:
// key, unique, sparse, partialFilterExpression, wildcardProjection and collation.
bool same_signature(const Index& a, const Index& b);

// The options (names as the server knows them; "key" for the key itself) in which two normalised indexes differ.
std::vector<std::string> differences(const Index& a, const Index& b);

}  // namespace readygate::schema
