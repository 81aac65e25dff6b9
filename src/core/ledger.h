// The control document of a schema, `_readygate` {_id: "<schema>"}: what was applied, by whom, and who may write next.
// Its format is final; replicas of different versions share it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "schema/names.h"
#include "schema/owns.h"
#include "schema/schema.h"

namespace readygate::core {

inline constexpr const char* kControlCollection = schema::kLedgerCollection.data();

struct Applied {
  std::int32_t version = 0;
  std::string hash;  // without the format's number: 64 hex digits
  std::int32_t hash_format = 0;
  std::int32_t min_open = 0;
  WallTime at{};              // for people
  std::string by;             // instance id
  std::int32_t withheld = 0;  // contract steps that the policy held back: a policy that does not has them to do
  std::string host = {};      // of that instance, for people: in a pod, the pod's name; "": not known
  Millis took{0};             // from the lease to this record; 0: not known
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

// What a compare-and-set expects to find, beside the schema's name: as it was read (LedgerRev), or still ours
// (LedgerHold). Identity is (token, owner); `rev` only tells that nothing moved.
struct LedgerRev {
  std::int64_t token = 0;
  std::string rev;
};
struct LedgerHold {
  std::int64_t token = 0;
  std::string owner;
};
using LedgerMatch = std::variant<LedgerRev, LedgerHold>;

// The fields that a write sets; `rev` is in all of them. What is not named stays as it is, so that a renewal that lands
// late brings nothing old back.
enum class LedgerField : std::uint16_t {
  kToken = 1,
  kOwner = 2,
  kPeriod = 4,
  kApplied = 8,
  kTarget = 16,
  kStep = 32,
  kPending = 64,
  kOwns = 128,
};
using LedgerFields = std::uint16_t;  // a set of them, as bits
inline constexpr LedgerFields kAllLedgerFields = 255;
constexpr LedgerFields operator|(LedgerField a, LedgerField b) {
  return static_cast<LedgerFields>(static_cast<LedgerFields>(a) | static_cast<LedgerFields>(b));
}
constexpr LedgerFields operator|(LedgerFields a, LedgerField b) {
  return static_cast<LedgerFields>(a | static_cast<LedgerFields>(b));
}
constexpr bool has(LedgerFields fields, LedgerField field) { return (fields & static_cast<LedgerFields>(field)) != 0; }

// Where a schema stands against the ledger.
enum class Standing {
  kApplied,    // it is what was applied last: nothing to do
  kNeeded,     // never applied, an older version, or a hash of another format: the catalog decides
  kNotRaised,  // the same version, declared otherwise: `version` was not raised
  kNewer,      // a newer version was applied, or is being applied
};
Standing standing(const std::optional<Ledger>& ledger, const schema::Schema& schema);

// Contract steps and pre migrations that the policy holds back, where the ledger says so. They are a debt, which
// everyone is told of until a later version or another policy pays it; in words, for a sentence's end.
std::optional<std::int32_t> withheld_steps(const std::optional<Ledger>& ledger);
std::string withheld_words(std::int32_t steps);

// Whether an application of version `schema.version` still works on what the ledger says was applied.
bool may_open_on_newer(const Ledger& ledger, const schema::Schema& schema);

// What is written when `schema` is applied and verified.
Applied applied_now(const schema::Schema& schema, const std::string& instance_id, WallTime wall);
Target target_of(const schema::Schema& schema);

// `before` and what was made since.
std::vector<Owns> united(std::vector<Owns> before, const std::vector<Owns>& made);
// `before` without the indexes that are gone.
std::vector<Owns> without(std::vector<Owns> before, const std::vector<Owns>& gone);

// "1:ab…" -> "ab…"
std::string bare_hash(const schema::Schema& schema);

}  // namespace readygate::core
