// Index builds that take long: how far they are, and when one counts as stalled.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

GateSettings patient() {
  GateSettings settings;
  settings.init.stall_timeout = Seconds(60);
  return settings;
}

// A database in which every index build takes for ever: all other tasks are answered.
struct LongBuilds : Harness {
  explicit LongBuilds(GateSettings settings = patient()) : Harness(example_schema(), settings) {
    gate.start(now());
    primary(true);
    answer_others();
  }

  static bool builds(const StartTask& task) {
    const auto* step = std::get_if<RunStep>(&task.work);
    return step != nullptr && step->step.command.has("createIndexes");
  }

  void answer_others() {
    for (collect();;) {
      const auto next = std::find_if_not(tasks.begin(), tasks.end(), builds);
      if (next == tasks.end()) return;
      const StartTask task = *next;
      tasks.erase(next);
      gate.finished(task.id, database.run(task.work), now());
      collect();
    }
  }

  // A second at a time, as answers come in.
  void pass_answering(Millis duration) {
    for (Millis passed{0}; passed < duration; passed += Seconds(1)) {
      pass(Seconds(1));
      answer_others();
    }
  }

  std::string building() const {
    for (const StartTask& task : tasks) {
      if (builds(task)) return std::get<RunStep>(task.work).step.collection;
    }
    return {};
  }

  const Snapshot::Phase& phase() const { return gate.snapshot().phase; }
};

}  // namespace

TEST_CASE("a long build is shown with its percentage, and told at most every five seconds") {
  LongBuilds h;
  REQUIRE(h.state() == State::kInitializing);
  const std::string collection = h.building();
  REQUIRE_FALSE(collection.empty());
  CHECK_FALSE(h.phase().percent);
  for (int i = 1; i <= 30; ++i) {
    h.database.builds = {{collection, i, 100}};
    h.pass_answering(Seconds(1));
  }
  REQUIRE(h.phase().percent);
  CHECK(*h.phase().percent >= 27);
  CHECK(*h.phase().percent <= 30);
  CHECK(h.phase().what.starts_with(collection + ": "));
  CHECK(h.phase().of > 0);
  CHECK(h.said("Progress: step ") >= 4);
  CHECK(h.said("Progress: step ") <= 6);
}

TEST_CASE("a build that is only waited for is followed as well") {
  Harness before;
  before.open();
  Harness h;
  h.database.catalog = before.database.catalog;
  h.database.hides_builds = true;
  h.gate.start(h.now());
  h.primary(true);
  for (h.collect(); !h.tasks.empty() && !LongBuilds::builds(h.tasks.front());) h.answer_one();
  REQUIRE_FALSE(h.tasks.empty());
  const auto& step = std::get<RunStep>(h.tasks.front().work).step;
  CHECK(step.kind == schema::StepKind::kAwaitIndexes);
  h.database.builds = {{step.collection, 40, 100}};
  const std::size_t waiting = h.tasks.size();
  h.pass(Seconds(3));
  REQUIRE(h.tasks.size() > waiting);
  CHECK(std::holds_alternative<ReadProgress>(h.tasks[waiting].work));
}

TEST_CASE("progress alone makes a snapshot at most once a second") {
  std::string more;
  for (int i = 0; i < 8; ++i) {
    more += "[[collection]]\nname = \"more" + std::to_string(i) + "\"\n";
  }
  GateSettings one_at_a_time;
  one_at_a_time.init.parallelism = 1;
  Harness h(example_schema(1, "", more), one_at_a_time);
  h.gate.start(h.now());
  h.primary(true);
  while (!std::holds_alternative<RunStep>(h.tasks.front().work)) h.answer_one();
  h.pass(Seconds(1));
  const Snapshot before = h.gate.snapshot();
  REQUIRE(before.phase.of >= 10);
  for (const int done = h.database.count["step"]; h.database.count["step"] < done + 5;) h.answer_one();
  REQUIRE(h.state() == State::kInitializing);
  h.pass(Millis(999));
  CHECK(h.gate.snapshot() == before);
  h.pass(Millis(1));
  CHECK(h.gate.snapshot().seq == before.seq + 1);
  CHECK(h.gate.snapshot().phase.step >= before.phase.step + 5);
}

TEST_CASE("a build that is done soon is never asked for") {
  Harness h;
  h.open();
  CHECK(h.database.count["currentOp"] == 0);
}

TEST_CASE("slow is not stalled: any progress begins the time anew") {
  LongBuilds h;
  for (int i = 1; i <= 10; ++i) {
    h.database.builds = {{h.building(), i, 1'000'000}};
    h.pass_answering(Seconds(50));
  }
  CHECK(h.state() == State::kInitializing);
  CHECK(h.gate.snapshot().attempt == 1);
}

TEST_CASE("a build that stands still ends the attempt, and the next one joins it") {
  LongBuilds h;
  const std::string collection = h.building();
  h.database.builds = {{collection, 43, 100}};
  h.pass_answering(Seconds(58));
  CHECK(h.state() == State::kInitializing);
  h.pass_answering(Seconds(10));
  const auto stalled = std::find_if(h.log.begin(), h.log.end(), [](const Say& say) {
    return say.fields.starts_with("\"code\":\"build_stalled\"") &&
           say.message.find("43 of 100 for 1m") != std::string::npos;
  });
  CHECK(stalled != h.log.end());
  CHECK(h.code() == Reason::kInitializing);  // the next attempt, which was answered
  CHECK(h.fresh_pools == 1);                 // the stuck call keeps no worker from the next attempt
  h.tasks.clear();                           // it is never answered
  h.database.builds.clear();
  h.pass_answering(Seconds(60));  // the lease was not given back: it runs out, and is taken anew
  CHECK(h.gate.snapshot().attempt >= 2);
  CHECK(h.building() == collection);  // the same command, which waits for the same build
  h.answer_all();
  CHECK(h.facts().open);
}

TEST_CASE("progress that cannot be read is no stall, and is said once") {
  LongBuilds h;
  h.pass_answering(Seconds(300));
  CHECK(h.state() == State::kInitializing);
  CHECK(h.gate.snapshot().attempt == 1);
  CHECK_FALSE(h.phase().percent);
  CHECK(h.said("The server does not tell how far index builds are") == 1);
}

TEST_CASE("progress that is not shown any more is no stall either") {
  LongBuilds h;
  h.database.builds = {{h.building(), 43, 100}};
  h.pass_answering(Seconds(40));
  h.database.builds.clear();  // another primary, which tells nothing
  h.pass_answering(Seconds(300));
  CHECK(h.state() == State::kInitializing);
  CHECK(h.gate.snapshot().attempt == 1);
}

TEST_CASE("a build that waits for other members is no stall, and says what it waits for") {
  LongBuilds h;
  h.database.builds = {{h.building(), 100, 100, true}};
  h.pass_answering(Seconds(300));
  CHECK(h.state() == State::kInitializing);
  CHECK(h.gate.snapshot().attempt == 1);
  CHECK(h.code() == Reason::kWaitingForMembers);
}

TEST_CASE("stall_timeout 0 is no limit") {
  GateSettings settings;
  settings.init.stall_timeout = Millis(0);
  LongBuilds h(settings);
  h.database.builds = {{h.building(), 43, 100}};
  h.pass_answering(Seconds(3'600));
  CHECK(h.gate.snapshot().attempt == 1);
}
