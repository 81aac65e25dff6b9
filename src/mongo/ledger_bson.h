// The control document as BSON. Its format is final, and shared by replicas of different versions: fields that this
// version does not know are read over and, as every write names the fields that it sets, kept.
//
//   { _id: "<schema>", token: <int64>, rev: "<32 hex digits>", owner: "<instance id>" | null, period_ms: <int64>,
//     applied: { version: <int32>, hash: "<64 hex digits>", hash_format: <int32>, min_open: <int32>, at: <date>,
//                by: "<instance id>", withheld: <int32, where not 0> } | null,
//     target: { version: <int32>, hash: "…", hash_format: <int32> } | null,
//     step: "…", pending: [ "<migration id>", … ],
//     owns: [ { collection: "…", indexes: [ "…", … ], created: <bool> }, … ] }
#pragma once

#include <tl/expected.hpp>

#include "core/ledger.h"
#include "schema/document.h"

namespace readygate::mongo {

// The whole document, for the first insert.
schema::Document to_bson(const core::Ledger& ledger);
// `rev` and these fields of it, for $set.
schema::Document fields_of(const core::Ledger& ledger, core::LedgerFields fields);

// The error is a sentence that names the field. Numbers may be of any type that holds their value; fields that are
// missing are taken as unset, but for token and rev: without them nothing could be compared.
tl::expected<core::Ledger, std::string> ledger_from(const bson_t& document);

// What is kept of each applied version, under `_id` "<schema>/v/<version>/<hash>".
schema::Document history_entry(const std::string& schema_name, const core::Applied& applied);
tl::expected<core::Applied, std::string> applied_from(const bson_t& document);  // of that entry

}  // namespace readygate::mongo
