// The record of a migration or a seed as BSON. Its format is final, and shared by replicas of different versions:
// fields that this version does not know are read over and, as every write names the fields that it sets, kept.
//
//   { _id: "<schema>/m/<migration id>", or "<schema>/s/<collection>/<checksum>",
//     checksum: "1:<64 hex digits>", state: "pending" | "running" | "failed" | "done" | "superseded",
//     checkpoint: { _id: <the last one> } | { command: <int64>, sent: <bool> } | { doc: <int64> } | null,
//     done, total, found, passes, claim, token: <int64>, owner: "<instance id>", at: <date>, by: "<instance id>",
//     code: "<reason>", error: "<sentence>" }
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "core/migration_record.h"
#include "schema/document.h"

namespace readygate::mongo {

// All of it but _id.
schema::Document fields_of(const core::MigrationRecord& record);
// checkpoint, done, total, found and passes are left out.
schema::Document fields_without_progress(const core::MigrationRecord& record);

// The error is a sentence that names the field. What a person may have written (numbers of any type, a missing field)
// is taken; checksum and state must be there. Of a document whose _id is of another schema: nothing sensible.
tl::expected<core::MigrationRecord, std::string> record_from(const schema::Document& document,
                                                             std::string_view schema_name);

}  // namespace readygate::mongo
