#include "sim/replica.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace readygate::sim {
namespace {

// Less than init.failed_retry with its jitter: within this time it comes round at most once.
constexpr Millis kBetweenRetries{3'500};

core::GateSettings settings(int parallelism) {
  core::GateSettings settings;
  settings.failed_retry = Millis(5'000);
  settings.ping_period = Millis(30'000);
  settings.warm_connections = 1;
  settings.init.parallelism = parallelism;
  settings.init.lease = {Millis(20'000), Millis(3'000)};
  return settings;
}

bool of_the_lease(const core::Work& work) {
  return std::holds_alternative<core::InsertLedger>(work) || std::holds_alternative<core::ChangeLedger>(work);
}

// What may only be sent under the lease, and until when.
struct Right {
  std::int64_t token = 0;
  std::optional<Instant> not_after;
  std::string what;
};
std::optional<Right> right_of(const core::Work& work) {
  return std::visit(
      [](const auto& w) -> std::optional<Right> {
        if constexpr (requires { w.fence; }) {
          return Right{w.fence.token, w.fence.not_after, "a change of documents"};
        } else if constexpr (requires { w.step; }) {
          return Right{w.token, w.not_after, w.step.what};
        } else {
          return std::nullopt;
        }
      },
      work);
}

std::string asked(const core::Work& work) {
  const auto* step = std::get_if<core::RunStep>(&work);
  if (step != nullptr) return step->step.collection + ": " + step->step.what;
  const auto* batch = std::get_if<core::RunBatch>(&work);
  return batch != nullptr ? "a migration of " + batch->batch.collection : "";
}

core::Failure no_answer() {
  core::Failure failure;
  failure.domain = core::Domain::kStreamTimeout;
  failure.message = "no answer";
  return failure;
}

core::Failure not_sent() {
  core::Failure failure;
  failure.message = "its time had run out";
  return failure;
}

}  // namespace

Replica::Replica(Events& events, Dice& dice, ModelSet& set, const Weather& weather, const Judge& judge,
                 schema::Schema schema, int number)
    : events_(events),
      dice_(dice),
      set_(set),
      weather_(weather),
      judge_(judge),
      schema_(std::move(schema)),
      number_(number),
      boot_offset_(dice.millis(0, 1'000'000'000)) {}

core::Now Replica::now() const {
  return {Instant(boot_offset_ + events_.now()), WallTime(Millis(1'700'000'000'000) + wall_offset_ + events_.now())};
}

void Replica::say(const std::string& line) const {
  if (judge_.trace) judge_.trace(fmt::format("{:>9} replica {}: {}", events_.now().count(), number_, line));
}

void Replica::start() {
  ++life_;
  stopped_until_ = Millis(0);
  refusals_.clear();
  was_open_ = was_reachable_ = heard_ = primary_ = false;
  wall_offset_ = dice_.millis(-86'400'000, 86'400'000);
  gate_ = std::make_unique<core::Gate>(settings(1 + number_ % 4), schema_, dice_, now());
  say(fmt::format("starts as {:.8}, version {}", gate_->snapshot().instance_id, schema_.version));
  event([this](core::Gate& gate) { gate.start(now()); });
  topology(set_.has_primary());
}

void Replica::crash(Millis restart_after) {
  if (!gate_) return;
  say("is killed");
  gate_.reset();
  waiting_.clear();
  ++life_;
  events_.after(restart_after, [this, life = life_] {
    if (life == life_) start();
  });
}

void Replica::stop_for(Millis duration) {
  say(fmt::format("is stopped for {} ms", duration.count()));
  stopped_until_ = std::max(stopped_until_, events_.now() + duration);
}

void Replica::inside(std::function<void()> what) {
  if (!gate_) return;
  if (events_.now() >= stopped_until_) {
    what();
    return;
  }
  waiting_.push_back(std::move(what));
  if (waiting_.size() == 1) go_on_later();
}

void Replica::go_on_later() {
  events_.after(stopped_until_ - events_.now(), [this, life = life_] {
    if (life != life_) return;
    if (events_.now() < stopped_until_) {  // stopped once more
      go_on_later();
      return;
    }
    for (const auto& what : std::exchange(waiting_, {})) {
      what();
      if (life != life_) return;
    }
  });
}

void Replica::topology(bool primary) {
  inside([this, primary] {
    event([&](core::Gate& gate) {
      core::TopologyChanged change;
      change.primary = primary;
      change.topology = "replicaset";
      primary_ = primary;
      gate.topology(change, now());
    });
  });
}

void Replica::event(const std::function<void(core::Gate&)>& what) {
  const std::uint64_t life = life_;
  what(*gate_);
  carry_out();
  if (life != life_) return;  // it crashed meanwhile
  const bool open = gate_->snapshot().facts.open;
  if (open && !was_open_) judge_.opened(*gate_, schema_);
  was_open_ = open;
  const bool reachable = gate_->snapshot().facts.reachable;
  if (was_reachable_ && !reachable && heard_ && primary_) judge_.lost_one_that_answers(*gate_);
  was_reachable_ = reachable;
  arm();
}

void Replica::carry_out() {
  for (core::Command& command : gate_->take_commands()) {
    if (auto* task = std::get_if<core::StartTask>(&command)) {
      if (dice_.chance(weather_.crash)) {
        crash(dice_.millis(100, 10'000));
        return;
      }
      send(task->id, std::move(task->work));
    } else if (const auto* words = std::get_if<core::Say>(&command)) {
      say(words->message);
    }
  }
}

// A worker takes the task, checks its time, and sends; the request travels, is worked on, and the answer travels back.
void Replica::send(core::TaskId id, core::Work work) {
  const std::uint64_t life = life_;
  events_.after(dice_.millis(0, 5), [this, id, life, work = std::move(work)]() mutable {
    if (life != life_) return;
    inside([this, id, life, work = std::move(work)] {
      const auto* step = std::get_if<core::RunStep>(&work);
      const auto right = right_of(work);
      if (right && right->not_after && now().instant >= *right->not_after) {
        deliver(id, tl::unexpected(not_sent()), life);
        return;
      }
      if (right) judge_.sent(gate_->snapshot().instance_id, right->token, right->what);
      // Stopped between the check and the sending, or held up on the way.
      const bool held_up = step != nullptr && step->step.destructive && dice_.chance(weather_.held_up);
      if (held_up) stop_for(dice_.millis(25'000, 60'000));
      const bool late = held_up || dice_.chance(weather_.request_late);
      // Held up for longer than a successor waits, and not for longer than it keeps looking.
      const Millis travel = held_up ? dice_.millis(20'000, 39'000)
                            : late  ? dice_.millis(1'000, 20'000)
                                    : dice_.millis(0, 20);
      const bool request_lost = dice_.chance(weather_.request_lost);
      const bool answer_lost = dice_.chance(weather_.answer_lost);
      const Millis patience = of_the_lease(work) ? Millis(2'500) : Millis(10'000);
      const auto answered = std::make_shared<bool>(false);
      if (request_lost || answer_lost || (late && step == nullptr)) {
        events_.after(patience, [this, id, life, answered] {
          if (!std::exchange(*answered, true)) deliver(id, tl::unexpected(no_answer()), life);
        });
      }
      if (request_lost) return;
      const bool repeated = dice_.chance(weather_.answer_repeated);
      events_.after(travel, [this, id, life, work, answered, answer_lost, repeated, late] {
        if (late) {
          if (const auto* sent = std::get_if<core::RunStep>(&work)) judge_.arrived_late(*sent);
        }
        const std::string refused = asked(work);
        set_.request(work, [this, id, life, answered, answer_lost, repeated, refused](core::Outcome outcome) {
          if (answer_lost) return;
          events_.after(dice_.millis(0, 20),
                        [this, id, life, answered, repeated, refused, outcome = std::move(outcome)] {
                          if (std::exchange(*answered, true)) return;
                          if (life == life_ && ModelSet::is_refusal(outcome)) count_refusal(refused);
                          deliver(id, outcome, life);
                          if (repeated) deliver(id, outcome, life);
                        });
        });
      });
    });
  });
}

void Replica::count_refusal(const std::string& what) {
  std::vector<Millis>& times = refusals_[what];
  std::erase_if(times, [&](Millis at) { return at + kBetweenRetries < events_.now(); });
  times.push_back(events_.now());
  judge_.refused_again(*gate_, what, times.size());
}

void Replica::deliver(core::TaskId id, core::Outcome outcome, std::uint64_t life) {
  if (life != life_) return;
  inside([this, id, outcome = std::move(outcome)] {
    if (dice_.chance(weather_.crash)) {
      crash(dice_.millis(100, 10'000));
      return;
    }
    if (dice_.chance(weather_.crash)) wall_offset_ = dice_.millis(-86'400'000, 86'400'000);
    heard_ = outcome || outcome.error().domain == core::Domain::kServer;
    event([&](core::Gate& gate) { gate.finished(id, outcome, now()); });
  });
}

void Replica::arm() {
  const auto next = gate_->next_tick(now().instant);
  if (!next) return;
  const auto delay = std::chrono::ceil<Millis>(*next - now().instant);
  events_.after(delay, [this, life = life_, tick = ++ticks_] {
    if (life != life_ || tick != ticks_) return;
    inside([this] { event([this](core::Gate& gate) { gate.tick(now()); }); });
  });
}

}  // namespace readygate::sim
