// The control document of a schema, `_readygate` {_id: "<schema>"}: what was applied, by whom, and who may write next.
// Its format is final; replicas of different versions share it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "schema/owns.h"
#include "schema/schema.h"

namespace readygate::core {

inline constexpr const char* kControlCollection = "_readygate";

struct Applied {
  std::int32_t version = 0;
  std::string hash;  // without the format's number: 64 hex digits
  std::int32_t hash_format = 0;
  std::int32_t min_open = 0;
  WallTime at{};   // for people
  std::string by;  // instance id
  bool operator==(const Applied&) const = default;
};

struct Target {  // what a holder of the lease is applying
  std::int32_t version = 0;
  std::string hash;
  std::int32_t hash_format = 0;
  bool operator==(const Target&) const = default;
};

using schema::Owns;

struct Ledger {
  std::string id;                    // the schema's name
  std::int64_t token = 0;            // fencing token; rises with each acquisition
  std::string rev;                   // 32 hex digits, fresh and random on every write; compared for equality only
  std::optional<std::string> owner;  // instance id of the holder; none: free
  std::int64_t period_ms = 0;        // of the lease, as its holder was configured; observers use the stored one
  std::optional<Applied> applied;
  std::optional<Target> target;
  std::string step;                  // for people
  std::vector<std::string> pending;  // ids of background migrations that are not done
  std::vector<Owns> owns;
  bool operator==(const Ledger&) const = default;
};

// What a compare-and-set expects to find. None: the document is not there, so it is inserted.
struct LedgerRev {
  std::int64_t token = 0;
  std::string rev;
};

// Where a schema stands against the ledger.
enum class Standing {
  kApplied,    // it is what was applied last: nothing to do
  kNeeded,     // never applied, an older version, or a hash of another format: the catalog decides
  kNotRaised,  // the same version, declared otherwise: `version` was not raised
  kNewer,      // a newer version was applied, or is being applied
};
Standing standing(const std::optional<Ledger>& ledger, const schema::Schema& schema);

// Whether an application of version `schema.version` still works on what the ledger says was applied.
bool may_open_on_newer(const Ledger& ledger, const schema::Schema& schema);

struct Signature {
  std::string instance_id;
  std::string rev;  // a fresh one
  WallTime at{};
  Millis period{0};
};
// The next ledger once `schema` is applied and verified. What other versions of the program wrote is kept.
Ledger with_applied(const std::optional<Ledger>& before, const schema::Schema& schema, const Signature& signature,
                    const std::vector<Owns>& made);

// "1:ab…" -> "ab…"
std::string bare_hash(const schema::Schema& schema);

}  // namespace readygate::core
