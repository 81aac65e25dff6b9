#include "mongo/executor.h"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/sync.h"
#include "base/thread.h"
#include "mongo/perform.h"
#include "mongo/pool.h"

namespace readygate::mongo {

namespace {

constexpr Seconds kIdleThreadEnds{10};

struct Task {
  core::TaskId id;
  core::Work work;
};
using TaskPtr = std::unique_ptr<Task>;

// What ends a lease is worth its time however the connections fare: without it others wait for a whole period.
bool gives_back(const core::Work& work) {
  const auto* change = std::get_if<core::ChangeLedger>(&work);
  return change != nullptr && core::has(change->fields, core::LedgerField::kOwner) && !change->next.owner &&
         !core::has(change->fields, core::LedgerField::kApplied);
}

core::Outcome not_done(std::string why) {
  return tl::unexpected(core::Failure{core::Domain::kOther, 0, core::Doing::kConnect, std::move(why), {}});
}

}  // namespace

// Where results leave. It outlives the executor for as long as a worker does, but is closed by then.
class Executor::Outlet {
 public:
  explicit Outlet(Hooks hooks) : state_(State{std::move(hooks), 0, 0}), commands_(state_.lock()->hooks.command) {}

  void outcome(core::TaskId id, core::Outcome outcome) {
    auto state = state_.lock();
    if (state->hooks.outcome) state->hooks.outcome(id, std::move(outcome));
  }
  void topology(std::uint64_t generation, core::TopologyChanged change) {
    auto state = state_.lock();
    if (state->hooks.topology && generation == state->newest) state->hooks.topology(std::move(change));
  }
  const std::function<void(std::string_view)>& commands() const { return commands_; }
  void close() { state_.lock()->hooks = Hooks{}; }

  std::uint64_t next_generation() {
    auto state = state_.lock();
    ++state->alive;
    return ++state->newest;
  }
  void generation_ended() {
    --state_.lock()->alive;
    ended_.notify_all();
  }
  bool wait_for_all(Millis limit) {
    auto state = state_.lock();
    return ended_.wait_for(state.lock(), limit, [&] { return state->alive == 0; });
  }

 private:
  struct State {
    Hooks hooks;
    std::uint64_t newest;
    int alive;
  };
  Sync<State> state_;
  std::function<void(std::string_view)> commands_;  // not closed with the rest: it must not need the lock
  std::condition_variable ended_;
};

class Executor::Generation : public std::enable_shared_from_this<Generation> {
 public:
  Generation(Settings settings, std::shared_ptr<Driver> driver, std::shared_ptr<Outlet> outlet)
      : settings_(std::move(settings)),
        driver_(std::move(driver)),
        outlet_(std::move(outlet)),
        number_(outlet_->next_generation()) {
    calls_.lock()->most = settings_.parallelism;
    pings_.lock()->most = 1;
    leases_.lock()->most = 1;
  }
  ~Generation() {
    pool_.lock()->reset();
    driver_.reset();
    outlet_->generation_ended();
  }
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // Before the first start().
  void serve(const LedgerPlace& place, std::shared_ptr<const Clock> clock) {
    perform_.emplace(place, settings_.commit_quorum, std::move(clock));
  }

  void start(TaskPtr task) {
    if (std::holds_alternative<core::Ping>(task->work) || std::holds_alternative<core::ReadProgress>(task->work)) {
      enqueue(pings_, ping_wake_, std::move(task));
    } else if (std::holds_alternative<core::InsertLedger>(task->work) ||
               std::holds_alternative<core::ChangeLedger>(task->work)) {
      enqueue(leases_, lease_wake_, std::move(task));
    } else {
      enqueue(calls_, call_wake_, std::move(task));
    }
  }

  // What the first task would do before it asks anything. By the worker that then takes it: if there is no connection,
  // that is the task's failure too.
  void prepare() {
    auto locked = calls_.lock();
    const bool started = start_thread([self = shared_from_this()] {
      const auto failed = self->connect();
      --self->calls_.lock()->idle;
      if (failed) {
        if (const TaskPtr first = self->next(self->calls_, self->call_wake_)) {
          self->report(first->id, tl::unexpected(*failed));
        }
      }
      self->work(self->calls_, self->call_wake_);
    });
    if (!started) return;
    ++locked->threads;
    ++locked->idle;
  }

  // No worker takes anything more, but for what gives a lease back. The tasks that none had taken.
  std::vector<TaskPtr> close() {
    std::vector<TaskPtr> left = close(pings_, ping_wake_);
    for (TaskPtr& task : close(leases_, lease_wake_)) left.push_back(std::move(task));
    for (TaskPtr& task : close(calls_, call_wake_)) left.push_back(std::move(task));
    return left;
  }

  void report(core::TaskId id, core::Outcome outcome) { outlet_->outcome(id, std::move(outcome)); }

 private:
  struct Lane {
    std::deque<TaskPtr> tasks;
    int most = 0;     // threads
    int threads = 0;  // alive
    int idle = 0;     // of them, waiting for a task
    bool closed = false;
  };

  void enqueue(Sync<Lane>& lane, std::condition_variable& wake, TaskPtr task) {
    const core::TaskId id = task->id;
    bool lost = false;
    {
      auto locked = lane.lock();
      locked->tasks.push_back(std::move(task));
      if (locked->idle >= static_cast<int>(locked->tasks.size()) || locked->threads >= locked->most) {
        wake.notify_one();
      } else if (start_thread([self = shared_from_this(), &lane, &wake] { self->work(lane, wake); })) {
        ++locked->threads;
      } else if (locked->threads == 0) {
        locked->tasks.pop_back();
        lost = true;
      }
    }
    if (lost) report(id, not_done("the system refuses a new thread; raise the limit on processes or memory"));
  }

  std::vector<TaskPtr> close(Sync<Lane>& lane, std::condition_variable& wake) {
    auto locked = lane.lock();
    locked->closed = true;
    wake.notify_all();
    std::vector<TaskPtr> left;
    std::deque<TaskPtr> kept;
    for (TaskPtr& task : std::exchange(locked->tasks, {})) {
      if (gives_back(task->work)) {
        kept.push_back(std::move(task));
      } else {
        left.push_back(std::move(task));
      }
    }
    locked->tasks = std::move(kept);
    return left;
  }

  // A worker's life.
  void work(Sync<Lane>& lane, std::condition_variable& wake) {
    while (const TaskPtr task = next(lane, wake)) {
      core::Outcome outcome = run(task->work);
      report(task->id, std::move(outcome));
      sweep();
    }
  }

  void sweep() {
    const std::shared_ptr<Pool> pool = *pool_.lock();
    if (pool) pool->sweep();
  }

  // Null: this worker is not needed any more.
  TaskPtr next(Sync<Lane>& lane, std::condition_variable& wake) {
    auto locked = lane.lock();
    ++locked->idle;
    wake.wait_for(locked.lock(), kIdleThreadEnds, [&] { return locked->closed || !locked->tasks.empty(); });
    --locked->idle;
    if (locked->tasks.empty()) {
      --locked->threads;
      return nullptr;
    }
    TaskPtr task = std::move(locked->tasks.front());
    locked->tasks.pop_front();
    return task;
  }

  core::Outcome run(const core::Work& work) {
    auto pool = open_pool();
    if (!pool) return tl::unexpected(std::move(pool.error()));
    return (*perform_)(**pool, work);
  }

  std::optional<core::Failure> connect() {
    const auto pool = open_pool();
    if (!pool) return pool.error();
    start_thread([self = shared_from_this(), pool = *pool] { pool->connect_ledger(); });
    return (*pool)->await_primary();
  }

  // Opened by the first task; one that cannot be opened is tried again by the next.
  tl::expected<std::shared_ptr<Pool>, core::Failure> open_pool() {
    std::shared_ptr<Pool> deserted;  // destroyed without the lock
    auto pool = pool_.lock();
    if (*pool && (*pool)->deserted()) {
      (*pool)->silence();
      std::swap(deserted, *pool);
    }
    if (*pool) return *pool;
    Observers observers{[outlet = outlet_, number = number_](core::TopologyChanged change) {
                          outlet->topology(number, std::move(change));
                        },
                        outlet_->commands()};
    auto opened = Pool::open(driver_, settings_, std::move(observers));
    if (opened) *pool = *opened;
    return opened;
  }

  const Settings settings_;
  std::shared_ptr<Driver> driver_;
  const std::shared_ptr<Outlet> outlet_;
  const std::uint64_t number_;
  std::optional<Performer> perform_;
  Sync<std::shared_ptr<Pool>> pool_;
  Sync<Lane> calls_;
  Sync<Lane> pings_;
  Sync<Lane> leases_;
  std::condition_variable call_wake_;
  std::condition_variable ping_wake_;
  std::condition_variable lease_wake_;
};

Executor::Executor(Settings settings, std::shared_ptr<Driver> driver, std::shared_ptr<const Clock> clock, Hooks hooks)
    : settings_(std::move(settings)),
      driver_(std::move(driver)),
      clock_(std::move(clock)),
      outlet_(std::make_shared<Outlet>(std::move(hooks))),
      generation_(std::make_shared<Generation>(settings_, driver_, outlet_)) {}

Executor::~Executor() {
  outlet_->close();
  replace();
}

void Executor::start(core::TaskId id, core::Work work) {
  if (generation_) generation_->start(std::make_unique<Task>(Task{id, std::move(work)}));
}

void Executor::prepare() {
  if (generation_) generation_->prepare();
}

void Executor::serve(LedgerPlace place) {
  place_ = std::move(place);
  if (generation_) generation_->serve(place_, clock_);
}

void Executor::fresh_pool() {
  replace();
  generation_ = std::make_shared<Generation>(settings_, driver_, outlet_);
  generation_->serve(place_, clock_);
}

void Executor::renew(Secret uri) {
  settings_.uri = std::move(uri);
  fresh_pool();
}

bool Executor::finish(Millis limit) {
  replace();
  return outlet_->wait_for_all(limit);
}

// Lets go of the generation on a thread of its own: if no worker holds it, this destroys its pool, which may block.
void Executor::replace() {
  if (!generation_) return;
  struct Last {
    std::shared_ptr<Generation> generation;
    std::vector<TaskPtr> tasks;
  };
  auto last = std::make_shared<Last>();
  last->tasks = generation_->close();
  last->generation = std::move(generation_);
  const bool started = start_thread([last] {
    for (const TaskPtr& task : last->tasks) {
      last->generation->report(task->id, not_done("connections are being made anew"));
    }
    last->generation.reset();
  });
  if (!started) new std::shared_ptr<Generation>(std::move(last->generation));  // rather leaked than waited for
}

}  // namespace readygate::mongo
