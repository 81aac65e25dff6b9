// What the database remembers of a migration or a seed: one control document each, `_readygate` {_id:
// "<schema>/m/<id>"} or {_id: "<schema>/s/<collection>/<checksum>"}. Its format is final; replicas of different
// versions share it.
//
// A record is claimed before anything is done, under the fencing token of the lease, and each later write expects the
// claim that it was made under. So a holder that lost the lease writes nothing more once its successor has claimed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "schema/document.h"
#include "schema/schema.h"

namespace readygate::core {

enum class RecordState {
  kPending,     // may run, at the checkpoint if there is one; what a person sets to let it go on
  kRunning,     // claimed; with no holder alive: interrupted
  kFailed,      // ended with `code` and `error`
  kDone,        // never again with this checksum
  kSuperseded,  // of a seed: another content was declared since; should this one come back, it runs again
};
std::string_view name(RecordState state);  // "pending", …
std::optional<RecordState> record_state(std::string_view name);

struct MigrationRecord {
  std::string key;  // "m/0003-split-status", "s/models/1:ab…": the _id without the schema's name
  std::string checksum;
  RecordState state = RecordState::kPending;
  schema::Document checkpoint;  // {}: at the start; see below
  std::int64_t done = 0;        // documents changed, commands run or seed documents looked at
  std::int64_t total = -1;      // of the same, as counted at the beginning; -1: not known
  std::int64_t found = 0;       // documents found in this pass
  std::int64_t passes = 0;      // that are complete
  std::int64_t claim = 0;       // rises with each claim
  std::int64_t token = 0;       // of the claim
  std::string owner;            // likewise: an instance id
  WallTime started{};           // when it was first claimed from the start; for people
  WallTime at{};                // of the last write; for people
  std::string by;               // who finished it, or failed: an instance id
  std::string host;             // of that instance, for people
  std::string code;             // of a failure: the reason's name
  std::string error;            // and its sentence

  bool has_checkpoint() const { return !checkpoint.empty(); }
  void from_the_start();
};

// What a checkpoint holds. Of a batch: { _id: the last one that was changed }. Of commands: { command: the next one,
// from 0, sent: true when it was sent without a transaction and no answer is known to have come }. Of a seed: { doc:
// the next one, from 0 }.
schema::Document command_checkpoint(std::int64_t next, bool sent);
schema::Document seed_checkpoint(std::int64_t next);
std::int64_t next_command(const MigrationRecord& record);
std::int64_t next_seed_document(const MigrationRecord& record);
bool was_sent(const MigrationRecord& record);

std::string migration_key(const schema::Migration& migration);
std::string seed_key(const schema::Seed& seed);
const MigrationRecord* find_record(const std::vector<MigrationRecord>& records, std::string_view key);

// Ids of the declared background migrations that are not done, in their order; for the ledger.
std::vector<std::string> pending_migrations(const schema::Schema& schema, const std::vector<MigrationRecord>& records);

// False when two checksums are of one format and differ.
bool same_content(std::string_view a, std::string_view b);

}  // namespace readygate::core
