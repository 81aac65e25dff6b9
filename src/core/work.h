// What the core asks of the outside, and what comes back. A task is one blocking call that a worker makes; its answer
// returns as an event. The core starts tasks and never waits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "core/failure.h"
#include "core/ledger.h"
#include "core/migration_work.h"
#include "schema/catalog.h"
#include "schema/plan.h"

namespace readygate::core {

using TaskId = std::uint64_t;

struct ReadLedger {};  // find {_id: schema} in _readygate; primary, majority -> LedgerRead
// Of these collections and views what they are (listCollections, listIndexes), or the rest, which need not be asked
// once for each part of a large catalog: the server (buildInfo) and what other schemas own of them; or kNames, which of
// them there are. -> CatalogRead
struct ReadCatalog {
  enum class Part { kAll, kCollections, kRest, kNames };
  std::vector<std::string> collections;
  bool count = false;    // also how many documents each holds, as the server estimates it
  bool settled = false;  // answers when a majority has all that was read: nothing of it is rolled back
  Part part = Part::kAll;

  bool rest() const { return part == Part::kAll || part == Part::kRest; }
};
struct Connect {};  // opens the connection of a step to come, where none is unused -> Done
struct RunStep {    // one step of the plan -> Done
  schema::Step step;
  std::int64_t token = 0;            // goes into the comment: "readygate:<token>"
  std::optional<Instant> not_after;  // the worker refuses to send later than this
};
// After a takeover: ends or awaits what runs under a lower token (core/earlier.h) -> EarlierGone
struct AwaitEarlier {
  std::int64_t token = 0;                // ours
  std::vector<std::string> collections;  // and views; operations on others are not our business
  Millis limit{0};                       // of waiting
};
struct InsertLedger {  // unless the document is there; majority -> LedgerWritten, `won` false when it was
  Ledger first;
};
struct ChangeLedger {  // one compare-and-set, majority, on the lease's own connection -> LedgerWritten
  LedgerMatch match;
  LedgerFields fields;  // of `next`, beside `rev`
  Ledger next;
};
struct ReadProgress {  // how far the index builds with the comment "readygate:<token>" are -> ProgressRead
  std::int64_t token = 0;
};
struct Warm {};  // opens one more connection and pings on it, authenticated -> Done
struct Ping {};  // the liveness ping on a warm connection -> Done

using Work =
    std::variant<ReadLedger, ReadCatalog, Connect, RunStep, AwaitEarlier, InsertLedger, ChangeLedger, ReadProgress,
                 Warm, Ping, ReadMigrations, ClaimMigration, WriteMigration, RunSeed, RunBatch, RunCommand>;

struct LedgerRead {
  std::optional<Ledger> ledger;  // none: this schema was never applied here
};
// `primary` names the term of the primary that answered ("<electionId>/<setVersion>"; "" outside replica sets): equal
// names are the same member in the same term, between which no write was rolled back.
struct CatalogRead {
  schema::Catalog catalog;
  std::string primary;
  std::vector<std::string> names = {};  // Part::kNames
};
struct LedgerWritten {
  bool won = false;  // false: the document is another one than expected
  std::string primary;
};
// As the server counts: documents in one stage, keys in another. Over all shards.
struct BuildProgress {
  std::string collection;
  std::int64_t done = 0;
  std::int64_t total = 0;          // 0: not known
  bool waits_for_members = false;  // done on the primary; its commit quorum is not there yet
  bool operator==(const BuildProgress&) const = default;
};
struct ProgressRead {
  std::vector<BuildProgress> builds;  // none: no build runs, or the server does not tell us
};
struct EarlierGone {
  int ended = 0;  // operations that were told to end
  int left = 0;   // that were still at work when the time was over
};
struct Done {};
using Answer = std::variant<LedgerRead, CatalogRead, LedgerWritten, ProgressRead, EarlierGone, Done, MigrationsRead,
                            MigrationMoved>;
using Outcome = tl::expected<Answer, Failure>;

// Changes of what the driver's monitors see. `primary`: a writable server is known (a standalone server, a replica
// set's primary, a mongos). `topology` is for people: "standalone", "replicaset", "sharded", "unknown".
struct TopologyChanged {
  bool primary = false;
  std::string topology;
  Failure last_error;  // why there is none, where the driver said so (Domain::kOther with no message: it did not)
};

}  // namespace readygate::core
