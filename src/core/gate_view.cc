// What the gate tells of itself: its checks, its phase and why it is not open, as a snapshot.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "core/gate.h"

namespace readygate::core {
namespace {

constexpr Millis kSayProgressEvery{5'000};
constexpr std::string_view kOverloadedServing = "overloaded: the server refuses some of what it is asked";
constexpr std::string_view kOverloadedWaiting = "overloaded: the server refuses work, and is asked again after a pause";

}  // namespace

std::vector<Check> Gate::checks(bool reachable) const {
  const bool patient = settings_.ready_policy == ReadyPolicy::kLatched;
  const auto check = [](std::string check_name, bool passed, Reason reason) {
    return Check{std::move(check_name), passed, passed ? Reason::kNone : reason, {}};
  };
  const Reason why = cause(reachable).code;
  std::vector<Check> all;
  all.push_back(check("schema", initialized_, why));
  all.push_back(check("mongodb", reachable || (patient && initialized_), why));
  if (const auto& trouble = causes_.trouble()) {
    // Also while it passes: a loss that is too young to count is one.
    all.back().reason = trouble->code;
    all.back().sentence = trouble->sentence;
    all.back().origin = trouble->origin;
  }
  all.push_back(check("drain", state_ != State::kDraining && !drained_until_, Reason::kDraining));
  const auto audited = [&](std::string_view check_name, const std::optional<Judgement>& failure) {
    all.push_back(check(std::string(check_name), !failure, failure ? failure->reason : Reason::kNone));
    if (!failure) return;
    all.back().sentence = failure->sentence;
    all.back().origin = failure->origin;
  };
  audited(kDriftCheck, auditor_.drift());
  audited(kMigrationsCheck, auditor_.migrations());
  all.push_back(check("schema_file", !schema_file_, Reason::kSchemaFileChanged));
  all.back().sentence = schema_file_.value_or("");
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
  const bool serves = state_ == State::kReady || state_ == State::kDegraded;
  if (overload_.lasts() && (serves || (state_ == State::kConnecting && next_attempt_))) {
    phase.what = serves ? kOverloadedServing : kOverloadedWaiting;
  }
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

// What the initializer does now, where nothing is wrong.
Why Gate::doing() const {
  const auto made_ready = [](std::string sentence) { return Why{Reason::kInitializing, std::move(sentence)}; };
  const auto& ledger = initializer_.ledger();
  switch (state_) {
    case State::kConnecting: return made_ready("A usable primary is looked for, and the ledger is read.");
    case State::kWaiting:
      if (ledger && ledger->owner && *ledger->owner != snapshot_.instance_id) {
        return {Reason::kLeaseHeld, fmt::format("Another replica ({:.8}…) is initializing the database{}{}.",
                                                *ledger->owner, ledger->step.empty() ? "" : ": ", ledger->step)};
      }
      return made_ready(settings_.init.mode == InitMode::kVerify
                            ? fmt::format("Schema {} version {} is not applied, and this replica applies nothing "
                                          "(init.mode = \"verify\"): it waits for one that does.",
                                          schema_.name, schema_.version)
                            : "The right to change the database is asked for.");
    case State::kInitializing: {
      const auto build = initializer_.builds().slowest();
      if (build && build->waits_for_members) {
        return {Reason::kWaitingForMembers, std::string(text(Reason::kWaitingForMembers).meaning)};
      }
      const std::string what = phase().what;
      return made_ready(fmt::format("The database is being made ready{}{}.", what.empty() ? "" : ": ", what));
    }
    case State::kVerifying:
      return made_ready(initializer_.applier() != nullptr ? "The database is compared with the schema."
                                                          : "The right to change the database is asked for.");
    case State::kWarming: return made_ready("The schema is in place; a first connection is opened.");
    case State::kStarting: return {Reason::kStarting, std::string(text(Reason::kStarting).meaning)};
    case State::kReady:
    case State::kDegraded:
    case State::kFailed:
    case State::kDraining: break;
  }
  return {};
}

// The one place that decides what is told of this moment: what is wrong, or else what is being done.
Why Gate::cause(bool reachable) const {
  const auto& trouble = causes_.trouble();
  switch (state_) {
    case State::kStarting: return doing();
    case State::kConnecting: return causes_.failure().value_or(doing());
    case State::kWaiting:
    case State::kInitializing:
    case State::kVerifying:
    case State::kWarming: return trouble.value_or(doing());
    case State::kReady: {
      Why why = trouble.value_or(Why{});
      const bool closes = reachability_.lost() && reachable && settings_.ready_policy == ReadyPolicy::kLive;
      if (trouble && closes) {
        why.sentence += fmt::format(" The gate closes when this lasts for {} (gate.unready_after).",
                                    format_duration(settings_.unready_after));
      }
      return why;
    }
    case State::kDegraded:
      return trouble.value_or(Why{Reason::kDatabaseLost, std::string(text(Reason::kDatabaseLost).meaning)});
    case State::kFailed: return causes_.failure().value_or(Why{Reason::kInternal, {}});
    case State::kDraining: return {Reason::kDraining, std::string(text(Reason::kDraining).meaning)};
  }
  return {};
}

void Gate::explain(Snapshot& next, bool reachable) const {
  Why why = drained_until_ ? Why{Reason::kDraining, std::string(text(Reason::kDraining).meaning)} : cause(reachable);
  next.code = why.code;
  next.origin = why.origin;
  next.reason = std::move(why.sentence);
  // What it says is not said again beside a check.
  for (Check& check : next.checks) {
    if (next.reason.starts_with(check.sentence)) check.sentence.clear();
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
  const bool checks_pass = !auditor_.drift() && !auditor_.migrations() && !schema_file_ && asked_.all_pass();
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
  const auto withheld = auditor_.withheld_steps() ? auditor_.withheld_steps() : withheld_steps(initializer_.ledger());
  next.withheld_steps = withheld.value_or(next.withheld_steps);
  if (initializer_.applier() != nullptr && !initializer_.applier()->server().version.empty()) {
    next.server.product = initializer_.applier()->server().product;
    next.server.version = initializer_.applier()->server().version;
    next.server.mongodb_version = initializer_.applier()->server().mongodb_version;
  }
  next.server.topology = topology_;
  progress_waits_ = false;
  if (next == snapshot_ && next.seq != 0) return;
  Snapshot but_progress = next;
  but_progress.phase = snapshot_.phase;
  // The step that it is at stands in its sentence, too.
  if (state_ == State::kInitializing && next.code == snapshot_.code) but_progress.reason = snapshot_.reason;
  if (next.seq != 0 && but_progress == snapshot_ && now.instant - rendered_at_ < kRenderEvery) {
    progress_waits_ = true;
    return;
  }
  ++next.seq;
  rendered_at_ = now.instant;
  snapshot_ = std::move(next);
}

}  // namespace readygate::core
