// One initialization of the database: read the ledger; if it does not say that this schema is applied, get the lease,
// apply, verify, and write the ledger, or wait for the replica that does so; warm one connection meanwhile. There is
// one initializer, and asking for initialization while one runs joins it: single flight by construction.
//
// The usual start is one find and one ping, side by side, and no write.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/applier.h"
#include "core/build_watch.h"
#include "core/commands.h"
#include "core/lease.h"
#include "core/ledger.h"
#include "core/migrator.h"
#include "core/refusals.h"
#include "core/state.h"
#include "schema/schema.h"

namespace readygate::core {

enum class InitMode { kApply, kVerify };  // init.mode; verify never writes, it waits for the ledger

struct InitializerSettings {
  InitMode mode = InitMode::kApply;
  int parallelism = 4;
  Millis stall_timeout{600'000};  // 0: no limit
  LeaseSettings lease;
  std::string host;  // goes into the records, for people
};

class Initializer {
 public:
  // kOpen: before the gate opens. The others come behind an open gate, and warm nothing. kRepair: a database that the
  // ledger calls applied differs all the same. kBackground: migrations of phase background are not done.
  enum class Purpose { kOpen, kRepair, kBackground };

  // All outlive this object.
  Initializer(const schema::Schema& schema, const InitializerSettings& settings, std::string instance_id,
              Random& random, Purpose purpose = Purpose::kOpen);

  const std::string& instance_id() const { return instance_id_; }
  bool running() const { return running_; }
  // Starts one; nothing when one is running.
  void begin(Commands& commands);
  // Gives up the one that runs, and its lease: answers to it mean nothing any more.
  void abandon(Commands& commands);
  // The lease is being given back, or will be as soon as the steps in flight are answered.
  bool giving_back() const { return lease_.giving_back() && !(leftovers_.empty() && unsettled_); }

  // True when the task was ours.
  bool on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall);
  void tick(Commands& commands, Instant now, WallTime wall);
  std::optional<Instant> next_tick() const;

  // The states that it passed since the last call, in order; kReady is the last of a successful run.
  std::vector<State> take_path();
  // Set once, when it ended without success.
  std::optional<Judgement> take_failure();

  // Of plans, carried out by this and by earlier attempts.
  int steps() const { return steps_before_ + (applier_ ? applier_->steps_of_all_rounds() : 0); }
  const Applier* applier() const { return applier_ ? &*applier_ : nullptr; }
  const Migrator* migrator() const { return migrator_ ? &*migrator_ : nullptr; }
  const BuildWatch& builds() const { return builds_; }
  // As it was read last; once it was written, as it is since.
  const std::optional<Ledger>& ledger() const { return ledger_; }
  bool holds_lease() const { return lease_.stage() == Lease::Stage::kHeld; }
  // Ending now would leave the lease to run out, with nobody behind it.
  bool owes_lease() const { return holds_lease() || lease_.stage() == Lease::Stage::kAsking || giving_back(); }
  // It took the lease from a replica that had not given it back; what that one sent last may have arrived since.
  // A connection was warmed beside the work, or is about to be. Else the warm one is that of the ledger's reading.
  bool warmed() const { return warmed_; }
  bool took_over() const { return took_over_; }

 private:
  bool on_task(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall);
  void enter(State state) { path_.push_back(at_ = state); }
  void read_ledger(Commands& commands);
  void on_ledger(Commands& commands, const std::optional<Ledger>& ledger, Instant now);
  void acquire(Commands& commands, Instant now);
  void look(Commands& commands);
  void follow_lease(Commands& commands, Instant now, WallTime wall);
  void lease_lost(Commands& commands);
  void follow_applier(Commands& commands, Instant now);
  void follow_builds(Commands& commands, Instant now);
  void work_on_documents(Commands& commands, Instant now);
  void follow_migrator(Commands& commands, Instant now);
  void pass_to(State state);
  void confirm_first(Commands& commands, Instant now);
  void confirmed(Commands& commands, Instant now, WallTime wall);
  void warn_of_min_open(Commands& commands) const;
  void record(Commands& commands, Instant now, WallTime wall);
  void schema_is_ready(Commands& commands);
  void break_off(Commands& commands, Judgement judgement);
  void release(Commands& commands);
  void drop_applier();
  bool on_leftover(Commands& commands, TaskId id, const Outcome& outcome);
  void warm_beside(Commands& commands);
  void wait_for_the_other(Instant now);

  const schema::Schema& schema_;
  const InitializerSettings settings_;
  const std::string instance_id_;
  const Purpose purpose_;
  Random& random_;
  Lease lease_;

  bool running_ = false;
  bool warm_ = false;
  bool warmed_ = false;
  bool schema_ready_ = false;
  bool took_over_ = false;
  std::optional<TaskId> ledger_task_;
  std::optional<TaskId> warm_task_;
  std::optional<Ledger> ledger_;
  std::optional<Applied> recording_;  // is being written
  std::optional<Applier> applier_;
  std::optional<Migrator> migrator_;
  BuildWatch builds_;
  Applier::InFlight leftovers_;  // steps of an attempt that ended before they did: the lease is given back after them
  bool unsettled_ = false;       // one of them may be at work for ever, as far as we know
  Instant holding_since_{};      // the lease, in this attempt
  int steps_before_ = 0;         // carried out by earlier attempts
  std::vector<Applier::Sent> unresolved_;      // of them; see Applier::may_be_done()
  std::int64_t sent_under_ = 0;                // the token of the last of them
  std::optional<std::uint64_t> confirmation_;  // the renewal that is waited for
  std::optional<Instant> poll_at_;
  State at_ = State::kConnecting;
  std::vector<State> path_;
  std::optional<Judgement> failure_;
  Refusals refusals_;  // of all attempts
};

}  // namespace readygate::core
