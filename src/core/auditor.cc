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

}  // namespace

Auditor::Auditor(const schema::Schema& schema, const InitializerSettings& settings, const std::string& instance_id,
                 Random& random)
    : schema_(schema),
      settings_(settings),
      random_(random),
      repair_(schema, settings, instance_id, random, Initializer::Purpose::kRepair),
      background_(schema, settings, instance_id, random, Initializer::Purpose::kBackground) {}

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

bool Auditor::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall) {
  if (look_ && look_->on(commands, id, outcome)) {
    on_look(commands, now);
  } else if (ledger_task_ == id) {
    ledger_task_.reset();
    recheck_at_ = now + jittered(random_, kAgain);
    // A database that is away is another check's business.
    if (const auto* read = outcome ? std::get_if<LedgerRead>(&*outcome) : nullptr) on_ledger(commands, *read, now);
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
    result_ = Reason::kNone;
    look_.reset();
  } else if (look_->stage() == Applier::Stage::kBroken) {
    const Judgement judgement = look_->judgement();
    const bool drifted = look_->drifted();
    look_.reset();
    found(commands, judgement);
    if (drifted && settings_.mode == InitMode::kApply) {
      repair_.begin(commands);
    } else {
      look_at_ = now + jittered(random_, kAgain);
    }
  }
}

void Auditor::on_ledger(Commands& commands, const LedgerRead& read, Instant now) {
  switch (standing(read.ledger, schema_)) {
    case Standing::kApplied:
      if (result_ == Reason::kSchemaNewer) result_ = Reason::kNone;
      break;
    case Standing::kNewer:
      if (may_open_on_newer(*read.ledger, schema_)) {
        if (result_ == Reason::kSchemaNewer) result_ = Reason::kNone;
      } else if (result_ != Reason::kSchemaNewer) {
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
    result_ = Reason::kNone;
    commands.say(LogLevel::kWarn, "The database had drifted from the schema, and was repaired");
  }
  if (const auto failure = repair_.take_failure()) {
    found(commands, *failure);
    look_at_ = now + jittered(random_, kAgain);
  }
}

void Auditor::follow_background(Commands& commands, Instant now) {
  for (const State state : background_.take_path()) {
    if (state == State::kReady) migrations_ = Reason::kNone;
  }
  if (const auto failure = background_.take_failure()) {
    migrate_at_ = now + jittered(random_, kAgain);
    if (failure->verdict != Verdict::kPermanent) return;  // a database that is away is another check's business
    if (migrations_ != failure->reason) {
      commands.say(LogLevel::kError, "A background migration failed: " + failure->sentence, failure->reason);
    }
    migrations_ = failure->reason;
  }
}

void Auditor::found(Commands& commands, const Judgement& judgement) {
  // A database that is away is another check's business.
  if (judgement.verdict != Verdict::kPermanent && judgement.reason != Reason::kDrift) return;
  result_ = judgement.reason;
  commands.say(LogLevel::kWarn,
               judgement.reason == Reason::kSchemaNewer
                   ? judgement.sentence
                   : "The database has drifted from the schema: " + judgement.sentence,
               judgement.reason);
}

}  // namespace readygate::core
