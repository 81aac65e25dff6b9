#include "http/workers.h"

#include <condition_variable>
#include <deque>
#include <utility>

#include "base/sync.h"
#include "base/thread.h"

namespace readygate::http {
namespace {

constexpr Seconds kIdleThreadEnds{10};

}  // namespace

struct Workers::State {
  State(int most_in, std::string user_agent_in) : most(most_in), user_agent(std::move(user_agent_in)) {}

  struct Queue {
    std::deque<Job> jobs;
    int threads = 0;  // alive
    int idle = 0;     // of them, waiting for a job
    bool closed = false;
  };

  // Empty: this worker is not needed any more.
  Job next() {
    auto locked = queue.lock();
    ++locked->idle;
    wake.wait_for(locked.lock(), kIdleThreadEnds, [&] { return locked->closed || !locked->jobs.empty(); });
    --locked->idle;
    if (locked->jobs.empty()) {
      --locked->threads;
      return {};
    }
    Job job = std::move(locked->jobs.front());
    locked->jobs.pop_front();
    return job;
  }

  void work() {
    Client client(user_agent);
    while (const Job job = next()) job(client);
  }

  const int most;
  const std::string user_agent;
  Sync<Queue> queue;
  std::condition_variable wake;
};

Workers::Workers(int most, std::string user_agent) : state_(std::make_shared<State>(most, std::move(user_agent))) {}

Workers::~Workers() {
  auto locked = state_->queue.lock();
  locked->closed = true;
  locked->jobs.clear();
  state_->wake.notify_all();
}

bool Workers::start(Job job) {
  auto locked = state_->queue.lock();
  locked->jobs.push_back(std::move(job));
  if (locked->idle >= static_cast<int>(locked->jobs.size()) || locked->threads >= state_->most) {
    state_->wake.notify_one();
  } else if (start_thread([state = state_] { state->work(); })) {
    ++locked->threads;
  } else if (locked->threads == 0) {
    locked->jobs.pop_back();
    return false;
  }
  return true;
}

}  // namespace readygate::http
