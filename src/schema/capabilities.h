// What a server can do in place, by its product and version. Of a product or version that is not known here the answer
// is yes: the server itself says no, and with its own words.
#pragma once

#include "schema/catalog.h"
#include "schema/encryption.h"

namespace readygate::schema {

// A MongoDB, or another product that says it is one and that nothing else is known of.
bool mongodb(const Server& server);

// https://www.mongodb.com/docs/manual/reference/command/collMod/, "Changed in version"
bool can_become_ttl(const Server& server);          // an index without expireAfterSeconds: 5.1
bool can_hide(const Server& server);                // an index: 4.4
bool can_make_unique(const Server& server);         // prepareUnique: 6.0; no other product has it
bool can_resize_capped(const Server& server);       // cappedSize, cappedMax: 6.0
bool can_change_bucket_span(const Server& server);  // bucketMaxSpanSeconds: 6.3
bool can_log_errors(const Server& server);          // validationAction "errorAndLog": 8.1
bool can_constrain(const Server& server);           // validationLevel "constraint": 9.0; no other product has it
bool can_encrypt(const Server& server);             // encryptedFields, as drivers use them: 7.0
// Whether it answers such a query on an encrypted field.
bool can_query_encrypted(const Server& server, const QueryType& type);
// Whether it had such a query and has it no more. Of a version that cannot be read the answer is no.
bool has_dropped(const Server& server, const QueryType& type);
// Indexes with the same key that differ in unique, sparse or partialFilterExpression: 5.0
bool can_have_same_key_twice(const Server& server);

}  // namespace readygate::schema
