// What the migrator asks of the outside, and what comes back; the variants of core/work.h that are about documents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/migration_record.h"
#include "schema/migration.h"

namespace readygate::core {

// Under which right something is written. Nothing is, unless the ledger shows this token and owner.
struct Fence {
  std::int64_t token = 0;
  std::string owner;                 // instance id
  std::optional<Instant> not_after;  // no command is sent later than this
};

// Every record of the schema -> MigrationsRead
struct ReadMigrations {};

// The record becomes `record`, with a claim of our own and state running, unless a newer token has it. What the
// database holds of progress is kept when `keep_progress`, for it may be more than we have read -> MigrationMoved
struct ClaimMigration {
  Fence fence;
  MigrationRecord record;
  bool keep_progress = true;
};

// The record becomes `record`, if it is still under the claim that is in it -> MigrationMoved
struct WriteMigration {
  Fence fence;
  MigrationRecord record;
};

// The three that follow change documents and then the record's checkpoint: in one transaction, so that both happen or
// neither does; or, on a server without transactions, one after the other, so that documents may have changed that the
// checkpoint does not tell of.

// Documents of a seed -> MigrationMoved
struct RunSeed {
  Fence fence;
  std::string collection;
  schema::Seed::Mode mode = schema::Seed::Mode::kInsertMissing;
  std::vector<schema::Document> docs;     // at most kSeedChunk of them
  std::optional<MigrationRecord> record;  // none for insert_missing, which may always be repeated
  bool in_transaction = false;
};
inline constexpr std::size_t kSeedChunk = 500;

// The documents after the record's checkpoint, at most batch.size of them -> MigrationMoved
struct RunBatch {
  Fence fence;
  schema::Batch batch;
  Millis max_time{0};
  bool must_converge = true;  // false: each document is reached once, by one pass of transactions
  bool in_transaction = false;
  MigrationRecord record;
};

// The command at the record's checkpoint -> MigrationMoved
struct RunCommand {
  Fence fence;
  schema::Document command;
  Millis max_time{0};
  bool in_transaction = false;
  MigrationRecord record;
};

struct MigrationsRead {
  std::vector<MigrationRecord> records;
  bool transactions = false;  // the server has them: a replica set's primary, or a mongos
};
// A document of a seed has the key of a unique index that another document has. Every text is JSON, "" where it is not
// known; none is a value of the key.
struct SeedCollision {
  std::string document;    // _id of the seed's document
  std::string index;       // its name, plain
  std::string key;         // its pattern
  std::string other;       // _id of the other document
  bool same_seed = false;  // the other one is of the seed, too
};
struct MigrationMoved {
  bool held = true;              // false: the lease or the claim is another's, and nothing was written
  MigrationRecord record;        // as the database has it now
  std::int64_t found = 0;        // documents that were to be changed; 0: the pass is over
  std::int64_t changed = 0;      // documents that were
  std::int64_t still_there = 0;  // documents that match the filter after their own update: it does not converge
  std::optional<SeedCollision> collision = {};  // then nothing of this task is done, or not all of it
};

}  // namespace readygate::core
