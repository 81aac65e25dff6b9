// Drives a Gate by hand: a clock that only the test moves, a random source with a seed, and a ModelDatabase that
// answers tasks when it is told to.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "core/gate.h"
#include "support/model/model_database.h"
#include "support/model/seeded_random.h"

namespace readygate::test {

// Two collections, three indexes. `more` is added to the head, `version` is the schema's.
schema::Schema example_schema(int version = 1, const std::string& policy = {}, const std::string& more = {});

class Harness {
  // Before the gate, which is made with the time.
  Instant instant_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::hours(24 * 365 * 56)};

 public:
  explicit Harness(schema::Schema schema = example_schema(), core::GateSettings settings = {}, std::uint64_t seed = 1);

  core::Now now() const { return {instant_, wall_}; }
  // Moves the clock and ticks whenever the gate wants it on the way.
  void pass(Millis duration);
  // Answers every task, and those that follow, until none is left.
  void answer_all();
  // Answers the oldest task.
  void answer_one();
  // A primary is known, as a driver says at its first contact.
  void primary(bool known);
  // start(), and everything that follows.
  void open();

  core::State state() const { return gate.snapshot().state; }
  const core::Facts& facts() const { return gate.snapshot().facts; }
  Reason code() const { return gate.snapshot().code; }
  int said(std::string_view message_start) const;
  std::string path() const;  // the states that it passed, in order
  // Takes the gate's commands: tasks to `tasks`, words to `log`.
  void collect();

  SeededRandom random;
  ModelDatabase database;
  core::Gate gate;
  std::deque<core::StartTask> tasks;
  std::vector<core::Say> log;
  std::vector<std::size_t> asked;  // [[check]]s that a worker would have
  int fresh_pools = 0;
  bool quit = false;
};

}  // namespace readygate::test
