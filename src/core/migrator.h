// Runs what a schema declares about documents, under a lease: its seeds, then its migrations of one phase, one after
// the other. Every step is remembered in a record, so that whoever comes after a crash goes on where this one ended,
// and nothing that could do harm twice is sent a second time without knowing what became of the first. Pure, in the
// manner of the applier: tasks go out through Commands and answers come back through on().
//
// Used twice: by the initializer, after the applier and before the ledger says that the schema is applied (kPre), and
// by an open replica that holds the lease (kBackground).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "core/backoff.h"
#include "core/commands.h"
#include "core/migration_work.h"
#include "schema/schema.h"

namespace readygate::core {

class Migrator {
 public:
  enum class Stage {
    kIdle,
    kReading,  // the records
    kWorking,
    kDone,
    kBroken,  // see judgement()
  };

  struct Holder {
    std::int64_t token = 0;
    std::string owner;      // instance id
    std::string host = {};  // for people
  };
  // Asked before each task: the lease's deadline as it is then.
  using NotAfter = std::function<std::optional<Instant>()>;

  // `schema` and `random` outlive this object.
  Migrator(const schema::Schema& schema, schema::Migration::Phase phase, Holder holder, NotAfter not_after,
           Random& random);

  // Done at once, without a task, when the schema declares nothing of the kind.
  void begin(Commands& commands);
  // True when the task was one of ours, whatever came of it.
  bool on(Commands& commands, TaskId id, const Outcome& outcome, Instant now);
  void tick(Commands& commands, Instant now);
  std::optional<Instant> next_tick() const { return task_ ? std::nullopt : go_on_at_; }

  Stage stage() const { return stage_; }
  const Judgement& judgement() const { return judgement_; }
  // Another holds the lease, or the record: nothing more was written. Broken, too.
  bool lost() const { return lost_; }
  // The task that was started last, while it has not been answered.
  const std::optional<TaskId>& in_flight() const { return task_; }
  // Migrations of phase pre that policy.contract = "report" holds back.
  int withheld() const { return withheld_; }
  // Ids of declared background migrations that are not done; once the records are read.
  const std::vector<std::string>& pending() const { return pending_; }

  struct Progress {
    std::string what;  // "migration 0003-split-status", or ""
    int step = 0;      // from 1
    int of = 0;
    std::int64_t done = 0;
    std::int64_t total = -1;  // -1: not known
    std::optional<int> percent;
  };
  Progress progress() const;

 private:
  // A seed, a migration, or a record of a seed that is not declared any more.
  struct Job {
    const schema::Seed* seed = nullptr;
    const schema::Migration* migration = nullptr;
    const MigrationRecord* superseded = nullptr;
  };
  // What the task in flight is about.
  enum class Doing { kRead, kClaim, kRun, kMarkSent, kMarkUnsent, kNextPass, kFinish, kFail };

  Fence fence() const { return {holder_.token, holder_.owner, not_after_ ? not_after_() : std::nullopt}; }
  void start(Commands& commands, Doing doing, Work work);
  void on_records(Commands& commands, const MigrationsRead& read);
  void next_job(Commands& commands);
  void begin_job(Commands& commands);
  void claim(Commands& commands, MigrationRecord record, bool keep_progress);
  void work(Commands& commands);
  void run_seed(Commands& commands);
  void run_batch(Commands& commands, const schema::Batch& batch);
  void run_command(Commands& commands, const std::vector<schema::Document>& list);
  void on_moved(Commands& commands, Doing doing, const MigrationMoved& moved, Instant now);
  void on_collision(Commands& commands, const SeedCollision& collision);
  void on_batch(Commands& commands, const MigrationMoved& moved, Instant now);
  void on_failure(Commands& commands, Doing doing, const Failure& failure, Instant now);
  bool unsend(Commands& commands, Doing doing, const Failure& failure, Instant now);
  void pass_over(Commands& commands);
  void finish(Commands& commands);
  void fail(Commands& commands, Judgement judgement);
  void broke(Judgement judgement);
  void interrupted(std::string_view why);
  void go_on(Commands& commands, Instant now, Millis pause);
  void say_progress(Commands& commands, Instant now);
  std::string label() const;

  const schema::Schema& schema_;
  const schema::Migration::Phase phase_;
  const Holder holder_;
  const NotAfter not_after_;
  Random& random_;
  OverloadBackoff overload_;

  Stage stage_ = Stage::kIdle;
  Judgement judgement_{Verdict::kTransient, Reason::kNone, {}};
  bool lost_ = false;
  bool transactions_ = false;
  std::vector<MigrationRecord> records_;  // as read at the beginning
  std::vector<std::string> pending_;
  std::vector<Job> jobs_;
  std::size_t job_ = 0;
  int withheld_ = 0;
  int skipped_ = 0;  // jobs that only mark a record
  std::optional<MigrationRecord> record_;
  std::size_t seed_at_ = 0;   // of a seed without a record: the next document
  std::int64_t changed_ = 0;  // documents of this seed
  std::optional<TaskId> task_;
  Doing doing_ = Doing::kRead;
  std::optional<Judgement> failing_;  // is being recorded
  std::optional<Instant> go_on_at_;
  std::optional<Instant> said_at_;
};

}  // namespace readygate::core
