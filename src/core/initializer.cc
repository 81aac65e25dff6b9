#include "core/initializer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"

namespace readygate::core {

Initializer::Initializer(const schema::Schema& schema, const InitializerSettings& settings, std::string instance_id,
                         Random& random, Purpose purpose)
    : schema_(schema),
      settings_(settings),
      instance_id_(std::move(instance_id)),
      purpose_(purpose),
      random_(random),
      lease_(schema.name, instance_id_, settings.lease, random),
      builds_(settings.stall_timeout) {}

void Initializer::begin(Commands& commands) {
  if (running_) return;
  abandon(commands);
  running_ = true;
  read_ledger(commands);
  warm_ = purpose_ != Purpose::kOpen;
}

void Initializer::abandon(Commands& commands) {
  release(commands);
  running_ = warm_ = warmed_ = schema_ready_ = took_over_ = false;
  ledger_task_.reset();
  warm_task_.reset();
  ledger_.reset();
  recording_.reset();
  drop_applier();
  migrator_.reset();
  builds_.clear();
  confirmation_.reset();
  poll_at_.reset();
  path_.clear();
  failure_.reset();
  at_ = State::kConnecting;
}

bool Initializer::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall) {
  if (!builds_.on(commands, id, outcome, now) && !on_task(commands, id, outcome, now, wall)) return false;
  follow_builds(commands, now);
  return true;
}

bool Initializer::on_task(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall) {
  if (on_leftover(commands, id, outcome)) return true;
  const bool giving_back = lease_.giving_back();
  if (lease_.on(commands, id, outcome, now)) {
    if (giving_back && !lease_.giving_back() && poll_at_ && running_) poll_at_ = now;  // we were waiting for ourselves
    if (running_) follow_lease(commands, now, wall);
    return true;
  }
  if (!running_) return false;
  if (applier_ && applier_->on(commands, id, outcome)) {
    follow_applier(commands, now);
    return true;
  }
  if (migrator_ && migrator_->on(commands, id, outcome, now)) {
    follow_migrator(commands, now);
    return true;
  }
  if (warm_task_ == id) {
    warm_task_.reset();
    // Who refuses a ping for want of time has accepted the connection.
    warm_ = outcome || overloaded(outcome.error());
    if (!warm_) {
      break_off(commands, judge(outcome.error()));
    } else if (schema_ready_) {
      schema_is_ready(commands);
    }
    return true;
  }
  if (ledger_task_ != id) return false;
  ledger_task_.reset();
  if (!outcome) {
    break_off(commands, judge(outcome.error()));
  } else if (const auto* read = std::get_if<LedgerRead>(&*outcome)) {
    on_ledger(commands, read->ledger, now);
  }
  return true;
}

void Initializer::tick(Commands& commands, Instant now, WallTime wall) {
  if (!running_) return;
  lease_.tick(commands, now);
  follow_lease(commands, now, wall);
  if (migrator_ && running_) {
    migrator_->tick(commands, now);
    follow_migrator(commands, now);
  }
  follow_builds(commands, now);
  if (!poll_at_ || now < *poll_at_) return;
  poll_at_.reset();
  read_ledger(commands);
}

std::optional<Instant> Initializer::next_tick() const {
  if (!running_) return std::nullopt;
  const std::optional<Instant> work = earlier(builds_.next_tick(), migrator_ ? migrator_->next_tick() : std::nullopt);
  return earlier(lease_.next_tick(), earlier(poll_at_, work));
}

// ------------------------------------------------------------------------------------------------------ the ledger

void Initializer::read_ledger(Commands& commands) { ledger_task_ = commands.start(ReadLedger{}); }

void Initializer::on_ledger(Commands& commands, const std::optional<Ledger>& ledger, Instant now) {
  ledger_ = ledger;
  lease_.saw(ledger, now);
  switch (standing(ledger, schema_)) {
    case Standing::kApplied:
      if (purpose_ == Purpose::kRepair || (purpose_ == Purpose::kBackground && !ledger->pending.empty())) break;
      if (schema_.policy.verify == schema::Policy::Verify::kOpen && !applier_) {
        look(commands);
      } else {
        warm_ = true;  // the connection that the ledger was read on
        schema_is_ready(commands);
      }
      return;
    case Standing::kNotRaised:
      break_off(
          commands,
          {Verdict::kPermanent, Reason::kVersionNotRaised,
           fmt::format("Schema \"{}\" version {} is applied in the database with hash {:.12}…, and the file says "
                       "version {} with hash {:.12}…. Raise `version` with every change.",
                       schema_.name, schema_.version, ledger->applied->hash, schema_.version, bare_hash(schema_))});
      return;
    case Standing::kNewer: {
      const std::int32_t newest = ledger->applied ? ledger->applied->version : ledger->target->version;
      if (schema_.policy.newer == schema::Policy::Newer::kFail || !may_open_on_newer(*ledger, schema_)) {
        break_off(
            commands,
            {Verdict::kPermanent, Reason::kSchemaNewer,
             fmt::format("The database holds version {} of schema \"{}\", and version {} may not open on it "
                         "(min_open {}, policy.newer). Roll forward.",
                         newest, schema_.name, schema_.version, ledger->applied ? ledger->applied->min_open : 0)});
        return;
      }
      look(commands);
      return;
    }
    case Standing::kNeeded: break;
  }
  if (settings_.mode == InitMode::kVerify) {
    wait_for_the_other(now);
  } else {
    acquire(commands, now);
  }
}

// A first connection, beside work that takes its time.
void Initializer::warm_beside(Commands& commands) {
  if (warm_ || warm_task_) return;
  warm_task_ = commands.start(Warm{});
  warmed_ = true;
}

void Initializer::wait_for_the_other(Instant now) {
  if (at_ != State::kWaiting) enter(State::kWaiting);
  poll_at_ = lease_.look_again_at(now);
}

// Nothing is written: it opens when everything that it declares is there.
void Initializer::look(Commands& commands) {
  warm_beside(commands);
  enter(State::kVerifying);
  // What a newer version made is extra to this one, and nothing that this one lacks.
  const bool newer = standing(ledger_, schema_) == Standing::kNewer;
  applier_.emplace(schema_, settings_.parallelism, ledger_ && !newer ? ledger_->owns : std::vector<Owns>{},
                   Applier::Mode::kLook);
  if (!ledger_ || !ledger_->applied || ledger_->applied->version < schema_.version) applier_->doubt_unproven();
  applier_->begin(commands);
}

// ------------------------------------------------------------------------------------------------------- the lease

void Initializer::acquire(Commands& commands, Instant now) {
  warm_beside(commands);
  if (!lease_.acquire(commands, target_of(schema_), now)) wait_for_the_other(now);
}

void Initializer::follow_lease(Commands& commands, Instant now, WallTime wall) {
  switch (lease_.stage()) {
    case Lease::Stage::kAsking: return;
    case Lease::Stage::kLost: lease_lost(commands); return;
    case Lease::Stage::kNone:
      if (lease_.written() == Lease::Written::kDone) {
        if (recording_) ledger_->applied = std::exchange(recording_, std::nullopt);
        schema_is_ready(commands);
      } else if (auto failure = lease_.take_failure()) {
        break_off(commands, std::move(*failure));
      } else if (!ledger_task_ && !poll_at_ && !applier_ && !schema_ready_) {
        read_ledger(commands);  // another replica was faster: what it wrote decides
      }
      return;
    case Lease::Stage::kHeld: break;
  }
  if (lease_.written() == Lease::Written::kUncertain) {
    // Whether it was recorded, a fresh reading tells; until then the lease is given back. A server that refuses the
    // write is asked again later: what it refuses it would refuse again at once.
    if (auto refused = lease_.take_failure()) return break_off(commands, std::move(*refused));
    release(commands);
    drop_applier();
    migrator_.reset();
    read_ledger(commands);
    return;
  }
  if (!applier_ || applier_->stage() == Applier::Stage::kIdle) {
    took_over_ = lease_.took_over();
    holding_since_ = now;
    ledger_ = ledger_.value_or(Ledger{});
    ledger_->owner = instance_id_;
    ledger_->token = lease_.grant().token;
    if (purpose_ == Purpose::kBackground) {
      if (!migrator_) work_on_documents(commands, now);
      return;
    }
    enter(State::kInitializing);
    warn_of_min_open(commands);
    drop_applier();
    applier_.emplace(schema_, settings_.parallelism, ledger_->owns);
    for (auto& [id, sent] : leftovers_) unresolved_.push_back(std::exchange(sent, {sent.destructive, {}, {}}));
    // Between two terms of ours there was nobody else who may have done it.
    if (lease_.grant().token == sent_under_ + 1) applier_->may_be_done(std::exchange(unresolved_, {}));
    unresolved_.clear();
    sent_under_ = lease_.grant().token;
    applier_->grant(lease_.grant());
    if (!ledger_->applied) applier_->expect_nothing();
    if (took_over_) {
      applier_->await_earlier({lease_.grant().token, schema::touched_names(schema_), settings_.lease.period});
    }
    if (!schema_.seeds.empty() || !schema_.migrations.empty()) applier_->documents_follow();
    applier_->begin(commands);
    return;
  }
  applier_->grant(lease_.grant());
  if (confirmation_ && lease_.acknowledged() >= *confirmation_) {
    confirmation_.reset();
    confirmed(commands, now, wall);
    follow_applier(commands, now);
  }
}

void Initializer::lease_lost(Commands& commands) {
  const std::optional<Judgement> cause = lease_.take_failure();
  break_off(commands, {Verdict::kTransient, Reason::kLeaseLost,
                       fmt::format("The lease is lost{}{} Another replica may go on; this one tries again.",
                                   cause ? ": " : ".", cause ? cause->sentence : "")});
}

void Initializer::confirm_first(Commands& commands, Instant now) {
  if (!confirmation_ && lease_.written() == Lease::Written::kNothing) confirmation_ = lease_.renew(commands, now);
}

void Initializer::confirmed(Commands& commands, Instant now, WallTime wall) {
  if (applier_->stage() == Applier::Stage::kConfirming) {
    applier_->confirm(commands);
  } else if (applier_->stage() == Applier::Stage::kMatched) {
    // What another primary acknowledged since may not hold what was verified on this one.
    if (applier_->primary() == lease_.primary()) {
      record(commands, now, wall);
    } else {
      applier_->verify_again(commands);
    }
  }
}

void Initializer::record(Commands& commands, Instant now, WallTime wall) {
  Ledger next;
  next.applied = applied_now(schema_, instance_id_, wall);
  next.applied->host = settings_.host;
  next.applied->took = millis(now - holding_since_);
  next.applied->withheld = applier_->withheld() + (migrator_ ? migrator_->withheld() : 0);
  if (migrator_) next.pending = migrator_->pending();
  next.owns = applier_->owns();
  // What is not declared any more is given up: another schema may have it.
  std::erase_if(next.owns, [names = schema::declared_names(schema_)](const Owns& owns) {
    return std::find(names.begin(), names.end(), owns.collection) == names.end();
  });
  next.period_ms = settings_.lease.period.count();
  recording_ = next.applied;
  lease_.write(commands,
               LedgerField::kApplied | LedgerField::kTarget | LedgerField::kOwner | LedgerField::kStep |
                   LedgerField::kOwns | LedgerField::kPending,
               next);
}

// In a rolling update the version before runs beside this one.
void Initializer::warn_of_min_open(Commands& commands) const {
  if (purpose_ != Purpose::kOpen || !ledger_->applied || schema_.min_open <= ledger_->applied->version) return;
  commands.say(LogLevel::kWarn,
               fmt::format("min_open {} is above version {}, which was applied before: replicas of that version that "
                           "are open stay so, and none of them opens any more",
                           schema_.min_open, ledger_->applied->version));
}

// ----------------------------------------------------------------------------------------------------- the applier

void Initializer::pass_to(State state) {
  if (at_ != state) enter(state);
}

void Initializer::follow_applier(Commands& commands, Instant now) {
  const bool holding = lease_.stage() == Lease::Stage::kHeld;
  if (holding) lease_.says(applier_->current());
  switch (applier_->stage()) {
    case Applier::Stage::kIdle:
    case Applier::Stage::kReading: return;
    case Applier::Stage::kApplying: pass_to(State::kInitializing); return;
    case Applier::Stage::kConfirming:
      pass_to(State::kInitializing);
      if (migrator_) {
        follow_migrator(commands, now);
      } else {
        work_on_documents(commands, now);
      }
      return;
    case Applier::Stage::kVerifying: pass_to(State::kVerifying); return;
    case Applier::Stage::kMatched:
      pass_to(State::kVerifying);
      if (holding) {
        confirm_first(commands, now);
      } else {
        schema_is_ready(commands);
      }
      return;
    case Applier::Stage::kBroken:
      if (!holding && applier_->drifted() && standing(ledger_, schema_) == Standing::kApplied &&
          settings_.mode == InitMode::kApply) {
        // The ledger says applied and the catalog does not: repaired, by whoever gets the lease.
        drop_applier();
        acquire(commands, now);
        return;
      }
      break_off(commands, applier_->judgement());
      return;
  }
}

// A build that stands still ends this attempt and not the build: the next attempt joins it. The lease is not given back
// while the build's answer is owed; it runs out.
void Initializer::follow_builds(Commands& commands, Instant now) {
  if (!running_ || !applier_) return;
  builds_.follow(commands, lease_.grant().token, applier_->building(), now);
  const std::optional<BuildProgress> stalled = builds_.stalled();
  if (!stalled) return;
  builds_.clear();
  break_off(commands,
            {Verdict::kTransient, Reason::kBuildStalled,
             fmt::format("\"{}\" has stood still at {} of {} for {}. The build goes on; this attempt ends, and "
                         "the next one joins it.",
                         applier_->running_on(stalled->collection), stalled->done, stalled->total,
                         format_duration(settings_.stall_timeout))});
}

// --------------------------------------------------------------------------------------------------- the documents

void Initializer::work_on_documents(Commands& commands, Instant now) {
  const auto phase =
      purpose_ == Purpose::kBackground ? schema::Migration::Phase::kBackground : schema::Migration::Phase::kPre;
  migrator_.emplace(
      schema_, phase, Migrator::Holder{lease_.grant().token, instance_id_, settings_.host},
      [this] { return lease_.grant().not_after; }, random_);
  migrator_->begin(commands);
  follow_migrator(commands, now);
}

void Initializer::follow_migrator(Commands& commands, Instant now) {
  if (lease_.stage() == Lease::Stage::kHeld) lease_.says(migrator_->progress().what);
  if (migrator_->stage() == Migrator::Stage::kBroken) {
    break_off(commands, migrator_->judgement());
  } else if (migrator_->stage() == Migrator::Stage::kDone && lease_.written() == Lease::Written::kNothing) {
    if (purpose_ == Purpose::kBackground) {
      const Ledger nothing_pending;
      lease_.write(commands, LedgerField::kPending | LedgerField::kTarget | LedgerField::kOwner | LedgerField::kStep,
                   nothing_pending);
    } else if (applier_ && applier_->stage() == Applier::Stage::kConfirming) {
      confirm_first(commands, now);
    }
  }
}

// ----------------------------------------------------------------------------------------------------------- ending

// With steps under way the lease is kept until they are answered, or until it dies: who takes it next must not meet
// them.
void Initializer::release(Commands& commands) {
  confirmation_.reset();
  if (lease_.stage() != Lease::Stage::kHeld) {
    lease_.release(commands, Lease::Ending::kNow);
    return;
  }
  if (applier_ && applier_->unsettled()) {
    lease_.release(commands, Lease::Ending::kNever);
    return;
  }
  leftovers_ = applier_ ? applier_->in_flight() : Applier::InFlight{};
  if (migrator_ && migrator_->in_flight()) leftovers_.emplace(*migrator_->in_flight(), Applier::Sent{});
  unsettled_ = false;
  lease_.release(commands, leftovers_.empty() ? Lease::Ending::kNow : Lease::Ending::kLater);
}

// What it did counts, though another goes on.
void Initializer::drop_applier() {
  if (!applier_) return;
  steps_before_ += applier_->steps_of_all_rounds();
  unresolved_.insert(unresolved_.end(), applier_->unresolved().begin(), applier_->unresolved().end());
  applier_.reset();
}

bool Initializer::on_leftover(Commands& commands, TaskId id, const Outcome& outcome) {
  const auto found = leftovers_.find(id);
  if (found == leftovers_.end()) return false;
  const Applier::Sent sent = std::move(found->second);
  unsettled_ = unsettled_ || Applier::unsettles(sent.destructive, outcome);
  if (outcome) {
    steps_before_ += static_cast<int>(sent.steps.size());
  } else if (!sent.steps.empty()) {
    unresolved_.push_back(sent);
  }
  leftovers_.erase(found);
  if (leftovers_.empty() && !unsettled_) lease_.release_now(commands);
  return true;
}

void Initializer::schema_is_ready(Commands& commands) {
  schema_ready_ = true;
  release(commands);
  if (at_ != State::kWarming) enter(State::kWarming);
  if (!warm_) return;
  enter(State::kReady);
  refusals_.clear();
  running_ = false;
}

void Initializer::break_off(Commands& commands, Judgement judgement) {
  running_ = false;
  release(commands);
  failure_ = refusals_.weigh(std::move(judgement));
}

std::vector<State> Initializer::take_path() { return std::exchange(path_, {}); }

std::optional<Judgement> Initializer::take_failure() { return std::exchange(failure_, std::nullopt); }

}  // namespace readygate::core
