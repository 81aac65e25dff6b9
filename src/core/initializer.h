// One initialization of the database: read the ledger; if it does not say that this schema is applied, apply and verify
// it and write the ledger; warm one connection meanwhile. There is one initializer, and asking for initialization while
// one runs joins it: single flight by construction.
//
// The usual start is one find and one ping, side by side, and no write.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "core/applier.h"
#include "core/commands.h"
#include "core/lease.h"
#include "core/ledger.h"
#include "core/state.h"
#include "schema/schema.h"

namespace readygate::core {

enum class InitMode { kApply, kVerify };  // init.mode; verify never writes, it waits for the ledger

struct InitializerSettings {
  InitMode mode = InitMode::kApply;
  int parallelism = 4;
  Millis lease_period{20'000};
};

class Initializer {
 public:
  // All outlive this object.
  Initializer(const schema::Schema& schema, const InitializerSettings& settings, std::string instance_id, Lease& lease,
              Random& random);

  const std::string& instance_id() const { return instance_id_; }
  bool running() const { return running_; }
  // Starts one; nothing when one is running.
  void begin(Commands& commands);
  // Forgets the one that runs: its answers mean nothing any more.
  void abandon();

  // True when the task was ours.
  bool on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall);
  void tick(Commands& commands, Instant now);
  std::optional<Instant> next_tick() const { return poll_at_; }

  // The states that it passed since the last call, in order; kReady is the last of a successful run.
  std::vector<State> take_path();
  // Set once, when it ended without success.
  std::optional<Judgement> take_failure();

  const Applier* applier() const { return applier_ ? &*applier_ : nullptr; }
  const std::optional<Ledger>& ledger() const { return ledger_; }
  bool has_warm_connection() const { return warm_; }

 private:
  void enter(State state) { path_.push_back(state); }
  void read_ledger(Commands& commands);
  void on_ledger(Commands& commands, const std::optional<Ledger>& ledger, Instant now);
  void apply(Commands& commands, Instant now);
  void observe(Commands& commands);
  void on_applier(Commands& commands, WallTime wall);
  void record(Commands& commands, WallTime wall);
  void schema_is_ready();
  void break_off(Judgement judgement);
  void wait_for_the_other(Instant now);

  const schema::Schema& schema_;
  const InitializerSettings settings_;
  const std::string instance_id_;
  Lease& lease_;
  Random& random_;

  bool running_ = false;
  bool warm_ = false;
  bool schema_ready_ = false;
  bool observing_ = false;  // judged by the catalog alone: a newer version owns the ledger
  std::optional<TaskId> ledger_task_;
  std::optional<TaskId> write_task_;
  std::optional<TaskId> warm_task_;
  std::optional<Ledger> ledger_;
  std::optional<Applier> applier_;
  std::optional<Instant> poll_at_;
  State at_ = State::kConnecting;
  std::vector<State> path_;
  std::optional<Judgement> failure_;
};

}  // namespace readygate::core
