#include "core/gate.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/json.h"

namespace readygate::core {
namespace {

// How long the end waits for the lease to be given back.
constexpr Millis kReleaseWithin{500};

bool initializing(State state) {
  return state == State::kConnecting || state == State::kWaiting || state == State::kInitializing ||
         state == State::kVerifying || state == State::kWarming;
}

// What names the place of the state, where it is another one: `schema "a" to "b"`.
std::string renames(const schema::Schema& from, const schema::Schema& to) {
  std::string all;
  if (to.name != from.name) all = fmt::format("schema \"{}\" to \"{}\"", from.name, to.name);
  if (to.database != from.database) {
    all += fmt::format("{}database \"{}\" to \"{}\"", all.empty() ? "" : ", and ", from.database, to.database);
  }
  return all;
}

}  // namespace

Gate::Gate(GateSettings settings, schema::Schema schema, Random& random, Now now)
    : settings_(std::move(settings)),
      schema_(std::move(schema)),
      random_(random),
      started_(now.instant),
      initializer_(schema_, settings_.init, random_id(random), random),
      auditor_(schema_, settings_.init,
               RetrySettings{settings_.backoff_initial, settings_.backoff_max, settings_.failed_retry},
               initializer_.instance_id(), random),
      asked_(settings_.checks),
      reachability_(settings_.unready_after),
      backoff_(settings_.backoff_initial, settings_.backoff_max) {
  snapshot_.instance_id = initializer_.instance_id();
  snapshot_.schema = {schema_.name, schema_.version, schema_.hash};
  snapshot_.started = snapshot_.since = now.wall;
  refresh(now);
}

void Gate::start(Now now) {
  begin_initialization(now);
  settle(now);
}

void Gate::finished(TaskId id, const Outcome& outcome, Now now) {
  overload_.heard(commands_, outcome, initialized_ ? LogLevel::kWarn : LogLevel::kInfo, now.instant);
  if (state_ == State::kDraining) {
    // Of steps that were in flight: then the lease is given back.
    if (!initializer_.on(commands_, id, outcome, now.instant, now.wall)) {
      auditor_.on(commands_, id, outcome, now.instant, now.wall);
    }
    quit_if_due(now);
    return;
  }
  const Heard heard = heard_in(outcome);
  // That of what was given up, or works behind an open gate, does not: the ping tells.
  bool silence_counts = false;
  if (ping_task_ == id) {
    silence_counts = true;
    on_ping(outcome, now);
  } else if (const auto warm = std::find(warm_tasks_.begin(), warm_tasks_.end(), id); warm != warm_tasks_.end()) {
    warm_tasks_.erase(warm);
    if (!outcome && !overloaded(outcome.error())) {
      commands_.say(LogLevel::kInfo, "A further connection could not be warmed: " + outcome.error().message);
    }
  } else if (const bool running = initializer_.running(); !auditor_.on(commands_, id, outcome, now.instant, now.wall)) {
    silence_counts = initializer_.on(commands_, id, outcome, now.instant, now.wall);
    if (silence_counts && running && outcome) causes_.answered();
  }
  if (heard != Heard::kSilence || silence_counts) reachability_.heard(heard, now.instant);
  settle(now);
}

// A ping that is refused is no loss, and what refuses it is for people to know.
void Gate::on_ping(const Outcome& outcome, Now now) {
  ping_task_.reset();
  Millis pause = jittered(random_, settings_.ping_period);
  if (outcome) {
    ping_backoff_.reset();
    said_ping_ = Reason::kNone;
    causes_.ping({});
  } else {
    const Judgement judgement = judge(outcome.error());
    if (judgement.reason == Reason::kOverloaded) {
      pause = std::max(pause, ping_backoff_.next(random_, judgement.base_backoff));
    } else if (heard_in(outcome) != Heard::kSilence &&
               std::exchange(said_ping_, judgement.reason) != judgement.reason) {
      commands_.say(LogLevel::kWarn, fmt::format("The server answers a ping with an error: {}", judgement.sentence),
                    judgement.reason);
    }
    causes_.ping(why_of(judgement));
  }
  ping_at_ = now.instant + pause;
}

void Gate::checked(std::size_t index, const CheckOutcome& outcome, Now now) {
  if (state_ == State::kDraining) return;
  asked_.finished(commands_, index, outcome, now.instant);
  settle(now);
}

void Gate::topology(const TopologyChanged& change, Now now) {
  topology_ = change.topology;
  const bool regained = change.primary && !reachability_.primary_known();
  reachability_.primary(change.primary, now.instant);
  // A ping that failed while there was no primary says nothing about the new one: ask at once.
  if (regained && initialized_) ping_at_ = now.instant;
  if (change.primary) {
    causes_.primary({});
  } else if (change.last_error.message.empty()) {
    causes_.primary(Why{Reason::kNoPrimary, "No writable primary is known."});
  } else {
    causes_.primary(why_of(judge(change.last_error)));
  }
  settle(now);
}

void Gate::tick(Now now) {
  quit_if_due(now);
  if (state_ != State::kDraining) {
    if (drained_until_ && now.instant >= *drained_until_) drained_until_.reset();
    if (init_deadline_ && now.instant >= *init_deadline_) time_out(now);
    if (next_attempt_ && now.instant >= next_attempt_->instant) {
      if (state_ == State::kFailed) {
        begin_initialization(now);
      } else {
        begin_attempt();
      }
    }
    initializer_.tick(commands_, now.instant, now.wall);
    ping_if_due(now);
    auditor_.tick(commands_, now.instant, now.wall);
    asked_.tick(commands_, now.instant);
  }
  settle(now);
}

Retried Gate::retry(std::string_view because, Now now) {
  Retried retried = state_ == State::kFailed || initializing(state_) ? Retried::kUnderWay : Retried::kNothing;
  if (state_ == State::kFailed) {
    commands_.say(LogLevel::kInfo, fmt::format("Trying again: {}", because));
    begin_initialization(now);
  } else if (next_attempt_ && initializing(state_)) {
    begin_attempt();
  } else if (initialized_ && state_ != State::kDraining && auditor_.retry(now.instant)) {
    retried = Retried::kUnderWay;
    commands_.say(LogLevel::kInfo, fmt::format("Trying again what failed behind the open gate: {}", because));
    auditor_.tick(commands_, now.instant, now.wall);
  }
  settle(now);
  return retried;
}

void Gate::drain(Millis duration, Now now) {
  drained_until_ = now.instant + duration;
  settle(now);
}

void Gate::undrain(Now now) {
  drained_until_.reset();
  settle(now);
}

void Gate::schema_file(const schema::Schema& now_in_file, Now now) {
  if (state_ == State::kDraining) return;
  const bool differs = now_in_file.hash != schema_.hash || now_in_file.version != schema_.version;
  const std::string renamed = renames(schema_, now_in_file);
  if (!renamed.empty()) {
    // Nothing of it is taken: it may be made for another database than this one.
    needs_restart(fmt::format("The schema file renames {}: in force only after a restart", renamed));
  } else if (initialized_) {
    needs_restart(
        differs ? std::optional<std::string>("The schema file changed while the gate was open; restart to apply it")
                : std::nullopt);
  } else {
    needs_restart({});
  }
  if (renamed.empty() && !initialized_ && differs && state_ != State::kStarting) {
    initializer_.abandon(commands_);
    schema_ = now_in_file;
    snapshot_.schema = {schema_.name, schema_.version, schema_.hash};
    commands_.say(LogLevel::kInfo, "The schema file changed; starting again with it");
    if (state_ != State::kFailed && state_ != State::kConnecting) go(State::kConnecting, now);
    if (state_ == State::kFailed) {
      begin_initialization(now);
    } else {
      begin_attempt();
    }
  }
  settle(now);
}

void Gate::needs_restart(std::optional<std::string> why) {
  if (why && why != schema_file_) commands_.say(LogLevel::kWarn, *why, Reason::kSchemaFileChanged);
  schema_file_ = std::move(why);
}

void Gate::secret_changed(std::string_view what, Now now) {
  if (state_ == State::kDraining) return;
  commands_.say(LogLevel::kInfo, fmt::format("{} changed; connecting anew with it", what));
  commands_.fresh_pool();
  if (initialized_) {
    ping_task_.reset();
    ping_at_ = now.instant;
    warm_more(settings_.warm_connections - 1);
  } else {
    auth_refused_since_.reset();
    retry(fmt::format("{} changed", what), now);
  }
  settle(now);
}

void Gate::terminate(Now now, std::string_view because) {
  if (state_ == State::kDraining) return;
  initializer_.abandon(commands_);
  auditor_.stop(commands_);
  next_attempt_.reset();
  init_deadline_.reset();
  ping_at_.reset();
  commands_.say(LogLevel::kInfo, settings_.drain_delay.count() == 0
                                     ? fmt::format("{}: closing", because)
                                     : fmt::format("{}: not open any more, serving for {}", because,
                                                   format_duration(settings_.drain_delay)));
  go(State::kDraining, now);
  quit_at_ = now.instant + settings_.drain_delay;
  release_waited_to_ = now.instant + kReleaseWithin;
  settle(now);
}

bool Gate::giving_back() const { return initializer_.giving_back() || auditor_.giving_back(); }

// When drain_delay is over and the lease is given back, or was waited for long enough.
void Gate::quit_if_due(Now now) {
  if (!quit_at_ || now.instant < *quit_at_) return;
  if (giving_back() && now.instant < *release_waited_to_) return;
  quit_at_.reset();
  commands_.quit();
}

Gate::Work Gate::work() const {
  Work work;
  work.steps = initializer_.steps();
  if (const auto* left = auditor_.pending()) {
    work.pending = *left;
  } else if (initializer_.migrator() != nullptr) {
    work.pending = initializer_.migrator()->pending();
  } else if (initializer_.ledger()) {
    work.pending = initializer_.ledger()->pending;
  }
  return work;
}

std::optional<Instant> Gate::next_tick(Instant now) const {
  std::optional<Instant> next;
  const auto at = [&](std::optional<Instant> when) { next = earlier(next, when); };
  if (state_ == State::kDraining) {
    if (!quit_at_) return next;
    return !giving_back() || now < *quit_at_ ? *quit_at_ : std::max(*quit_at_, *release_waited_to_);
  }
  if (next_attempt_) at(next_attempt_->instant);
  at(init_deadline_);
  at(drained_until_);
  at(initializer_.next_tick());
  at(reachability_.next_change(now));
  if (!ping_task_) at(ping_at_);
  at(auditor_.next_tick());
  at(asked_.next_tick());
  if (progress_waits_) at(rendered_at_ + kRenderEvery);
  return next;
}

// After every event: follow the initializer, then the database, then tell.
void Gate::settle(Now now) {
  if (state_ != State::kDraining) {
    for (const State state : initializer_.take_path()) {
      go(state, now);
      if (state == State::kReady) completed(now);
    }
    if (const auto failure = initializer_.take_failure()) fail(*failure, now);
    follow_reachability(now);
  }
  say_progress(now);
  refresh(now);
}

void Gate::go(State to, Now now) {
  if (state_ == to) return;
  if (!allowed(state_, to)) std::abort();  // a way that the table does not know is a bug; see core/state.h
  const State from = state_;
  state_ = to;
  causes_.entered();
  if (to == State::kInitializing) said_phase_at_ = now.instant;  // what is done soon needs no progress
  commands_.stamp(state_, attempt_);
  snapshot_.since = now.wall;
  commands_.say(LogLevel::kInfo, fmt::format("State: {}", name(to)),
                fmt::format("\"from\":{}", json_quote(name(from))));
}

void Gate::begin_initialization(Now now) {
  backoff_.reset();
  overload_backoff_.reset();
  auth_refused_since_.reset();
  said_reason_ = Reason::kNone;
  causes_.begun();
  if (state_ == State::kFailed) commands_.fresh_pool();
  go(State::kConnecting, now);
  commands_.stamp(state_, attempt_ + 1);
  commands_.say(LogLevel::kInfo, "Starting database initialization...");
  if (settings_.init_timeout.count() > 0) init_deadline_ = now.instant + settings_.init_timeout;
  begin_attempt();
}

void Gate::begin_attempt() {
  next_attempt_.reset();
  ++attempt_;
  commands_.stamp(state_, attempt_);
  retryable_ = true;
  initializer_.begin(commands_);
}

void Gate::fail(const Judgement& judgement, Now now) {
  if (initializing(state_) && state_ != State::kConnecting && judgement.verdict != Verdict::kPermanent) {
    go(State::kConnecting, now);
  }
  bool permanent = judgement.verdict == Verdict::kPermanent;
  if (judgement.verdict == Verdict::kAuthGrace) {
    if (!auth_refused_since_) auth_refused_since_ = now.instant;
    permanent = now.instant - *auth_refused_since_ >= settings_.auth_grace;
  } else {
    auth_refused_since_.reset();
  }
  if (permanent) {
    fail_for_good(why_of(judgement), now);
    return;
  }
  causes_.failed(why_of(judgement));
  const bool slow = judgement.verdict == Verdict::kSlow;
  const bool overload = judgement.reason == Reason::kOverloaded;
  if (!overload) overload_backoff_.reset();
  const Millis delay = slow       ? jittered(random_, slow_pace(settings_.failed_retry))
                       : overload ? overload_backoff_.next(random_, judgement.base_backoff)
                                  : backoff_.next(random_);
  // Every cause once; the same one again only in the status, or the log would fill with what everyone knows.
  const bool said = said_reason_ == judgement.reason;
  said_reason_ = judgement.reason;
  commands_.say(said ? LogLevel::kDebug : LogLevel::kWarn,
                fmt::format("The database is not ready yet: {}", judgement.sentence), judgement.reason,
                judgement.origin);
  // A changed secret takes effect; and steps that hang under a lost lease keep no worker from the next attempt.
  if (judgement.verdict == Verdict::kAuthGrace || slow || judgement.reason == Reason::kLeaseLost ||
      judgement.reason == Reason::kBuildStalled) {
    commands_.fresh_pool();
  }
  pause(delay, now);
}

void Gate::fail_for_good(Why why, Now now) {
  retryable_ = true;  // by `readygate status --retry`, and by itself when init.failed_retry is not 0
  init_deadline_.reset();
  next_attempt_.reset();
  go(State::kFailed, now);
  commands_.say(LogLevel::kError, fmt::format("Database initialization failed: {}", why.sentence), why.code,
                why.origin);
  causes_.failed(std::move(why));
  if (settings_.failed_retry.count() > 0) pause(jittered(random_, settings_.failed_retry), now);
}

void Gate::time_out(Now now) {
  const std::string limit = format_duration(settings_.init_timeout);
  if (!initialized_) {
    const auto& last = causes_.last_failure();
    std::string sentence =
        fmt::format("Initialization did not end within init.timeout ({}). It was last at: {}.{}{}", limit, phase().what,
                    last ? " The last failure: " : "", last ? last->sentence : "");
    initializer_.abandon(commands_);
    fail_for_good({Reason::kInitTimeout, std::move(sentence)}, now);
  } else if (auditor_.migrating()) {
    const std::string at = auditor_.migrating_at();
    auditor_.stop(commands_);
    initialized_ = false;
    std::string sentence = fmt::format(
        "The schema is applied, and its background migrations did not end within init.timeout ({}). They "
        "were last at: {}. The next run goes on there.",
        limit, at);
    fail_for_good({Reason::kInitTimeout, std::move(sentence)}, now);
  } else {
    init_deadline_.reset();
  }
}

void Gate::pause(Millis delay, Now now) { next_attempt_ = Now{now.instant + delay, now.wall + delay}; }

void Gate::completed(Now now) {
  initialized_ = true;
  auth_refused_since_.reset();
  backoff_.reset();
  // The answers that brought us here came from a writable primary, whatever the monitors' events, which travel apart.
  reachability_.primary(true, now.instant);
  reachability_.heard(Heard::kAnswer, now.instant);
  causes_.primary({});
  commands_.say(LogLevel::kInfo, "Database initialization completed. Connected: True",
                fmt::format("\"schema\":{},\"version\":{}", json_quote(schema_.name), schema_.version));
  if (const std::int32_t withheld = withheld_steps(initializer_.ledger()).value_or(0); withheld > 0) {
    commands_.say(LogLevel::kWarn, withheld_words(withheld) + "; `readygate plan` lists what is held back",
                  fmt::format("\"withheld_steps\":{}", withheld));
  }
  ping_at_ = now.instant + jittered(random_, settings_.ping_period);
  const Applier* applier = initializer_.applier();
  warm_more(initializer_.warmed() ? settings_.warm_connections - 1 : settings_.warm_connections);
  asked_.start(now.instant);
  const auto& ledger = initializer_.ledger();
  std::vector<Owns> owns = applier != nullptr ? applier->owns() : ledger ? ledger->owns : std::vector<Owns>{};
  auditor_.opened(applier == nullptr, initializer_.took_over(), std::move(owns), now.instant);
  if (settings_.init_timeout_covers == TimeoutCovers::kOpening || !auditor_.migrating()) init_deadline_.reset();
}

void Gate::warm_more(int connections) {
  for (int i = 0; i < connections; ++i) warm_tasks_.push_back(commands_.start(Warm{}));
}

void Gate::follow_reachability(Now now) {
  const bool reachable = reachability_.reachable(now.instant);
  if (state_ == State::kReady && !reachable) {
    go(State::kDegraded, now);
    const Why why = cause(reachable);
    commands_.say(LogLevel::kWarn, fmt::format("The database is lost: {}", why.sentence), why.code);
  } else if (state_ == State::kDegraded && reachable) {
    go(State::kReady, now);
    commands_.say(LogLevel::kInfo, "The database is back");
  }
  // A build may hang on a connection whose server is gone. The monitors know; after the same patience, connect anew.
  if (initializing(state_) && initializer_.running() && reachability_.lost() && !reachable &&
      initializer_.applier() != nullptr) {
    initializer_.abandon(commands_);
    commands_.fresh_pool();
    fail({Verdict::kTransient, Reason::kDatabaseLost, "The primary went away during initialization. This is retried."},
         now);
  }
}

void Gate::ping_if_due(Now now) {
  if (!initialized_ || ping_task_ || !ping_at_ || now.instant < *ping_at_) return;
  ping_at_.reset();
  ping_task_ = commands_.start(Ping{});
}

}  // namespace readygate::core
