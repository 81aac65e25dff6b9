// What the gate tells of itself: its checks, its phase and why it is not open, as a snapshot.
#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "core/gate.h"

namespace readygate::core {
namespace {

constexpr Millis kSayProgressEvery{5'000};

}  // namespace

std::vector<Check> Gate::checks(bool reachable) const {
  const bool patient = settings_.ready_policy == ReadyPolicy::kLatched;
  const auto check = [](std::string check_name, bool passed, Reason reason) {
    return Check{std::move(check_name), passed, passed ? Reason::kNone : reason};
  };
  const Reason why = code_ == Reason::kNone ? Reason::kDatabaseLost : code_;
  std::vector<Check> all;
  all.push_back(check("schema", initialized_, code_));
  all.push_back(check("mongodb", reachable || (patient && initialized_), why));
  all.push_back(check("drain", state_ != State::kDraining && !drained_until_, Reason::kDraining));
  all.push_back(check("drift", auditor_.drift() == Reason::kNone, auditor_.drift()));
  all.push_back(check("migrations", auditor_.migrations() == Reason::kNone, auditor_.migrations()));
  all.push_back(check("schema_file", !schema_file_differs_, Reason::kSchemaFileChanged));
  asked_.list(all);
  return all;
}

Snapshot::Phase Gate::phase() const {
  Snapshot::Phase phase;
  const Applier* applier = initializer_.applier();
  switch (state_) {
    case State::kStarting: phase.name = "start"; break;
    case State::kConnecting: phase.name = "connect"; break;
    case State::kWaiting: phase.name = "wait"; break;
    case State::kInitializing: phase.name = "apply"; break;
    case State::kVerifying: phase.name = "verify"; break;
    case State::kWarming: phase.name = "warm"; break;
    case State::kReady:
    case State::kDegraded: phase.name = "serve"; break;
    case State::kFailed: phase.name = "failed"; break;
    case State::kDraining: phase.name = "drain"; break;
  }
  phase.what = state_ == State::kConnecting ? "find a usable primary and read the ledger"
               : state_ == State::kWaiting  ? "another replica initializes the database"
               : state_ == State::kWarming  ? "open a first connection"
                                            : "";
  if (applier != nullptr && (state_ == State::kInitializing || state_ == State::kVerifying)) {
    phase.what = applier->current();
    phase.of = applier->steps();
    phase.step = std::min(applier->steps_done() + 1, phase.of);
    if (const auto build = initializer_.builds().slowest()) {
      phase.what = applier->running_on(build->collection);
      phase.percent = percent(*build);
    }
    const Migrator* migrator = initializer_.migrator();
    if (migrator != nullptr && migrator->stage() == Migrator::Stage::kWorking) {
      const Migrator::Progress progress = migrator->progress();
      phase.what = progress.what;
      phase.of = progress.of;
      phase.step = progress.step;
      phase.percent = progress.percent;
    }
  }
  return phase;
}

void Gate::explain(Snapshot& next, bool reachable) const {
  const bool drained = state_ == State::kDraining || drained_until_;
  if (drained) {
    next.code = Reason::kDraining;
    next.reason = text(Reason::kDraining).meaning;
  } else if (next.facts.open && reachable) {
    next.code = Reason::kNone;
    next.reason.clear();
  } else if (state_ == State::kWaiting && code_ == Reason::kInitializing) {
    next.code = Reason::kLeaseHeld;
    next.reason = text(Reason::kLeaseHeld).meaning;
  } else if (const auto build = initializer_.builds().slowest(); build && build->waits_for_members) {
    next.code = Reason::kWaitingForMembers;
    next.reason = text(Reason::kWaitingForMembers).meaning;
  } else {
    next.code = code_;
    next.reason = reason_.empty() ? std::string(text(code_).meaning) : reason_;
  }
}

void Gate::say_progress(Now now) {
  if (state_ != State::kInitializing || now.instant - said_phase_at_ < kSayProgressEvery) return;
  const Migrator* migrator = initializer_.migrator();
  if (migrator != nullptr && migrator->stage() == Migrator::Stage::kWorking) return;  // it tells of documents
  const Snapshot::Phase at = phase();
  if (at == said_phase_ || at.of == 0) return;
  said_phase_ = at;
  said_phase_at_ = now.instant;
  const std::string percent = at.percent ? fmt::format("{} %", *at.percent) : "";
  commands_.say(
      LogLevel::kInfo,
      fmt::format("Progress: step {} of {}: {}{}{}", at.step, at.of, at.what, percent.empty() ? "" : ": ", percent),
      fmt::format("\"step\":{},\"of\":{},\"percent\":{}", at.step, at.of,
                  at.percent ? fmt::format("{}", *at.percent) : "\"unknown\""));
}

void Gate::refresh(Now now) {
  const bool reachable = reachability_.reachable(now.instant);
  Snapshot next = snapshot_;
  next.state = state_;
  next.checks = checks(reachable);
  const bool checks_pass = auditor_.drift() == Reason::kNone && auditor_.migrations() == Reason::kNone &&
                           !schema_file_differs_ && asked_.all_pass();
  next.facts =
      derive(Latches{state_, initialized_, reachable, drained_until_.has_value(), checks_pass}, settings_.ready_policy);
  next.phase = phase();
  explain(next, reachable);
  next.retryable = retryable_;
  next.attempt = attempt_;
  next.next_attempt_at.reset();
  if (next_attempt_) next.next_attempt_at = next_attempt_->wall;
  if (const auto& ledger = initializer_.ledger()) {
    next.lease = {ledger->owner.value_or(""), ledger->token, initializer_.holds_lease()};
  }
  if (initializer_.applier() != nullptr && !initializer_.applier()->server().version.empty()) {
    next.server.product = initializer_.applier()->server().product;
    next.server.version = initializer_.applier()->server().version;
  }
  next.server.topology = topology_;
  progress_waits_ = false;
  if (next == snapshot_ && next.seq != 0) return;
  Snapshot but_progress = next;
  but_progress.phase = snapshot_.phase;
  if (next.seq != 0 && but_progress == snapshot_ && now.instant - rendered_at_ < kRenderEvery) {
    progress_waits_ = true;
    return;
  }
  ++next.seq;
  rendered_at_ = now.instant;
  snapshot_ = std::move(next);
}

}  // namespace readygate::core
