// Queryable Encryption: what goes along with a collection that is created with `encryptedFields`, and when two of these
// say the same. As drivers do it (client-side-encryption specification, "Create Collection Helper"): two state
// collections first, then the collection, then an index on what the server keeps in its documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/document.h"
#include "schema/fields.h"
#include "schema/schema.h"

namespace readygate::schema {

inline constexpr std::string_view kEncryptedFields = "encryptedFields";
// Of the field that the server adds to each document, and readers query by.
inline constexpr std::string_view kSafeContent = "__safeContent__";
// With which every state collection begins: no other collection has such a name.
inline constexpr std::string_view kStatePrefix = "enxcol_.";

// Whether these options of a collection, declared or reported, encrypt any of its fields.
bool encrypts(const Document& options);

// "enxcol_.c.esc" and "enxcol_.c.ecoc", in the order in which they are made.
std::vector<std::string> state_collections(std::string_view collection);
Document state_options();  // what a state collection is made with, normalised
// The index on kSafeContent of a collection with these options, which has their collation. Normalised.
Index safe_content_index(const Document& options);
bool is_safe_content_index(const Index& index);  // whatever its options

// Without what the server fills in or has as its default, the fields in the order of their paths. What is not
// understood stays as it is.
Document normalised_encryption(const Document& encrypted_fields);
// Both normalised. What the server chooses where nothing is declared (contention) counts only where it is declared.
bool same_encryption(const Document& declared, const Document& reported);

// What `queries` of an encrypted field holds: one alone, or an array. Empty: it holds something else.
std::vector<Document> queries_in(const Field& queries);
// The queryType of each query, of all fields.
std::vector<std::string> queried_types(const Document& encrypted_fields);

// The encrypted field that an index on `path` would be on, in or above; "" when there is none.
std::string encrypted_field_at(const Document& encrypted_fields, std::string_view path);
// Whether one of two dotted paths is the other, or is in it.
bool overlap(std::string_view a, std::string_view b);

// What MongoDB answers on encrypted fields, with the first version that does, and the first that does not any more.
struct QueryType {
  enum class Kind { kEquality, kRange, kText } kind;
  std::string_view name;
  int major;
  int minor;
  int gone_with = 0;               // a major version; 0: it is there
  std::string_view replaced = {};  // by what, where it is gone
};
// https://www.mongodb.com/docs/manual/core/queryable-encryption/qe-create-encryption-schema/
const std::vector<QueryType>& query_types();

}  // namespace readygate::schema
