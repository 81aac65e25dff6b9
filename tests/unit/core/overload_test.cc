// Any answer is proof of life; and an overloaded server is asked ever more rarely, closes no gate and fails none.
#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

using Fault = std::function<std::optional<Failure>(const Work&)>;

template <typename T>
Fault failing(Failure failure) {
  return
      [failure](const Work& work) { return std::holds_alternative<T>(work) ? std::optional(failure) : std::nullopt; };
}

Failure silence() {
  Failure failure;
  failure.domain = Domain::kStreamTimeout;
  failure.message = "no answer within 10 s";
  return failure;
}

void live(Harness& h, Millis duration) {
  for (Millis passed{0}; passed < duration; passed += Millis(500)) {
    h.pass(Millis(500));
    h.answer_all();
  }
}

bool builds(const Work& work) {
  const auto* step = std::get_if<RunStep>(&work);
  return step != nullptr && step->step.kind == schema::StepKind::kCreateIndexes;
}

bool gives_applied(const Work& work) {
  const auto* change = std::get_if<ChangeLedger>(&work);
  return change != nullptr && has(change->fields, LedgerField::kApplied);
}

}  // namespace

TEST_CASE("a ping that is answered with an error is no loss, however often") {
  std::vector<Failure> answers = {overloaded_error(), overloaded_error(Millis(5'000))};
  for (const int code : {13, 91, 189, 391, 10107, 11602, 999'999}) answers.push_back(server_error(code));
  Failure refused;
  refused.domain = Domain::kAuth;
  refused.message = "Authentication failed";
  answers.push_back(refused);
  for (const Failure& answer : answers) {
    CAPTURE(answer.code);
    Harness h;
    h.open();
    int pings = 0;
    h.database.fault = [&](const Work& work) -> std::optional<Failure> {
      if (!std::holds_alternative<Ping>(work)) return std::nullopt;
      ++pings;
      return answer;
    };
    live(h, Millis(300'000));
    CHECK(h.state() == State::kReady);
    CHECK(h.facts().reachable);
    CHECK(h.facts().ready);
    CHECK(h.code() == judge(answer).reason);  // so the status says it
    CHECK(h.gate.snapshot().reason.find("The gate closes when") == std::string::npos);
    CHECK(h.said("State: degraded") == 0);
    CHECK(h.said("The server ") == 1);  // and says so once
    CHECK(pings >= 20);
  }
}

TEST_CASE("a refused ping after a silent one is the database that is back") {
  Harness h;
  h.open();
  h.database.fault = failing<Ping>(silence());
  live(h, Millis(45'000));
  REQUIRE(h.state() == State::kDegraded);
  h.database.fault = failing<Ping>(overloaded_error());
  live(h, Millis(12'000));
  CHECK(h.state() == State::kReady);
  h.database.fault = failing<Ping>(silence());
  live(h, Millis(45'000));
  CHECK(h.state() == State::kDegraded);
}

TEST_CASE("an answer to a task behind the open gate is proof of life, and its silence says nothing") {
  GateSettings settings;
  settings.unready_after = Millis(200'000);
  Harness h(example_schema(), settings);
  h.open();
  h.database.fault = failing<Ping>(silence());
  live(h, Millis(199'000));  // the ledger is read every minute
  CHECK(h.facts().reachable);
  live(h, Millis(300'000));
  CHECK(h.facts().reachable);
  h.database.fault = [](const Work& work) -> std::optional<Failure> {
    if (std::holds_alternative<Ping>(work)) return std::nullopt;
    return silence();
  };
  live(h, Millis(500'000));
  CHECK(h.state() == State::kReady);
}

TEST_CASE("whether there is a primary, the topology tells, and no answer to a ping") {
  Harness h;
  h.open();
  h.database.fault = failing<Ping>(server_error(10107, "not primary"));
  h.primary(false);
  live(h, Millis(40'000));
  CHECK(h.state() == State::kDegraded);
  CHECK(h.code() == Reason::kNoPrimary);
  h.primary(true);
  live(h, Millis(1'000));
  CHECK(h.state() == State::kReady);
}

TEST_CASE("an overload is in the phase and the log while it lasts, and counted") {
  Harness h;
  h.open();
  CHECK(h.gate.overloads() == 0);
  h.database.fault = failing<Ping>(overloaded_error(Millis(250)));
  live(h, Millis(60'000));
  CHECK(h.gate.overloads() >= 5);
  CHECK(h.gate.snapshot().phase.name == "serve");
  CHECK(h.gate.snapshot().phase.what.starts_with("overloaded: "));
  CHECK(h.said("The server is overloaded and refuses work: ") == 1);
  CHECK(h.said("The overloaded server names the pause to begin with: 250ms") == 1);
  h.database.fault = nullptr;
  live(h, Millis(20'000));
  CHECK(h.gate.snapshot().phase.what.empty());
  CHECK(h.said("The server is not overloaded any more") == 1);
  const std::uint64_t before = h.gate.overloads();
  live(h, Millis(60'000));
  CHECK(h.gate.overloads() == before);
}

TEST_CASE("a server that refuses every second command is overloaded all the while, and the log says so once") {
  Harness h;
  h.open();
  int pings = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<Ping>(work) || ++pings % 2 == 0) return std::nullopt;
    return overloaded_error();
  };
  live(h, Millis(300'000));
  CHECK(h.gate.overloads() >= 20);
  CHECK(h.said("The server is overloaded and refuses work: ") <= 3);
}

TEST_CASE("ten refused builds, and then one that is not: ready, having asked ever more rarely") {
  Harness h;
  int asked = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!builds(work)) return std::nullopt;
    return ++asked <= 10 ? std::optional(overloaded_error()) : std::nullopt;
  };
  h.open();
  CHECK(h.state() == State::kConnecting);
  CHECK(h.code() == Reason::kOverloaded);
  CHECK(h.facts().reachable);
  CHECK(h.gate.snapshot().phase.what.starts_with("overloaded: "));
  CHECK(h.gate.snapshot().retryable);
  live(h, Millis(200'000));
  CHECK(h.state() == State::kReady);
  CHECK(h.said("Database initialization failed") == 0);
  CHECK(asked == 10 + 2);  // and one for each collection
}

TEST_CASE("how often an overloaded server is asked follows its base, and not how many commands an attempt has") {
  const struct {
    int base;
    int least, most;  // attempts in a minute: the pauses are half of their bounds on average
  } rows[] = {{0, 9, 30}, {1, 12, 40}, {5'000, 7, 25}};
  for (const auto& row : rows) {
    CAPTURE(row.base);
    int all = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      Harness h(example_schema(), {}, seed);
      h.database.fault = [&](const Work&) { return std::optional(overloaded_error(Millis(row.base))); };
      h.gate.start(h.now());
      h.primary(true);
      for (int i = 0; i < 6'000; ++i) {
        h.answer_all();
        h.pass(Millis(10));
      }
      CHECK(h.state() == State::kConnecting);
      all += static_cast<int>(h.gate.snapshot().attempt);
      CHECK(h.gate.overloads() == static_cast<std::uint64_t>(h.gate.snapshot().attempt));
    }
    CHECK(all >= 10 * row.least);
    CHECK(all <= 10 * row.most);
  }
}

TEST_CASE("every kind of call may be refused for a while, and in the end the gate is open") {
  for (int kind = 0; kind < static_cast<int>(std::variant_size_v<Work>); ++kind) {
    CAPTURE(kind);
    Harness h(example_schema(1, "contract = \"apply\"\n", R"(
[[seed]]
collection = "orders"
docs = '[{"_id": 1}]'
[[migration]]
id = "state"
[migration.batch]
collection = "orders"
filter = '{"state": null}'
update = '{"$set": {"state": 1}}'
)"));
    int refusals = 0;
    h.database.fault = [&](const Work& work) -> std::optional<Failure> {
      if (static_cast<int>(work.index()) != kind || ++refusals > 6) return std::nullopt;
      return overloaded_error();
    };
    h.open();
    live(h, Millis(120'000));
    CHECK(h.state() == State::kReady);
    CHECK(h.said("Database initialization failed") == 0);
    CHECK(h.said("State: degraded") == 0);
  }
}

TEST_CASE("an acquisition that an overloaded server refused needs no renewal to settle it") {
  Harness h;
  int writes = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<ChangeLedger>(work)) return std::nullopt;
    ++writes;
    return overloaded_error();
  };
  h.open();
  CHECK(writes == 1);
  CHECK(h.code() == Reason::kOverloaded);
  h.database.fault = nullptr;
  live(h, Millis(5'000));
  CHECK(h.facts().open);
}

TEST_CASE("a refused record of what was done is not asked for again at once") {
  for (const Failure& answer : {overloaded_error(), server_error(371), server_error(999'999)}) {
    CAPTURE(answer.code);
    Harness h;
    int refused = 0;
    h.database.fault = [&](const Work& work) -> std::optional<Failure> {
      if (!gives_applied(work)) return std::nullopt;
      ++refused;
      return answer;
    };
    h.open();
    CHECK(refused == 1);
    h.database.fault = nullptr;
    live(h, Millis(130'000));
    CHECK(h.facts().open);
  }
}

TEST_CASE("the lease is kept while its renewals are refused, and the pauses leave time for more of them") {
  Harness h;
  int steps = 0;
  int refused = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    const auto* change = std::get_if<ChangeLedger>(&work);
    if (change == nullptr || !std::holds_alternative<LedgerHold>(change->match) || gives_applied(work)) return {};
    return ++refused <= 3 ? std::optional(overloaded_error(Millis(8'000))) : std::nullopt;
  };
  h.gate.start(h.now());
  h.primary(true);
  // A build that takes a minute: renewals are answered, the build is not.
  std::vector<StartTask> kept;
  for (int i = 0; i < 240; ++i) {
    h.collect();
    while (!h.tasks.empty()) {
      if (builds(h.tasks.front().work)) {
        ++steps;
        kept.push_back(h.tasks.front());
        h.tasks.pop_front();
      } else {
        h.answer_one();
      }
    }
    h.pass(Millis(250));
  }
  CHECK(refused > 3);
  CHECK(steps == 2);  // one for each collection, and none again
  CHECK(h.state() == State::kInitializing);
  CHECK(h.said("The database is not ready yet") == 0);
  for (const StartTask& task : kept) h.gate.finished(task.id, h.database.run(task.work), h.now());
  h.answer_all();
  CHECK(h.facts().open);
}

TEST_CASE("a refused reading of progress leaves what is known of a build") {
  Harness h;
  h.database.fault = failing<ReadProgress>(overloaded_error());
  h.gate.start(h.now());
  h.primary(true);
  std::vector<StartTask> kept;
  for (int i = 0; i < 240; ++i) {
    h.collect();
    while (!h.tasks.empty()) {
      if (builds(h.tasks.front().work)) {
        kept.push_back(h.tasks.front());
        h.tasks.pop_front();
      } else {
        h.answer_one();
      }
    }
    h.pass(Millis(250));
  }
  CHECK(h.gate.overloads() >= 4);
  CHECK(h.gate.overloads() <= 7);  // every ten seconds, and not every two
  CHECK(h.said("The server does not tell how far index builds are") == 0);
}
