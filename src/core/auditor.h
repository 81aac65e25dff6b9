// Looks after the schema behind an open gate: once after opening at the catalog, later at the ledger alone. What has
// drifted is a failed check and is repaired, by one replica, under the lease; it never closes an open gate. Background
// migrations are worked on here, too: one that fails is a failed check. What passes by itself fails no check: it is
// said once, and tried again after the usual backoff.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/applier.h"
#include "core/commands.h"
#include "core/initializer.h"
#include "core/retries.h"
#include "schema/schema.h"

namespace readygate::core {

class Auditor {
 public:
  // All outlive this object.
  Auditor(const schema::Schema& schema, const InitializerSettings& settings, const RetrySettings& retries,
          const std::string& instance_id, Random& random);

  // The gate has opened. `catalog_unseen`: on the word of the ledger alone. `took_over`: a former holder of the lease
  // had not given it back, so the catalog is looked at again once nothing of its can arrive any more.
  // `owns`: what the ledger says that this schema made.
  void opened(bool catalog_unseen, bool took_over, std::vector<Owns> owns, Instant now);
  // Starts nothing more; the lease, if it is held, is given back.
  void stop(Commands& commands);
  bool owes_lease() const { return repair_.owes_lease() || background_.owes_lease(); }
  // By hand: what failed, or pauses, is tried now. False: nothing does.
  bool retry(Instant now);
  bool giving_back() const { return repair_.giving_back() || background_.giving_back(); }

  // True when the task was ours.
  bool on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall);
  void tick(Commands& commands, Instant now, WallTime wall);
  std::optional<Instant> next_tick() const;

  // Why the checks `drift` and `migrations` fail; none: they pass.
  const std::optional<Judgement>& drift() const { return drift_; }
  const std::optional<Judgement>& migrations() const { return migrations_; }
  // As the ledger was read here last, or written by a repair.
  std::optional<std::int32_t> withheld_steps() const { return withheld_; }
  bool migrating() const { return migrate_at_ || background_.running(); }
  std::string migrating_at() const;  // for people
  // Ids of background migrations that are not done, once that was read; else null.
  const std::vector<std::string>* pending() const;

 private:
  void look(Commands& commands);
  void on_look(Commands& commands, Instant now);
  void on_ledger(Commands& commands, const LedgerRead& read, Instant now);
  void follow_repair(Commands& commands, Instant now);
  void follow_background(Commands& commands, Instant now);
  void found(Commands& commands, const Judgement& judgement);
  void follow_progress();

  const schema::Schema& schema_;
  const InitializerSettings settings_;
  Random& random_;
  Initializer repair_;
  Initializer background_;
  Retries repairs_;  // and looks
  Retries migration_retries_;

  std::vector<Owns> owns_;
  std::optional<Applier> look_;
  std::optional<Instant> look_at_;
  std::optional<TaskId> ledger_task_;
  std::optional<Instant> recheck_at_;
  std::optional<Instant> migrate_at_;
  std::optional<Judgement> drift_;
  std::optional<Judgement> migrations_;
  std::optional<std::int32_t> withheld_;
  std::pair<int, std::int64_t> reached_;  // by the background migrations: which one, and its documents
};

}  // namespace readygate::core
