#include "core/lease.h"

#include <algorithm>
#include <utility>

namespace readygate::core {
namespace {

constexpr Millis kShortestRetry{100};

bool same_holder(const Ledger& a, const Ledger& b) {
  return a.token == b.token && a.owner == b.owner && a.rev == b.rev;
}

bool won(const Outcome& outcome) {
  const auto* written = outcome ? std::get_if<LedgerWritten>(&*outcome) : nullptr;
  return written != nullptr && written->won;
}

const std::string& primary_of(const Outcome& outcome) { return std::get<LedgerWritten>(*outcome).primary; }

}  // namespace

Lease::Lease(std::string schema_name, std::string owner, LeaseSettings settings, Random& random)
    : schema_name_(std::move(schema_name)), owner_(std::move(owner)), settings_(settings), random_(random) {}

// ------------------------------------------------------------------------------------------------------- observing

void Lease::saw(const std::optional<Ledger>& ledger, Instant now) {
  if (!ledger || !seen_ || !same_holder(*ledger, *seen_)) unmoved_since_ = now;
  seen_ = ledger;
}

// The one that the holder stored: it may have been configured with another.
Millis Lease::observed_period() const {
  return seen_ && seen_->period_ms > 0 ? Millis(seen_->period_ms) : settings_.period;
}

bool Lease::dead(Instant now) const { return now - unmoved_since_ >= observed_period(); }

Instant Lease::look_again_at(Instant now) const {
  const Instant soon = now + jittered(random_, observed_period() / 4);
  return seen_ && seen_->owner && !dead(now) ? std::min(soon, unmoved_since_ + observed_period()) : soon;
}

// ---------------------------------------------------------------------------------------------------------- asking

bool Lease::acquire(Commands& commands, const Target& target, Instant now) {
  if (stage_ == Stage::kAsking || stage_ == Stage::kHeld) return true;
  target_ = target;
  failure_.reset();
  written_ = Written::kNothing;
  if (!seen_) {
    Ledger first;
    first.id = schema_name_;
    first.rev = random_id(random_);
    first.period_ms = settings_.period.count();
    stage_ = Stage::kAsking;
    asking_ = Asking::kInsert;
    seen_ = first;  // if it is we who insert it
    unmoved_since_ = asked_at_ = now;
    asking_task_ = commands.start(InsertLedger{std::move(first)});
    return true;
  }
  // What we may have got by a write whose answer never came, or given back by one, is taken anew, with the next token:
  // such a write may still arrive, and must find nothing that it fits.
  const bool ours = seen_->owner == owner_ && maybe_ == seen_->token;
  if (seen_->owner && !ours && !dead(now)) return false;
  took_over_ = seen_->owner && !ours;
  compare_and_set(commands, now);
  return true;
}

void Lease::compare_and_set(Commands& commands, Instant now) {
  stage_ = Stage::kAsking;
  asking_ = Asking::kAcquire;
  asked_at_ = now;
  token_ = seen_->token + 1;
  maybe_ = token_;
  Ledger next;
  next.id = schema_name_;
  next.token = token_;
  next.owner = owner_;
  next.rev = random_id(random_);
  next.period_ms = settings_.period.count();
  next.target = target_;
  asking_task_ = commands.start(ChangeLedger{
      LedgerRev{seen_->token, seen_->rev},
      LedgerField::kToken | LedgerField::kOwner | LedgerField::kPeriod | LedgerField::kTarget, std::move(next)});
}

void Lease::on_asked(Commands& commands, const Outcome& outcome, Instant now) {
  if (asking_ == Asking::kInsert) {
    if (won(outcome)) {
      compare_and_set(commands, now);
    } else {
      if (!outcome) failure_ = judge(outcome.error());
      nothing();
      seen_.reset();
    }
    return;
  }
  if (won(outcome)) {
    hold(asked_at_, primary_of(outcome), now);
  } else if (outcome) {
    maybe_.reset();
    nothing();
  } else if (refused_undone(outcome.error())) {
    // There is nothing to settle. `maybe_` stays: an earlier write with this token may still arrive.
    failure_ = judge(outcome.error());
    nothing();
  } else {
    send_renewal(commands, now);  // settles it
  }
}

void Lease::hold(Instant sent, const std::string& primary, Instant now) {
  stage_ = Stage::kHeld;
  maybe_.reset();
  owed_.reset();
  failure_.reset();
  overload_.reset();
  primary_ = primary;
  deadline_ = sent + settings_.period - settings_.margin;
  renew_at_ = std::max(now, sent + settings_.period / 4);
}

void Lease::nothing() {
  stage_ = Stage::kNone;
  deadline_.reset();
  renew_at_.reset();
  once_more_ = false;
}

// --------------------------------------------------------------------------------------------------------- holding

std::uint64_t Lease::renew(Commands& commands, Instant now) {
  if (renewal_task_) {
    once_more_ = true;
    return sent_ + 1;
  }
  send_renewal(commands, now);
  return sent_;
}

void Lease::send_renewal(Commands& commands, Instant now) {
  ++sent_;
  once_more_ = false;
  renew_at_.reset();
  renewed_at_ = now;
  Ledger next;
  next.id = schema_name_;
  next.rev = random_id(random_);
  next.step = step_;
  renewal_task_ = commands.start(
      ChangeLedger{LedgerHold{token_, owner_}, static_cast<LedgerFields>(LedgerField::kStep), std::move(next)});
}

void Lease::on_renewed(Commands& commands, const Outcome& outcome, Instant now) {
  if (stage_ == Stage::kAsking) {
    if (won(outcome)) {
      acknowledged_ = sent_;
      hold(renewed_at_, primary_of(outcome), now);
    } else {
      // `maybe_` stays: the acquisition may still arrive.
      if (!outcome) failure_ = judge(outcome.error());
      nothing();
    }
    return;
  }
  if (stage_ != Stage::kHeld) return;
  if (won(outcome)) {
    acknowledged_ = sent_;
    hold(renewed_at_, primary_of(outcome), now);
    if (once_more_) send_renewal(commands, now);
  } else if (outcome) {
    stage_ = Stage::kLost;
  } else {
    failure_ = judge(outcome.error());
    Millis pause = std::max(kShortestRetry, settings_.period / 32);
    if (failure_->reason == Reason::kOverloaded) {
      // Not so late that only one more try is left before the deadline.
      const Millis longest = millis(*deadline_ - now) / 2;
      pause = std::max(pause, std::min(overload_.next(random_, failure_->base_backoff), longest));
    }
    renew_at_ = now + pause;
  }
}

void Lease::write(Commands& commands, LedgerFields fields, const Ledger& next) {
  Ledger written = next;
  written.id = schema_name_;
  written.rev = random_id(random_);
  written_ = Written::kPending;
  ends_with_write_ = has(fields, LedgerField::kOwner);
  write_task_ = commands.start(ChangeLedger{LedgerHold{token_, owner_}, fields, std::move(written)});
}

std::optional<TaskId> Lease::release(Commands& commands, Ending ending) {
  // Answers to what asks will mean nothing any more: should it be won, nobody else would give it back.
  const bool asked = stage_ == Stage::kAsking && asking_ == Asking::kAcquire;
  const bool held = stage_ == Stage::kHeld || asked;
  if (held && ending != Ending::kNever) owed_ = token_;
  renewal_task_.reset();
  asking_task_.reset();
  write_task_.reset();
  written_ = Written::kNothing;
  nothing();
  return held && ending == Ending::kNow ? release_now(commands) : std::nullopt;
}

std::optional<TaskId> Lease::release_now(Commands& commands) {
  if (!owed_) return std::nullopt;
  maybe_ = owed_;  // should the write get lost, the next attempt may go on with the next token at once
  Ledger next;
  next.id = schema_name_;
  next.rev = random_id(random_);
  release_task_ = commands.start(ChangeLedger{LedgerHold{*std::exchange(owed_, std::nullopt), owner_},
                                              LedgerField::kOwner | LedgerField::kStep, std::move(next)});
  return release_task_;
}

// ---------------------------------------------------------------------------------------------------------- events

bool Lease::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now) {
  if (asking_task_ == id) {
    asking_task_.reset();
    on_asked(commands, outcome, now);
  } else if (renewal_task_ == id) {
    renewal_task_.reset();
    on_renewed(commands, outcome, now);
  } else if (write_task_ == id) {
    write_task_.reset();
    written_ = won(outcome) ? Written::kDone : Written::kUncertain;
    failure_.reset();
    if (!outcome && outcome.error().domain == Domain::kServer) failure_ = judge(outcome.error());
    if (written_ == Written::kDone && ends_with_write_) {
      renewal_task_.reset();
      nothing();
    }
  } else if (release_task_ == id) {
    release_task_.reset();
  } else {
    return false;
  }
  return true;
}

void Lease::tick(Commands& commands, Instant now) {
  if (stage_ != Stage::kHeld) return;
  if (now >= *deadline_) {
    stage_ = Stage::kLost;
  } else if (renew_at_ && now >= *renew_at_ && !renewal_task_) {
    send_renewal(commands, now);
  }
}

std::optional<Instant> Lease::next_tick() const {
  if (stage_ != Stage::kHeld) return std::nullopt;
  return renew_at_ && !renewal_task_ ? std::min(*renew_at_, *deadline_) : *deadline_;
}

std::optional<Judgement> Lease::take_failure() { return std::exchange(failure_, std::nullopt); }

}  // namespace readygate::core
