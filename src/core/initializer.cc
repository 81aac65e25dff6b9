#include "core/initializer.h"

#include <utility>

#include <fmt/format.h>

namespace readygate::core {

Initializer::Initializer(const schema::Schema& schema, const InitializerSettings& settings, std::string instance_id,
                         Lease& lease, Random& random)
    : schema_(schema), settings_(settings), instance_id_(std::move(instance_id)), lease_(lease), random_(random) {}

void Initializer::begin(Commands& commands) {
  if (running_) return;
  abandon();
  running_ = true;
  warm_task_ = commands.start(Warm{});
  read_ledger(commands);
}

void Initializer::abandon() {
  running_ = warm_ = schema_ready_ = observing_ = false;
  ledger_task_.reset();
  write_task_.reset();
  warm_task_.reset();
  ledger_.reset();
  applier_.reset();
  poll_at_.reset();
  path_.clear();
  failure_.reset();
  at_ = State::kConnecting;
}

bool Initializer::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now, WallTime wall) {
  if (!running_) return false;
  if (applier_ && applier_->on(commands, id, outcome)) {
    on_applier(commands, wall);
    return true;
  }
  const bool ledger_came = ledger_task_ == id;
  const bool write_came = write_task_ == id;
  const bool warm_came = warm_task_ == id;
  if (!ledger_came && !write_came && !warm_came) return false;
  if (!outcome) {
    break_off(judge(outcome.error()));
    return true;
  }
  if (warm_came) {
    warm_task_.reset();
    warm_ = true;
    if (schema_ready_) schema_is_ready();
  } else if (write_came) {
    write_task_.reset();
    const auto* written = std::get_if<LedgerWritten>(&*outcome);
    if (written != nullptr && written->won) {
      schema_is_ready();
    } else {
      read_ledger(commands);  // another replica wrote first: what it wrote decides
    }
  } else {
    ledger_task_.reset();
    if (const auto* read = std::get_if<LedgerRead>(&*outcome)) on_ledger(commands, read->ledger, now);
  }
  return true;
}

void Initializer::tick(Commands& commands, Instant now) {
  if (!poll_at_ || now < *poll_at_) return;
  poll_at_.reset();
  read_ledger(commands);
}

void Initializer::read_ledger(Commands& commands) { ledger_task_ = commands.start(ReadLedger{}); }

void Initializer::on_ledger(Commands& commands, const std::optional<Ledger>& ledger, Instant now) {
  ledger_ = ledger;
  switch (standing(ledger, schema_)) {
    case Standing::kApplied:
      if (schema_.policy.verify != schema::Policy::Verify::kOpen || applier_) {
        schema_is_ready();
      } else if (settings_.mode == InitMode::kVerify) {
        observe(commands);
      } else {
        apply(commands, now);  // audits, and repairs what is missing
      }
      return;
    case Standing::kNotRaised:
      break_off(
          {Verdict::kPermanent, Reason::kVersionNotRaised,
           fmt::format("Schema \"{}\" version {} is applied in the database with hash {:.12}…, and the file says "
                       "version {} with hash {:.12}…. Raise `version` with every change.",
                       schema_.name, schema_.version, ledger->applied->hash, schema_.version, bare_hash(schema_))});
      return;
    case Standing::kNewer: {
      const std::int32_t newest = ledger->applied ? ledger->applied->version : ledger->target->version;
      if (schema_.policy.newer == schema::Policy::Newer::kFail || !may_open_on_newer(*ledger, schema_)) {
        break_off(
            {Verdict::kPermanent, Reason::kSchemaNewer,
             fmt::format("The database holds version {} of schema \"{}\", and version {} may not open on it "
                         "(min_open {}, policy.newer). Roll forward.",
                         newest, schema_.name, schema_.version, ledger->applied ? ledger->applied->min_open : 0)});
        return;
      }
      observe(commands);
      return;
    }
    case Standing::kNeeded: break;
  }
  if (settings_.mode == InitMode::kVerify) {
    wait_for_the_other(now);
  } else {
    apply(commands, now);
  }
}

void Initializer::wait_for_the_other(Instant now) {
  if (at_ != State::kWaiting) enter(at_ = State::kWaiting);
  poll_at_ = now + jittered(random_, settings_.lease_period / 4);
}

void Initializer::apply(Commands& commands, Instant now) {
  const std::optional<Grant> grant = lease_.acquire(ledger_, now);
  if (!grant) {
    wait_for_the_other(now);
    return;
  }
  // Back here after a lost compare-and-set: verifying leads to initializing only through waiting.
  if (at_ == State::kVerifying) enter(at_ = State::kWaiting);
  enter(at_ = State::kInitializing);
  applier_.emplace(schema_, settings_.parallelism, *grant);
  applier_->begin(commands);
}

// An observer writes nothing: it opens when everything that it declares is there.
void Initializer::observe(Commands& commands) {
  observing_ = true;
  if (at_ == State::kConnecting) enter(at_ = State::kWaiting);
  enter(at_ = State::kVerifying);
  applier_.emplace(schema_, settings_.parallelism, Grant{}, Applier::Mode::kLook);
  applier_->begin(commands);
}

void Initializer::on_applier(Commands& commands, WallTime wall) {
  const auto follow = [&](State state) {
    if (at_ == state) return;
    if (at_ == State::kVerifying && state == State::kInitializing) enter(State::kWaiting);  // drift found
    enter(at_ = state);
  };
  switch (applier_->stage()) {
    case Applier::Stage::kIdle:
    case Applier::Stage::kReading: return;
    case Applier::Stage::kApplying: follow(State::kInitializing); return;
    case Applier::Stage::kVerifying: follow(State::kVerifying); return;
    case Applier::Stage::kBroken: break_off(applier_->judgement()); return;
    case Applier::Stage::kMatched:
      follow(State::kVerifying);
      if (observing_ || (standing(ledger_, schema_) == Standing::kApplied && applier_->made().empty())) {
        schema_is_ready();
      } else {
        record(commands, wall);
      }
      return;
  }
}

void Initializer::record(Commands& commands, WallTime wall) {
  const Signature signature{instance_id_, random_id(random_), wall, settings_.lease_period};
  std::optional<LedgerRev> expected;
  if (ledger_) expected = LedgerRev{ledger_->token, ledger_->rev};
  write_task_ = commands.start(WriteLedger{expected, with_applied(ledger_, schema_, signature, applier_->made())});
}

void Initializer::schema_is_ready() {
  schema_ready_ = true;
  lease_.release();
  if (at_ != State::kWarming) enter(at_ = State::kWarming);
  if (!warm_) return;
  enter(State::kReady);
  running_ = false;
}

void Initializer::break_off(Judgement judgement) {
  running_ = false;
  lease_.release();
  failure_ = std::move(judgement);
}

std::vector<State> Initializer::take_path() { return std::exchange(path_, {}); }

std::optional<Judgement> Initializer::take_failure() { return std::exchange(failure_, std::nullopt); }

}  // namespace readygate::core
