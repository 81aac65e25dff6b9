// How an initialization ends: by its limit of time, by a failure, by a signal, and what it then leaves behind: the
// lease free, and the count of what was done whole.
#include <doctest/doctest.h>

#include <string>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

constexpr std::string_view kBackground = R"(
[[migration]]
id = "0001-state"
phase = "background"
pause = "1s"
  [migration.batch]
  collection = "orders"
  size = 1
  filter = '{ "state": { "$exists": false } }'
  update = '{ "$set": { "state": 1 } }'
)";

GateSettings with_timeout(TimeoutCovers covers) {
  GateSettings settings;
  settings.init_timeout = Millis(10'000);
  settings.init_timeout_covers = covers;
  return settings;
}

bool is_free(const Harness& h) { return h.database.ledger && !h.database.ledger->owner; }

// The failure of a connection that breaks after the server has the command.
Failure broken() {
  Failure failure;
  failure.domain = Domain::kStream;
  failure.message = "connection closed";
  return failure;
}

// Until no task is left that does not hang.
void answer_all_but_steps(Harness& h, std::deque<StartTask>& hanging) {
  for (h.collect(); !h.tasks.empty(); h.collect()) {
    if (std::holds_alternative<RunStep>(h.tasks.front().work)) {
      hanging.push_back(h.tasks.front());
      h.tasks.pop_front();
    } else {
      h.answer_one();
    }
  }
}

}  // namespace

TEST_CASE("init.timeout covers background migrations where that is asked for") {
  for (const TimeoutCovers covers : {TimeoutCovers::kOpening, TimeoutCovers::kBackground}) {
    const bool all = covers == TimeoutCovers::kBackground;
    CAPTURE(all);
    Harness h(example_schema(1, "", std::string(kBackground)), with_timeout(covers));
    for (int i = 0; i < 100; ++i) h.database.migrations.batch["orders"][i] = {};
    h.open();
    CHECK(h.state() == State::kReady);
    for (int i = 0; i < 99; ++i) {
      h.pass(Millis(100));
      h.answer_all();
    }
    CHECK(h.state() == State::kReady);
    CHECK(h.gate.migrating());
    h.pass(Millis(200));
    CHECK(h.state() == (all ? State::kFailed : State::kReady));
    if (!all) continue;
    CHECK(h.code() == Reason::kInitTimeout);
    const std::string& reason = h.gate.snapshot().reason;
    CHECK(reason.find("background migrations did not end within init.timeout (10s)") != std::string::npos);
    CHECK(reason.find("migration 0001-state, ") != std::string::npos);
    CHECK(h.gate.work().pending == std::vector<std::string>{"0001-state"});
    h.answer_all();
    CHECK(is_free(h));
    CHECK_FALSE(h.gate.owes_lease());
  }
}

TEST_CASE("background migrations that end in time leave nothing of the limit") {
  Harness h(example_schema(1, "", std::string(kBackground)), with_timeout(TimeoutCovers::kBackground));
  h.database.migrations.batch["orders"][1] = {};
  h.open();
  for (int i = 0; i < 300; ++i) {
    h.pass(Millis(100));
    h.answer_all();
  }
  CHECK_FALSE(h.gate.migrating());
  CHECK(h.state() == State::kReady);
  CHECK(h.gate.work().pending.empty());
}

TEST_CASE("a gate that fails gives the lease back, behind the steps that are under way") {
  Harness h;
  std::deque<StartTask> hanging;
  h.gate.start(h.now());
  h.primary(true);
  answer_all_but_steps(h, hanging);
  REQUIRE(hanging.size() == 2);
  CHECK(h.gate.owes_lease());
  h.gate.finished(hanging[0].id, tl::unexpected(server_error(67)), h.now());
  h.answer_all();
  CHECK(h.state() == State::kFailed);
  CHECK_FALSE(is_free(h));
  CHECK(h.gate.owes_lease());
  h.gate.finished(hanging[1].id, h.database.run(hanging[1].work), h.now());
  h.answer_all();
  CHECK(is_free(h));
  CHECK_FALSE(h.gate.owes_lease());
}

TEST_CASE("at init.timeout the lease is given back, behind the steps that are under way") {
  Harness h(example_schema(), with_timeout(TimeoutCovers::kOpening));
  std::deque<StartTask> hanging;
  h.gate.start(h.now());
  h.primary(true);
  answer_all_but_steps(h, hanging);
  for (int i = 0; i < 10; ++i) {
    h.pass(Millis(1'000));
    answer_all_but_steps(h, hanging);
  }
  CHECK(h.state() == State::kFailed);
  CHECK(h.gate.owes_lease());
  for (const StartTask& task : hanging) h.gate.finished(task.id, h.database.run(task.work), h.now());
  h.answer_all();
  CHECK(is_free(h));
  CHECK(h.gate.work().steps == 4);  // of both: two collections with their indexes
}

TEST_CASE("an end in any phase gives the lease back, also where its acquisition is still under way") {
  Harness whole;
  whole.gate.start(whole.now());
  whole.primary(true);
  int phases = 0;
  for (; whole.state() != State::kReady; ++phases) whole.answer_one();
  for (int answered = 0; answered < phases; ++answered) {
    CAPTURE(answered);
    Harness h;
    h.gate.start(h.now());
    h.primary(true);
    for (int i = 0; i < answered; ++i) h.answer_one();
    h.gate.terminate(h.now(), "SIGINT");
    CHECK(h.said("SIGINT: closing") == 0);  // not yet collected
    h.answer_all();
    CHECK(h.said("SIGINT: closing") == 1);
    h.pass(Millis(0));
    CHECK(h.quit);
    CHECK((!h.database.ledger || !h.database.ledger->owner));
  }
}

TEST_CASE("what an attempt before has built counts, whatever ended it") {
  for (const int failing : {1, 2}) {
    CAPTURE(failing);
    Harness h;
    int steps = 0;
    h.database.fault = [&](const Work& work) -> std::optional<Failure> {
      if (!std::holds_alternative<RunStep>(work) || ++steps != failing) return std::nullopt;
      return server_error(10107, "not primary");
    };
    h.open();
    h.pass(Millis(5'000));
    h.answer_all();
    REQUIRE(h.facts().open);
    CHECK(h.gate.snapshot().attempt == 2);
    CHECK(h.gate.work().steps == 4);
  }
}

TEST_CASE("a step whose answer was lost counts once, whether the server went on with it or not") {
  for (const bool went_on : {false, true}) {
    CAPTURE(went_on);
    Harness h;
    int steps = 0;
    h.database.fault = [&](const Work& work) -> std::optional<Failure> {
      const auto* step = std::get_if<RunStep>(&work);
      if (step == nullptr || ++steps > 2) return std::nullopt;
      if (went_on) run_command(h.database.catalog, step->step.command);
      return broken();
    };
    h.open();
    h.pass(Millis(5'000));
    h.answer_all();
    REQUIRE(h.facts().open);
    CHECK(h.gate.work().steps == 4);
    CHECK(steps == (went_on ? 2 : 4));
  }
}

TEST_CASE("what another replica has built between two attempts is not counted") {
  Harness h;
  int steps = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    const auto* step = std::get_if<RunStep>(&work);
    if (step == nullptr || ++steps > 2) return std::nullopt;
    return broken();
  };
  h.open();
  CHECK(h.state() == State::kConnecting);
  for (const StartTask& task : h.tasks) CHECK_FALSE(std::holds_alternative<RunStep>(task.work));
  Harness other(example_schema(), {}, 2);
  other.database = h.database;
  other.database.fault = nullptr;
  other.open();
  REQUIRE(other.facts().open);
  h.database.catalog = other.database.catalog;
  h.database.ledger->token = other.database.ledger->token;  // and it died before it said so in the ledger
  h.pass(Millis(5'000));
  h.answer_all();
  REQUIRE(h.facts().open);
  CHECK(h.gate.work().steps == 0);
}

TEST_CASE("a step that was under way when its attempt ended counts once, before or after the next one begins") {
  for (const bool late : {false, true}) {
    CAPTURE(late);
    Harness h;
    std::deque<StartTask> hanging;
    h.gate.start(h.now());
    h.primary(true);
    answer_all_but_steps(h, hanging);
    REQUIRE(hanging.size() == 2);
    const Outcome built = h.database.run(hanging[1].work);
    h.gate.finished(hanging[0].id, tl::unexpected(server_error(10107)), h.now());
    if (!late) h.gate.finished(hanging[1].id, built, h.now());
    for (int i = 0; i < 60 && !h.facts().open; ++i) {
      h.answer_all();
      h.pass(Millis(1'000));
    }
    REQUIRE(h.facts().open);
    CHECK(h.gate.work().steps == 4);
    if (late) h.gate.finished(hanging[1].id, built, h.now());
    CHECK(h.gate.work().steps == 4);
  }
}
