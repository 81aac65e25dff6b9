// The gate: the one object that decides. Everything that happens reaches it as an event with the time as an argument;
// what is to be done leaves it as commands; what is to be told is its snapshot. It does no I/O and reads no clock, so a
// test, or a simulation of a thousand schedules, drives the same code as the daemon.
//
// Around the initializer it adds what time brings: retries, init.timeout, pings, losses, draining.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "core/auditor.h"
#include "core/backoff.h"
#include "core/causes.h"
#include "core/checks.h"
#include "core/commands.h"
#include "core/facts.h"
#include "core/initializer.h"
#include "core/overload.h"
#include "core/reachability.h"
#include "core/snapshot.h"

namespace readygate::core {

// What has to be over by init.timeout. kBackground: background migrations too, for a job that waits for them.
enum class TimeoutCovers { kOpening, kBackground };

struct GateSettings {
  ReadyPolicy ready_policy = ReadyPolicy::kLive;
  Millis unready_after{30'000};
  Millis drain_delay{0};
  Millis init_timeout{0};  // 0: no limit
  TimeoutCovers init_timeout_covers = TimeoutCovers::kOpening;
  Millis failed_retry{60'000};  // 0: never by itself
  Millis auth_grace{60'000};
  Millis backoff_initial{100};
  Millis backoff_max{5'000};
  Millis ping_period{5'000};
  int warm_connections = 4;
  InitializerSettings init;
  std::vector<CheckSpec> checks;
};

struct Now {
  Instant instant;
  WallTime wall;
};

class Gate {
 public:
  // `random` outlives the gate.
  Gate(GateSettings settings, schema::Schema schema, Random& random, Now now);
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Events.
  void start(Now now);  // once; what comes of it is published when the servers listen
  void finished(TaskId id, const Outcome& outcome, Now now);
  void checked(std::size_t index, const CheckOutcome& outcome, Now now);
  void topology(const TopologyChanged& change, Now now);
  void tick(Now now);
  // Leaves `failed`, or ends a pause between attempts; joins an attempt that runs. `because` is for the log.
  Retried retry(std::string_view because, Now now);
  // Closes the gate for so long; undrain() ends it early.
  void drain(Millis duration, Now now);
  void undrain(Now now);
  // What the schema file holds now. Before the gate has opened it takes the place of the old one, and a failed gate
  // tries again with it; afterwards a difference is the failed check `schema_file`, because an old application may be
  // running. So is another name of the schema or the database, at any time: they say where the state is kept.
  void schema_file(const schema::Schema& now_in_file, Now now);
  // `what` changed, the connection string or a TLS file that it names: new connections, and a new attempt if one is
  // due.
  void secret_changed(std::string_view what, Now now);
  // Closes for good, and quits when the lease is given back, or after half a second. `because` is for the log.
  void terminate(Now now, std::string_view because = "SIGTERM");

  // When tick() wants to be called next, if no other event comes.
  std::optional<Instant> next_tick(Instant now) const;
  std::vector<Command> take_commands() { return commands_.take(); }
  const Snapshot& snapshot() const { return snapshot_; }
  Instant started() const { return started_; }

  struct Work {
    int steps = 0;                     // of plans, carried out since the start, by all attempts
    std::vector<std::string> pending;  // ids of background migrations that are not done; once initialization ended well
  };
  Work work() const;
  // Answers so far that refused work because the server was overloaded.
  std::uint64_t overloads() const { return overload_.refusals(); }
  // Whether background migrations are worked on, or about to be.
  bool migrating() const { return auditor_.migrating(); }
  // The lease is ours, or may be, or is being given back: who ends the process terminates first.
  bool owes_lease() const { return initializer_.owes_lease() || auditor_.owes_lease(); }

 private:
  // Progress alone is rendered at most this often: ten thousand waiters must not cause ten thousand renderings.
  static constexpr Millis kRenderEvery{1'000};

  void settle(Now now);
  void go(State to, Now now);
  void begin_initialization(Now now);
  void begin_attempt();
  void fail(const Judgement& judgement, Now now);
  void fail_for_good(Why why, Now now);
  void time_out(Now now);
  void pause(Millis delay, Now now);
  void completed(Now now);
  void follow_reachability(Now now);
  void ping_if_due(Now now);
  void on_ping(const Outcome& outcome, Now now);
  void warm_more(int connections);
  bool giving_back() const;  // the lease, by whoever holds it
  void quit_if_due(Now now);
  std::vector<Check> checks(bool reachable) const;
  Snapshot::Phase phase() const;
  void needs_restart(std::optional<std::string> why);
  void say_progress(Now now);
  void refresh(Now now);
  Why doing() const;
  Why cause(bool reachable) const;
  void explain(Snapshot& next, bool reachable) const;

  const GateSettings settings_;
  schema::Schema schema_;
  Random& random_;
  const Instant started_;

  Initializer initializer_;
  Auditor auditor_;
  Checks asked_;  // of the configuration
  Reachability reachability_;
  Overload overload_;
  Backoff backoff_;
  OverloadBackoff overload_backoff_;  // of attempts
  OverloadBackoff ping_backoff_;
  Commands commands_;
  Snapshot snapshot_;

  State state_ = State::kStarting;
  bool initialized_ = false;
  std::int64_t attempt_ = 0;
  Causes causes_;
  bool retryable_ = true;
  std::optional<Now> next_attempt_;
  std::optional<Instant> init_deadline_;
  std::optional<Instant> auth_refused_since_;
  std::optional<Instant> drained_until_;
  std::optional<Instant> quit_at_;
  std::optional<Instant> release_waited_to_;  // of the lease, at the end: no longer than this
  Instant rendered_at_{};
  bool progress_waits_ = false;         // a progress change that came too soon after the last one
  Reason said_reason_ = Reason::kNone;  // the cause that the log named last
  Snapshot::Phase said_phase_;          // the progress that it told last
  Instant said_phase_at_{};

  std::optional<TaskId> ping_task_;
  std::optional<Instant> ping_at_;
  Reason said_ping_ = Reason::kNone;  // why the server refuses pings, as the log named it last
  std::vector<TaskId> warm_tasks_;
  std::optional<std::string> schema_file_;  // why what it holds now needs a restart
  std::string topology_ = "unknown";
};

}  // namespace readygate::core
