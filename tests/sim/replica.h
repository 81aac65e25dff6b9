// One replica: the real gate, and around it the process that can be killed, stopped and started again, and the workers
// that carry its commands over a network that loses, delays and repeats.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/gate.h"
#include "sim/events.h"
#include "sim/model_set.h"

namespace readygate::sim {

// How often what goes wrong. All 0: nothing does.
struct Weather {
  double request_lost = 0;
  double answer_lost = 0;
  double answer_repeated = 0;
  double request_late = 0;  // checked and sent, and arriving up to a lease period later
  double crash = 0;         // at each command and at each answer
  double held_up = 0;  // at each step that takes something away: the process is stopped past its lease, the step late
};

struct Judge {
  // A worker of this replica sends what may only be sent under this token, having checked its time.
  std::function<void(const std::string& instance, std::int64_t token, const std::string& what)> sent;
  // A step arrives at the server later than others of its token could still be sent.
  std::function<void(const core::RunStep& step)> arrived_late;
  std::function<void(const core::Gate& gate, const schema::Schema& schema)> opened;
  // It calls the database lost, though what it heard last was an answer, and it knows a primary.
  std::function<void(const core::Gate& gate)> lost_one_that_answers;
  // It was refused the same thing so often within a time in which init.failed_retry does not come round twice.
  std::function<void(const core::Gate& gate, const std::string& what, std::size_t times)> refused_again;
  std::function<void(const std::string& line)> trace;  // empty: nobody listens
};

class Replica {
 public:
  Replica(Events& events, Dice& dice, ModelSet& set, const Weather& weather, const Judge& judge, schema::Schema schema,
          int number);

  void start();
  void crash(Millis restart_after);  // SIGKILL: what was sent goes on by itself
  void stop_for(Millis duration);    // SIGSTOP, and SIGCONT later: its clock goes on
  void topology(bool primary);

  bool open() const { return gate_ && gate_->snapshot().facts.open; }
  bool alive() const { return gate_ != nullptr; }
  const core::Gate* gate() const { return gate_.get(); }
  const schema::Schema& schema() const { return schema_; }
  int number() const { return number_; }

 private:
  core::Now now() const;
  // Runs in the process: at once, or when it goes on, or never if it has died since.
  void inside(std::function<void()> what);
  void go_on_later();
  void event(const std::function<void(core::Gate&)>& what);
  void carry_out();
  void send(core::TaskId id, core::Work work);
  void count_refusal(const std::string& what);
  void deliver(core::TaskId id, core::Outcome outcome, std::uint64_t life);
  void arm();
  void say(const std::string& line) const;

  Events& events_;
  Dice& dice_;
  ModelSet& set_;
  const Weather& weather_;
  const Judge& judge_;
  const schema::Schema schema_;
  const int number_;

  std::unique_ptr<core::Gate> gate_;
  std::uint64_t life_ = 0;  // of the process; what belongs to an earlier one is ignored
  Millis boot_offset_{0};   // of this machine's CLOCK_BOOTTIME
  Millis wall_offset_{0};   // of its wall clock, which jumps
  Millis stopped_until_{0};
  std::vector<std::function<void()>> waiting_;           // for SIGCONT, in order
  std::uint64_t ticks_ = 0;                              // numbers the timers; only the last one counts
  std::map<std::string, std::vector<Millis>> refusals_;  // of this life, by what was refused: when
  bool was_open_ = false;
  bool was_reachable_ = false;
  bool heard_ = false;    // what came last was an answer
  bool primary_ = false;  // by what the topology told it last
};

}  // namespace readygate::sim
