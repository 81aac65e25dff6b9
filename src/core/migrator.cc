// Which interruption may be followed by what is decided in begin_job(); the runners of src/mongo see to it that a claim
// and a checkpoint mean what they say.
#include "core/migrator.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "schema/migration_commands.h"

namespace readygate::core {
namespace {

using schema::Migration;
using schema::Seed;

// Between two passes of a background migration: documents that the version before still writes come one by one.
constexpr Millis kPassPause{1'000};
constexpr Millis kSayEvery{5'000};  // lines of progress in the log

bool is_refusal(const Judgement& judgement) {
  return judgement.verdict == Verdict::kPermanent &&
         (judgement.origin == Origin::kDeclaration || judgement.origin == Origin::kDocuments);
}

}  // namespace

Migrator::Migrator(const schema::Schema& schema, Migration::Phase phase, Holder holder, NotAfter not_after,
                   Random& random)
    : schema_(schema), phase_(phase), holder_(std::move(holder)), not_after_(std::move(not_after)), random_(random) {}

void Migrator::begin(Commands& commands) {
  const bool seeds = phase_ == Migration::Phase::kPre && !schema_.seeds.empty();
  if (!seeds && schema_.migrations.empty()) {
    stage_ = Stage::kDone;
    return;
  }
  stage_ = Stage::kReading;
  start(commands, Doing::kRead, ReadMigrations{});
}

void Migrator::start(Commands& commands, Doing doing, Work work) {
  doing_ = doing;
  task_ = commands.start(std::move(work));
}

bool Migrator::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now) {
  if (task_ != id) return false;
  task_.reset();
  if (stage_ == Stage::kBroken || stage_ == Stage::kDone) return true;
  if (!outcome) {
    on_failure(commands, doing_, outcome.error(), now);
  } else if (const auto* read = std::get_if<MigrationsRead>(&*outcome)) {
    on_records(commands, *read);
  } else if (const auto* moved = std::get_if<MigrationMoved>(&*outcome)) {
    on_moved(commands, doing_, *moved, now);
  }
  return true;
}

void Migrator::tick(Commands& commands, Instant now) {
  if (!go_on_at_ || now < *go_on_at_ || task_) return;
  go_on_at_.reset();
  work(commands);
}

// ------------------------------------------------------------------------------------------------------------ the jobs

void Migrator::on_records(Commands& commands, const MigrationsRead& read) {
  records_ = read.records;
  transactions_ = read.transactions;
  pending_ = pending_migrations(schema_, records_);
  for (const Migration& migration : schema_.migrations) {
    const MigrationRecord* record = find_record(records_, migration_key(migration));
    if (record == nullptr || same_content(record->checksum, migration.checksum)) continue;
    if (record->state != RecordState::kDone && record->state != RecordState::kRunning) continue;
    broke({Verdict::kPermanent, Reason::kMigrationEdited,
           fmt::format("Migration \"{}\" was {} with checksum {}, and the schema file ({}) has it with checksum {}. "
                       "Restore it, and write what is new as a migration of its own.",
                       migration.id, record->state == RecordState::kDone ? "applied" : "begun", record->checksum,
                       to_string(migration.place), migration.checksum)});
    return;
  }
  if (phase_ == Migration::Phase::kPre) {
    // Before the seeds: should this end in between, a content that comes back later is known to be overwritten.
    for (const MigrationRecord& record : records_) {
      const bool declared = std::any_of(schema_.seeds.begin(), schema_.seeds.end(),
                                        [&](const Seed& seed) { return seed_key(seed) == record.key; });
      if (record.key.starts_with("s/") && record.state != RecordState::kSuperseded && !declared) {
        jobs_.push_back(Job{nullptr, nullptr, &record});
        ++skipped_;
      }
    }
    for (const Seed& seed : schema_.seeds) jobs_.push_back(Job{&seed, nullptr, nullptr});
  }
  for (const Migration& migration : schema_.migrations) {
    if (migration.phase != phase_) continue;
    const MigrationRecord* record = find_record(records_, migration_key(migration));
    const bool done = record != nullptr && record->state == RecordState::kDone;
    if (phase_ == Migration::Phase::kPre && schema_.policy.contract == schema::Policy::Contract::kReport && !done) {
      ++withheld_;
      commands.say(LogLevel::kWarn, fmt::format("Held back, because it can break the version before and "
                                                "policy.contract is \"report\": migration {}",
                                                migration.id));
      continue;
    }
    jobs_.push_back(Job{nullptr, &migration, nullptr});
  }
  stage_ = Stage::kWorking;
  begin_job(commands);
}

void Migrator::next_job(Commands& commands) {
  ++job_;
  begin_job(commands);
}

void Migrator::begin_job(Commands& commands) {
  for (; job_ < jobs_.size(); ++job_) {
    record_.reset();
    seed_at_ = 0;
    changed_ = 0;
    const Job& job = jobs_[job_];
    if (job.superseded != nullptr) {
      record_ = *job.superseded;
      record_->state = RecordState::kSuperseded;
      start(commands, Doing::kFinish, WriteMigration{fence(), *record_});
      return;
    }
    if (job.seed != nullptr && job.seed->mode == Seed::Mode::kInsertMissing) {
      work(commands);
      return;
    }
    const std::string key = job.seed != nullptr ? seed_key(*job.seed) : migration_key(*job.migration);
    const std::string& checksum = job.seed != nullptr ? job.seed->checksum : job.migration->checksum;
    const MigrationRecord* known = find_record(records_, key);
    if (known != nullptr && known->state == RecordState::kDone) continue;
    MigrationRecord record = known != nullptr ? *known : MigrationRecord{};
    record.key = key;
    const bool other_content = known != nullptr && !same_content(known->checksum, checksum);
    record.checksum = checksum;
    if (known == nullptr || other_content || known->state == RecordState::kSuperseded) {
      record.from_the_start();
      claim(commands, std::move(record), false);
      return;
    }
    // A seed may be repeated: the same content is written again.
    const Migration::OnCrash on_crash =
        job.migration != nullptr ? job.migration->on_crash : Migration::OnCrash::kResume;
    if (known->state != RecordState::kPending) {
      if (known->code == name(Reason::kMigrationNotConvergent)) {
        interrupted(
            "its update left documents that still match its filter, and doing it again could change them twice");
        return;
      }
      if (on_crash == Migration::OnCrash::kManual) {
        interrupted("its on_crash is \"manual\"");
        return;
      }
    }
    const bool again = known->state != RecordState::kPending && on_crash == Migration::OnCrash::kRetry;
    if (again) record.from_the_start();
    claim(commands, std::move(record), !again);
    return;
  }
  stage_ = Stage::kDone;
}

void Migrator::claim(Commands& commands, MigrationRecord record, bool keep_progress) {
  record.state = RecordState::kRunning;
  record.token = holder_.token;
  record.owner = holder_.owner;
  record.code.clear();
  record.error.clear();
  record_ = record;
  commands.say(LogLevel::kInfo,
               fmt::format("{} {}", keep_progress && record.has_checkpoint() ? "Resuming" : "Running", label()));
  start(commands, Doing::kClaim, ClaimMigration{fence(), std::move(record), keep_progress});
}

// -------------------------------------------------------------------------------------------------------- what is done

void Migrator::work(Commands& commands) {
  const Job& job = jobs_[job_];
  if (job.seed != nullptr) {
    run_seed(commands);
  } else if (const schema::Batch* batch = job.migration->batch()) {
    run_batch(commands, *batch);
  } else {
    run_command(commands, job.migration->commands()->commands);
  }
}

void Migrator::run_seed(Commands& commands) {
  const Seed& seed = *jobs_[job_].seed;
  const auto begin = record_ ? static_cast<std::size_t>(next_seed_document(*record_)) : seed_at_;
  if (begin >= seed.docs.size()) {
    if (record_) {
      finish(commands);
      return;
    }
    if (changed_ > 0) commands.say(LogLevel::kInfo, fmt::format("Completed {}: {} inserted", label(), changed_));
    next_job(commands);
    return;
  }
  const std::size_t end = std::min(begin + kSeedChunk, seed.docs.size());
  RunSeed run{fence(), seed.collection, seed.mode, {}, record_, record_ && transactions_};
  run.docs.assign(seed.docs.begin() + static_cast<std::ptrdiff_t>(begin),
                  seed.docs.begin() + static_cast<std::ptrdiff_t>(end));
  seed_at_ = end;
  start(commands, Doing::kRun, std::move(run));
}

void Migrator::run_batch(Commands& commands, const schema::Batch& batch) {
  const Migration& migration = *jobs_[job_].migration;
  const bool must_converge = phase_ == Migration::Phase::kBackground || !transactions_;
  start(commands, Doing::kRun, RunBatch{fence(), batch, migration.max_time, must_converge, transactions_, *record_});
}

void Migrator::run_command(Commands& commands, const std::vector<schema::Document>& list) {
  const Migration& migration = *jobs_[job_].migration;
  const auto next = static_cast<std::size_t>(next_command(*record_));
  if (next >= list.size()) {
    finish(commands);
    return;
  }
  const bool in_transaction = transactions_ && schema::migration_command(list[next]).in_transaction;
  if (!in_transaction && !was_sent(*record_)) {
    record_->checkpoint = command_checkpoint(static_cast<std::int64_t>(next), true);
    start(commands, Doing::kMarkSent, WriteMigration{fence(), *record_});
    return;
  }
  record_->total = static_cast<std::int64_t>(list.size());
  start(commands, Doing::kRun, RunCommand{fence(), list[next], migration.max_time, in_transaction, *record_});
}

void Migrator::on_moved(Commands& commands, Doing doing, const MigrationMoved& moved, Instant now) {
  if (!moved.held) {
    if (doing == Doing::kFail) {
      broke(*failing_);
      return;
    }
    lost_ = true;
    broke({Verdict::kTransient, Reason::kInitializing,
           fmt::format("{}: another replica holds the lease now, and goes on with it.", label())});
    return;
  }
  switch (doing) {
    case Doing::kRead: return;
    case Doing::kClaim:
      record_ = moved.record;
      if (record_->state == RecordState::kDone) {  // by another, since we read
        next_job(commands);
        return;
      }
      // A retry begins without a checkpoint, and a person's "pending" says that this one may be sent: both came here
      // with none that says `sent`, but for the one that is asked about.
      if (jobs_[job_].migration != nullptr && was_sent(*record_)) {
        const MigrationRecord* known = find_record(records_, record_->key);
        if (known == nullptr || known->state != RecordState::kPending) {
          interrupted("whether its last command ran is not known, and without a transaction it is not sent twice");
          return;
        }
        record_->checkpoint = command_checkpoint(next_command(*record_), false);
      }
      work(commands);
      return;
    case Doing::kMarkSent:
      record_ = moved.record;
      work(commands);
      return;
    case Doing::kMarkUnsent: record_ = moved.record; return;  // go_on_at_ is set
    case Doing::kNextPass:
      record_ = moved.record;
      go_on(commands, now, std::max(kPassPause, jobs_[job_].migration->pause));
      return;
    case Doing::kRun:
      overload_.reset();
      if (moved.collision) {
        on_collision(commands, *moved.collision);
        return;
      }
      if (record_ && moved.still_there == 0) record_ = moved.record;
      if (jobs_[job_].seed != nullptr) {
        changed_ += moved.changed;
        work(commands);
      } else if (jobs_[job_].migration->batch() != nullptr) {
        on_batch(commands, moved, now);
      } else {
        go_on(commands, now, jobs_[job_].migration->pause);
      }
      return;
    case Doing::kFinish:
      if (jobs_[job_].superseded == nullptr) {
        commands.say(LogLevel::kInfo, fmt::format("Completed {}: {}", label(), record_->done),
                     fmt::format("\"done\":{},\"passes\":{}", record_->done, record_->passes));
        std::erase(pending_, jobs_[job_].migration != nullptr ? jobs_[job_].migration->id : std::string());
      }
      next_job(commands);
      return;
    case Doing::kFail: broke(*failing_); return;
  }
}

// Waiting does not mend it, and the other document is not ours to change.
void Migrator::on_collision(Commands& commands, const SeedCollision& collision) {
  const std::string document = collision.document.empty() ? "a document"
                                                          : fmt::format("the document {{ \"_id\" : {} }}",
                                                                        shortened(collision.document, kMostShown));
  const std::string other =
      collision.other.empty() ? "" : fmt::format(", {{ \"_id\" : {} }}", shortened(collision.other, kMostShown));
  const std::string_view cause =
      collision.same_seed ? "a document of this seed" : "another document, which this seed did not make";
  const std::string_view advice =
      collision.same_seed
          ? "Give the two different keys, or take one of them out of the seed."
          : "If the two are meant to be the same, give the seed's document the other's _id; else change its key, or "
            "remove the other document. Then retry. Nothing of the other document was changed.";
  fail(commands, {Verdict::kPermanent, Reason::kMigrationRefused,
                  fmt::format("{} that {} declares has, in the unique index \"{}\" {}, the key of {}{}. {}", document,
                              to_string(jobs_[job_].seed->place), collision.index, collision.key, cause, other, advice),
                  Origin::kDocuments});
}

void Migrator::on_batch(Commands& commands, const MigrationMoved& moved, Instant now) {
  const Migration& migration = *jobs_[job_].migration;
  if (moved.still_there > 0) {
    fail(commands,
         {Verdict::kPermanent, Reason::kMigrationNotConvergent,
          fmt::format("after the update of {} documents of \"{}\", {} of them still match the filter. Without "
                      "transactions, and in the background, an update must end in documents that the filter does not "
                      "match, so that none is changed twice. Correct the update or the filter; an edited migration "
                      "begins again.",
                      moved.found, migration.batch()->collection, moved.still_there)});
    return;
  }
  if (moved.found == 0) {
    pass_over(commands);
    return;
  }
  say_progress(commands, now);
  go_on(commands, now, migration.pause);
}

void Migrator::pass_over(Commands& commands) {
  ++record_->passes;
  const bool another = phase_ == Migration::Phase::kBackground && record_->found > 0;
  if (!another) {
    finish(commands);
    return;
  }
  record_->found = 0;
  record_->checkpoint = schema::Document();
  start(commands, Doing::kNextPass, WriteMigration{fence(), *record_});
}

void Migrator::finish(Commands& commands) {
  record_->state = RecordState::kDone;
  record_->by = holder_.owner;
  record_->host = holder_.host;
  start(commands, Doing::kFinish, WriteMigration{fence(), *record_});
}

void Migrator::go_on(Commands& commands, Instant now, Millis pause) {
  if (pause <= Millis(0)) {
    work(commands);
  } else {
    go_on_at_ = now + pause;
  }
}

// --------------------------------------------------------------------------------------------------------- what is not

// A command without a transaction that an overloaded server refused before it did anything: the record is not to say
// that it was sent, or nobody could go on by himself. Should that be refused as well, it says so until the next try.
bool Migrator::unsend(Commands& commands, Doing doing, const Failure& failure, Instant now) {
  if (doing == Doing::kMarkUnsent && refused_undone(failure)) {
    record_->checkpoint = command_checkpoint(next_command(*record_), true);
    return true;
  }
  if (doing != Doing::kRun || !record_ || !was_sent(*record_) || !refused_undone(failure)) return false;
  go_on_at_ = now + overload_.next(random_, failure.base_backoff);
  record_->checkpoint = command_checkpoint(next_command(*record_), false);
  start(commands, Doing::kMarkUnsent, WriteMigration{fence(), *record_});
  return true;
}

void Migrator::on_failure(Commands& commands, Doing doing, const Failure& failure, Instant now) {
  if (unsend(commands, doing, failure, now)) return;
  if (doing == Doing::kFail) {  // the record could not be written; what failed before is what counts
    broke(*failing_);
    return;
  }
  Judgement verdict = judge(failure);
  if (verdict.verdict == Verdict::kReread) verdict.verdict = Verdict::kTransient;
  if (doing == Doing::kRun && is_refusal(verdict)) {
    verdict.reason = Reason::kMigrationRefused;
    fail(commands, std::move(verdict));
    return;
  }
  if (verdict.verdict == Verdict::kOnceMore) {
    verdict.reason = Reason::kMigrationRefused;
    verdict.answer = fmt::format("{} {}", label(), verdict.answer);
  }
  if (doing != Doing::kRead) verdict.sentence = fmt::format("{} failed: {}", label(), verdict.sentence);
  broke(std::move(verdict));
}

// Remembered in the record, where whoever comes next finds it.
void Migrator::fail(Commands& commands, Judgement judgement) {
  judgement.sentence = fmt::format("{} failed: {}", label(), judgement.sentence);
  if (!record_) {
    broke(std::move(judgement));
    return;
  }
  record_->state = RecordState::kFailed;
  record_->by = holder_.owner;
  record_->host = holder_.host;
  record_->code = name(judgement.reason);
  record_->error = judgement.sentence;
  failing_ = std::move(judgement);
  start(commands, Doing::kFail, WriteMigration{fence(), *record_});
}

void Migrator::interrupted(std::string_view why) {
  const Migration& migration = *jobs_[job_].migration;
  const std::string id = fmt::format("{}/m/{}", schema_.name, migration.id);
  const MigrationRecord* known = find_record(records_, migration_key(migration));
  broke(
      {Verdict::kPermanent, Reason::kMigrationInterrupted,
       fmt::format("Migration \"{}\" was interrupted or failed{}{}, and does not go on by itself: {}. Look at what it "
                   "did, then set the state of {{_id: \"{}\"}} in {} to \"pending\" (it goes on at its checkpoint) or "
                   "\"done\".",
                   migration.id, known != nullptr && !known->owner.empty() ? " under " : "",
                   known != nullptr ? known->owner : "", why, id, kControlCollection)});
}

void Migrator::broke(Judgement judgement) {
  stage_ = Stage::kBroken;
  judgement_ = std::move(judgement);
}

// ------------------------------------------------------------------------------------------------------------ for
// people

std::string Migrator::label() const {
  if (job_ >= jobs_.size()) return {};
  const Job& job = jobs_[job_];
  if (job.migration != nullptr) return fmt::format("migration {}", job.migration->id);
  if (job.seed != nullptr) return fmt::format("seed of {}", job.seed->collection);
  return fmt::format("the record {}", job.superseded->key);
}

void Migrator::say_progress(Commands& commands, Instant now) {
  if (said_at_ && now - *said_at_ < kSayEvery) return;
  said_at_ = now;
  const Progress at = progress();
  const std::string of = at.total >= 0 ? fmt::format(" of about {}", at.total) : "";
  commands.say(LogLevel::kInfo, fmt::format("Progress of {}: {}{} documents", at.what, at.done, of),
               fmt::format("\"step\":{},\"of\":{},\"done\":{}", at.step, at.of, at.done));
}

Migrator::Progress Migrator::progress() const {
  Progress progress;
  progress.of = static_cast<int>(jobs_.size()) - skipped_;
  if (stage_ != Stage::kWorking || job_ >= jobs_.size()) return progress;
  progress.what = label();
  progress.step = std::max(1, static_cast<int>(job_) + 1 - skipped_);
  const schema::Seed* seed = jobs_[job_].seed;
  if (record_) {
    progress.done = record_->done;
    progress.total = record_->total;
  } else if (seed != nullptr) {
    progress.done = static_cast<std::int64_t>(seed_at_);
    progress.total = static_cast<std::int64_t>(seed->docs.size());
  }
  // Documents that come while it runs can make it more than was counted.
  if (progress.total > 0)
    progress.percent = static_cast<int>(std::min<std::int64_t>(99, 100 * progress.done / progress.total));
  return progress;
}

}  // namespace readygate::core
