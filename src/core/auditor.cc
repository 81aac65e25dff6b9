#include "core/auditor.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace readygate::core {
namespace {

// The look after opening starts within this time, spread over the replicas.
constexpr Millis kLookWithin{10'000};
constexpr Millis kMigrateWithin{1'000};
constexpr Millis kAgain{60'000};

// A database that is away, or busy, is another check's business.
bool passes_by_itself(const Judgement& failure) {
  return failure.verdict != Verdict::kPermanent && failure.reason != Reason::kDrift;
}

std::string in_words(const Judgement& found) {
  switch (found.reason) {
    case Reason::kSchemaNewer: return found.sentence;
    case Reason::kDrift:
    case Reason::kConflict:
    case Reason::kOwnedElsewhere:
    case Reason::kNotHonoured: return "The database has drifted from the schema: " + found.sentence;
    default: return "The database cannot be compared with the schema: " + found.sentence;
  }
}

}  // namespace

Auditor::Auditor(const schema::Schema& schema, const InitializerSettings& settings, const RetrySettings& retries,
                 const std::string& instance_id, Random& random)
    : schema_(schema),
      settings_(settings),
      random_(random),
      repair_(schema, settings, instance_id, random, Initializer::Purpose::kRepair),
      background_(schema, settings, instance_id, random, Initializer::Purpose::kBackground),
      repairs_(retries, random),
      migration_retries_(retries, random) {}

void Auditor::opened(bool catalog_unseen, bool took_over, std::vector<Owns> owns, Instant now) {
  owns_ = std::move(owns);
  if (took_over) {
    look_at_ = now + settings_.lease.period;
  } else if (catalog_unseen && schema_.policy.verify == schema::Policy::Verify::kAfter) {
    look_at_ = now + random_up_to(random_, kLookWithin);
  }
  recheck_at_ = now + jittered(random_, kAgain);
  const bool any = std::any_of(schema_.migrations.begin(), schema_.migrations.end(), [](const auto& migration) {
    return migration.phase == schema::Migration::Phase::kBackground;
  });
  if (any && settings_.mode == InitMode::kApply) migrate_at_ = now + random_up_to(random_, kMigrateWithin);
}

void Auditor::stop(Commands& commands) {
  look_.reset();
  look_at_.reset();
  recheck_at_.reset();
  ledger_task_.reset();
  migrate_at_.reset();
  repair_.abandon(commands);
  background_.abandon(commands);
}

bool Auditor::retry(Instant now) {
  const bool migrate = (migrations_ || migrate_at_) && !background_.running();
  const bool look = drift_ && !look_ && !repair_.running();
  if (migrate) migrate_at_ = now;
  if (look) look_at_ = now;
  return migrate || look;
}

bool Auditor::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall) {
  if (look_ && look_->on(commands, id, outcome)) {
    on_look(commands, now);
  } else if (ledger_task_ == id) {
    ledger_task_.reset();
    recheck_at_ = now + jittered(random_, kAgain);
    if (const auto* read = outcome ? std::get_if<LedgerRead>(&*outcome) : nullptr) {
      on_ledger(commands, *read, now);
    } else if (!outcome && outcome.error().domain == Domain::kDamaged) {
      found(commands, judge(outcome.error()));
    }
  } else if (repair_.on(commands, id, outcome, now, wall)) {
    follow_repair(commands, now);
  } else if (background_.on(commands, id, outcome, now, wall)) {
    follow_background(commands, now);
  } else {
    return false;
  }
  return true;
}

void Auditor::tick(Commands& commands, Instant now, WallTime wall) {
  repair_.tick(commands, now, wall);
  follow_repair(commands, now);
  background_.tick(commands, now, wall);
  follow_background(commands, now);
  if (migrate_at_ && now >= *migrate_at_) {
    migrate_at_.reset();
    background_.begin(commands);
  }
  if (look_at_ && now >= *look_at_ && !look_ && !repair_.running()) look(commands);
  if (recheck_at_ && now >= *recheck_at_ && !ledger_task_) {
    recheck_at_.reset();
    ledger_task_ = commands.start(ReadLedger{});
  }
}

std::optional<Instant> Auditor::next_tick() const {
  std::optional<Instant> next = repair_.next_tick();
  const auto at = [&](std::optional<Instant> when) { next = earlier(next, when); };
  at(background_.next_tick());
  at(migrate_at_);
  if (!look_ && !repair_.running()) at(look_at_);
  if (!ledger_task_) at(recheck_at_);
  return next;
}

std::string Auditor::migrating_at() const {
  const Migrator* migrator = background_.migrator();
  if (!background_.running()) return "the pause before the next attempt";
  if (!background_.holds_lease()) return "waiting for the lease, which another replica has";
  if (migrator == nullptr || migrator->stage() != Migrator::Stage::kWorking) return "reading what is left of them";
  const Migrator::Progress at = migrator->progress();
  return fmt::format("{}, {} done{}", at.what, at.done, at.total < 0 ? "" : fmt::format(" of about {}", at.total));
}

const std::vector<std::string>* Auditor::pending() const {
  const Migrator* migrator = background_.migrator();
  const bool read = migrator != nullptr &&
                    (migrator->stage() == Migrator::Stage::kWorking || migrator->stage() == Migrator::Stage::kDone);
  return read ? &migrator->pending() : nullptr;
}

void Auditor::look(Commands& commands) {
  look_at_.reset();
  look_.emplace(schema_, settings_.parallelism, owns_, Applier::Mode::kLook);
  look_->begin(commands);
}

void Auditor::on_look(Commands& commands, Instant now) {
  if (look_->stage() == Applier::Stage::kMatched) {
    drift_.reset();
    repairs_.went_on();
    look_.reset();
  } else if (look_->stage() == Applier::Stage::kBroken) {
    const Judgement judgement = look_->judgement();
    const bool drifted = look_->drifted();
    look_.reset();
    if (drifted && settings_.mode == InitMode::kApply) {
      // Where a repair has failed before, its reason says more than the difference.
      if (!drift_ || drift_->verdict != Verdict::kPermanent) found(commands, judgement);
      repair_.begin(commands);
    } else if (passes_by_itself(judgement)) {
      commands.say(repairs_.news(judgement) ? LogLevel::kInfo : LogLevel::kDebug,
                   "The database is compared with the schema a little later: " + judgement.sentence, judgement.reason);
      look_at_ = now + repairs_.pause_after(judgement).value_or(kAgain);
    } else {
      found(commands, judgement);
      look_at_ = now + jittered(random_, kAgain);
    }
  }
}

void Auditor::on_ledger(Commands& commands, const LedgerRead& read, Instant now) {
  if (const auto withheld = core::withheld_steps(read.ledger)) withheld_ = withheld;
  // What was said of the ledger alone, and not of the catalog.
  const bool of_ledger = drift_ && (drift_->reason == Reason::kSchemaNewer || drift_->reason == Reason::kLedgerDamaged);
  switch (standing(read.ledger, schema_)) {
    case Standing::kApplied:
      if (of_ledger) drift_.reset();
      break;
    case Standing::kNewer:
      if (may_open_on_newer(*read.ledger, schema_)) {
        if (of_ledger) drift_.reset();
      } else {
        found(commands, {Verdict::kPermanent, Reason::kSchemaNewer,
                         fmt::format("A newer version of schema \"{}\" was applied, which this version's code does not "
                                     "work on (min_open {}). Roll forward.",
                                     schema_.name, read.ledger->applied ? read.ledger->applied->min_open : 0)});
      }
      break;
    case Standing::kNeeded:
    case Standing::kNotRaised:
      // The ledger was lost, rolled back or rewritten: the catalog decides.
      if (!look_ && !look_at_ && !repair_.running()) look_at_ = now;
      break;
  }
}

void Auditor::follow_repair(Commands& commands, Instant now) {
  for (const State state : repair_.take_path()) {
    if (state != State::kReady) continue;
    drift_.reset();
    repairs_.went_on();
    withheld_ = core::withheld_steps(repair_.ledger());
    commands.say(LogLevel::kWarn, "The database had drifted from the schema, and was repaired");
  }
  const auto failure = repair_.take_failure();
  if (!failure) return;
  const bool news = repairs_.news(*failure);
  if (const auto pause = repairs_.pause_after(*failure)) look_at_ = now + *pause;
  if (passes_by_itself(*failure)) {
    commands.say(news ? LogLevel::kWarn : LogLevel::kDebug,
                 "The repair of what has drifted pauses, and goes on by itself: " + failure->sentence, failure->reason);
  } else if (failure->verdict != Verdict::kPermanent) {
    found(commands, *failure);
  } else {
    drift_ = *failure;
    commands.say(news ? LogLevel::kError : LogLevel::kDebug,
                 "What has drifted from the schema cannot be repaired: " + failure->sentence, failure->reason);
  }
}

void Auditor::follow_background(Commands& commands, Instant now) {
  follow_progress();
  for (const State state : background_.take_path()) {
    if (state != State::kReady) continue;
    migrations_.reset();
    migration_retries_.went_on();
    reached_ = {};
  }
  const auto failure = background_.take_failure();
  if (!failure) return;
  const bool news = migration_retries_.news(*failure);
  if (const auto pause = migration_retries_.pause_after(*failure)) migrate_at_ = now + *pause;
  if (failure->verdict != Verdict::kPermanent) {
    commands.say(news ? LogLevel::kWarn : LogLevel::kDebug,
                 "A background migration pauses, and goes on by itself: " + failure->sentence, failure->reason);
  } else {
    migrations_ = *failure;
    commands.say(news ? LogLevel::kError : LogLevel::kDebug, "A background migration failed: " + failure->sentence,
                 failure->reason);
  }
}

// A second loss of a long migration is told like the first.
void Auditor::follow_progress() {
  const Migrator* migrator = background_.migrator();
  if (migrator == nullptr || migrator->stage() != Migrator::Stage::kWorking) return;
  const Migrator::Progress progress = migrator->progress();
  const std::pair<int, std::int64_t> at(progress.step, progress.done);
  if (at <= reached_) return;
  reached_ = at;
  migration_retries_.went_on();
}

void Auditor::found(Commands& commands, const Judgement& judgement) {
  const bool known = drift_ && drift_->reason == judgement.reason && drift_->sentence == judgement.sentence;
  drift_ = judgement;
  commands.say(known ? LogLevel::kDebug : LogLevel::kWarn, in_words(judgement), judgement.reason);
}

}  // namespace readygate::core
