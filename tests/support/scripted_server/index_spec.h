// What the server makes of an index definition: which ones it refuses, the form in which it stores and lists the
// others, and when two of them are the same index, the same index with other options, or two indexes.
//
// Sources (manual): "createIndexes" (fields, behaviour), "listIndexes" (output), "Index Properties" and its pages on
// unique, sparse, partial, TTL and hidden indexes, "Text Indexes", "Wildcard Indexes", "2dsphere Indexes",
// "Collation and Index Types", "MongoDB Limits and Thresholds". Messages are near the server's; codes are the server's.
#pragma once

#include <string>

#include "scripted_server/failure.h"

namespace readygate::scripted {

/// `namespace_name`: "database.collection", for messages. `default_collation`: the collection's, full, or empty.
/// The result is what listIndexes shows: {v: 2, key, name, …}. For a text index the key is {…, _fts, _ftsx, …}.
Result<Doc> normalise_index(const Doc& declared, const std::string& namespace_name, const Doc& default_collation);

enum class IndexComparison {
  kIdentical,   // creating it again does nothing
  kEquivalent,  // same key, collation, filter, unique, sparse and projection: only other options (TTL, weights) differ
  kDifferent,   // both can exist, under two names
};
/// Both normalised. Name, version and hidden are not looked at: a hidden index declared again stays as it is.
IndexComparison compare_indexes(const Doc& left, const Doc& right);

bool is_id_index(const Doc& spec);
bool is_text_index(const Doc& spec);

/// All fields of a collation, defaults filled in; empty for {locale: "simple"}, which the server stores as none.
/// (manual, "Collation": default values; listings show every field and the ICU version.)
Doc full_collation(const Doc& declared);

}  // namespace readygate::scripted
