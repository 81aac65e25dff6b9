// The right to change the database, which one replica of many holds at a time: a fencing token in the control document,
// kept by renewing it and lost by not doing so. Pure: writes go out through Commands, answers come back through on(),
// the time is an argument.
//
// Nobody's clock is compared with another's. A holder counts its time from the sending of its last write that a
// majority acknowledged; an observer counts a holder as dead when (token, owner, rev) has not moved for a whole period
// of the observer's own clock. So the holder always gives up first, by `margin`.
//
// An answer that did not come decides nothing: whether an acquisition took place is settled by a renewal that a
// majority acknowledges, never by a read, which may see what is rolled back a moment later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "core/backoff.h"
#include "core/commands.h"
#include "core/ledger.h"

namespace readygate::core {

struct LeaseSettings {
  Millis period{20'000};  // without a renewal for so long, others take over
  Millis margin{3'000};   // the holder stops so long before that
};

// What a holder may do.
struct Grant {
  std::int64_t token = 0;            // goes into every filter and into the comment of every command
  std::optional<Instant> not_after;  // no command is sent later than this; none: only what needs no lease
};

class Lease {
 public:
  enum class Stage {
    kNone,    // not ours; or asked for in vain: read the ledger again
    kAsking,  // a write is on its way
    kHeld,
    kLost,  // it was ours: the time ran out, or another took it. Nothing more may be sent under it.
  };

  // `random` outlives this object.
  Lease(std::string schema_name, std::string owner, LeaseSettings settings, Random& random);

  // What a read of the ledger showed, received at `now`.
  void saw(const std::optional<Ledger>& ledger, Instant now);
  // Asks for it, by what was seen last. False: another holds it; read again at look_again_at().
  bool acquire(Commands& commands, const Target& target, Instant now);
  // When an observer reads next: a quarter of the holder's period from now, or when it counts as dead, if that is
  // sooner.
  Instant look_again_at(Instant now) const;

  // Sends a renewal, or, when one is under way, another one after it. It is acknowledged when acknowledged() is at
  // least the number returned.
  std::uint64_t renew(Commands& commands, Instant now);
  std::uint64_t acknowledged() const { return acknowledged_; }
  // Of the last acknowledged write; see LedgerWritten.
  const std::string& primary() const { return primary_; }

  // Sets `fields` of `next` where we still hold it; the outcome is written(). One at a time. To write the owner is to
  // give it up.
  void write(Commands& commands, LedgerFields fields, const Ledger& next);
  enum class Written { kNothing, kPending, kDone, kUncertain };
  Written written() const { return written_; }

  // What people read in the control document while we hold it; sent with the next renewal.
  void says(std::string step) { step_ = std::move(step); }

  // Gives it up; the task of the write, if one was sent. kLater: what was sent under it is still at work, and
  // release_now() follows when it is not. kNever: it may be at work for ever; others wait until we count as dead.
  // One that is asked for, and may be ours any moment, is given back behind the write that asks.
  enum class Ending { kNow, kLater, kNever };
  std::optional<TaskId> release(Commands& commands, Ending ending);
  std::optional<TaskId> release_now(Commands& commands);
  bool giving_back() const { return owed_ || release_task_; }

  // True when the task was ours.
  bool on(Commands& commands, TaskId id, const Outcome& outcome, Instant now);
  void tick(Commands& commands, Instant now);
  std::optional<Instant> next_tick() const;

  Stage stage() const { return stage_; }
  Grant grant() const { return {token_, deadline_}; }
  // The holder before us had not released it: what it sent last may still arrive.
  bool took_over() const { return took_over_; }
  // Why asking ended in kNone, renewing in kLost, or a write in kUncertain, where an answer said so.
  std::optional<Judgement> take_failure();

 private:
  void compare_and_set(Commands& commands, Instant now);
  void send_renewal(Commands& commands, Instant now);
  void on_asked(Commands& commands, const Outcome& outcome, Instant now);
  void on_renewed(Commands& commands, const Outcome& outcome, Instant now);
  void hold(Instant sent, const std::string& primary, Instant now);
  void nothing();
  Millis observed_period() const;
  bool dead(Instant now) const;

  const std::string schema_name_;
  const std::string owner_;
  const LeaseSettings settings_;
  Random& random_;

  Stage stage_ = Stage::kNone;
  std::int64_t token_ = 0;             // that we hold, or ask for
  std::optional<Instant> deadline_;    // nothing is sent later than this
  std::optional<std::int64_t> maybe_;  // a token that may be ours by the ledger, though we do not hold it
  std::optional<std::int64_t> owed_;   // a token to be given back later
  bool took_over_ = false;
  std::string primary_;
  std::string step_;
  std::optional<Judgement> failure_;
  OverloadBackoff overload_;  // of renewals

  // The observer's side.
  std::optional<Ledger> seen_;
  Instant unmoved_since_{};  // receipt of the read that first showed this (token, owner, rev)

  // Writes under way.
  enum class Asking { kInsert, kAcquire };
  std::optional<TaskId> asking_task_;
  Asking asking_ = Asking::kInsert;
  Target target_;
  std::optional<TaskId> renewal_task_;
  std::optional<TaskId> write_task_;
  std::optional<TaskId> release_task_;
  Instant asked_at_{};    // when the write that asks was sent
  Instant renewed_at_{};  // when the renewal under way was sent
  std::optional<Instant> renew_at_;
  std::uint64_t sent_ = 0;          // renewals
  std::uint64_t acknowledged_ = 0;  // the newest of them that was
  bool once_more_ = false;
  Written written_ = Written::kNothing;
  bool ends_with_write_ = false;
};

}  // namespace readygate::core
