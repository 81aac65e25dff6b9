// What the gate tells the outside, rendered once per change; a probe or a waiter only copies. Times are absolute and
// there are no counters, so that a snapshot is never stale.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "core/facts.h"
#include "core/state.h"

namespace readygate::core {

// One line of `?verbose`, and one reason why a probe may say no.
struct Check {
  std::string name;  // "mongodb", "schema", "draining", …
  bool passed = true;
  Reason reason = Reason::kNone;
  std::string sentence{};  // what the code does not say; may name hosts, so it is left out of the public form
  Origin origin = readygate::origin(reason);
  bool operator==(const Check&) const = default;
};

// Those of the auditor, which others tell of by name.
inline constexpr std::string_view kDriftCheck = "drift";
inline constexpr std::string_view kMigrationsCheck = "migrations";
const Check* fails(const std::vector<Check>& checks, std::string_view name);  // null: it passes

struct Snapshot {
  std::uint64_t seq = 0;    // rises by one with each change
  std::string instance_id;  // 32 hex digits, fresh at each start
  State state = State::kStarting;
  Facts facts;

  struct Phase {
    std::string name;  // "connect", "apply", "verify", "warm"
    int step = 0;      // from 1; 0: no steps
    int of = 0;
    std::string what;
    std::optional<int> percent;
    bool operator==(const Phase&) const = default;
  } phase;

  Reason code = Reason::kStarting;
  Origin origin = Origin::kNone;  // of what keeps the gate closed
  std::string reason;             // the sentence; may name hosts, so it is left out of the public form
  bool retryable = true;
  std::int64_t attempt = 0;
  std::optional<WallTime> next_attempt_at;
  WallTime since{};    // of this state
  WallTime started{};  // of the process

  struct SchemaId {
    std::string name;
    std::int32_t version = 0;
    std::string hash;
    bool operator==(const SchemaId&) const = default;
  } schema;

  struct Lease {
    std::string owner;
    std::int64_t token = 0;
    bool mine = false;
    bool operator==(const Lease&) const = default;
  } lease;

  struct Server {
    std::string product, version, topology;
    std::string mongodb_version = {};  // as of schema::Server
    bool operator==(const Server&) const = default;
  } server;

  std::vector<Check> checks;
  // That policy.contract = "report" holds back, as the ledger says: a debt until a later version or policy pays it.
  std::int32_t withheld_steps = 0;

  bool operator==(const Snapshot&) const = default;
};

// The two renderings, one JSON object without a line end. Full: for the Unix socket. Public: for TCP, without any
// sentence and without hosts.
std::string render_full(const Snapshot& snapshot);
std::string render_public(const Snapshot& snapshot);

// What the server holds of the newest snapshot. Immutable; replaced as a whole at each change.
struct Published {
  std::uint64_t seq = 0;
  State state = State::kStarting;
  Facts facts;
  Reason code = Reason::kStarting;
  std::string full;  // no LF
  std::string open;  // public
  std::vector<Check> checks;
  std::int32_t withheld_steps = 0;
};
Published publish(const Snapshot& snapshot);

}  // namespace readygate::core
