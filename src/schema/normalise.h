// Declared and reported indexes and collections in one form, so that equal meaning is equal content: what a server adds
// (versions, defaults, its storage engine's notes) is gone, and text keys, weights and projections have one spelling.
// The form is also what createIndexes and create accept. Idempotent.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"
#include "schema/fields.h"
#include "schema/options.h"
#include "schema/schema.h"

namespace readygate::schema {

// By its key as declared or as reported (_fts).
IndexKind kind_of(const Document& key);

// The server's own index on _id.
bool is_id_index(const Index& index);

// Key: text fields in the order of their names, numbers as int32. Options: no background, ns, …; no option at its
// default; boolean options are true; seconds are whole; weights only where they are not 1; projections
// flat with booleans. A NaN in expireAfterSeconds stays: it equals no declaration.
Index normalised(Index index);

// The options that can be declared, and no others (normalise_collection.cc). Level and action always with a validator,
// neither without; no option at its default.
Document normalised_collection(const Document& options);

// viewOn, pipeline (with none: an empty array) and collation.
Document normalised_view(const Document& options);

// Without what every language has in common; empty for { locale: "simple" }.
Document normalised_collation(const Document& collation);
// Whether a collation is as declared; both normalised. What is the language's own is compared only where declared.
bool same_collation(const Document& declared, const Document& reported);

// Whether two values of an option are the same, as its name wants them compared (collations, pipelines). Either may be
// none.
bool same_option(std::string_view option, const std::optional<Field>& declared, const std::optional<Field>& reported);

// Whether the server takes both for the same index, whatever their names. Both normalised. MongoDB 5.0 and later:
// key, unique, sparse, partialFilterExpression, wildcardProjection and collation.
bool same_signature(const Index& a, const Index& b);

// The options (names as the server knows them; "key" for the key itself) in which two normalised indexes differ. What
// the server chooses where nothing is declared (the version of a text index, its storage engine's options) counts only
// where it is declared.
std::vector<std::string> differences(const Index& declared, const Index& reported);

}  // namespace readygate::schema
