// The gate from start to end, driven by hand: what it asks of the database, which states it passes, what it says.
#include <doctest/doctest.h>

#include <string>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

constexpr std::string_view kStarting = "Starting database initialization...";
constexpr std::string_view kCompleted = "Database initialization completed. Connected: True";
constexpr std::string_view kFailed = "Database initialization failed: ";

// Answers tasks of type T with this failure.
template <typename T>
std::function<std::optional<Failure>(const Work&)> failing(Failure failure) {
  return
      [failure](const Work& work) { return std::holds_alternative<T>(work) ? std::optional(failure) : std::nullopt; };
}

}  // namespace

TEST_CASE("an empty database is initialized, verified, recorded and warmed, in that order") {
  Harness h;
  h.open();
  CHECK(h.path() == "connecting initializing verifying warming ready");
  CHECK(h.facts().open);
  CHECK(h.facts().ready);
  CHECK(h.code() == Reason::kNone);
  CHECK(h.said(kStarting) == 1);
  CHECK(h.said(kCompleted) == 1);
  CHECK(h.said(kFailed) == 0);
  REQUIRE(h.database.ledger);
  CHECK(h.database.ledger->applied->version == 1);
  CHECK(h.database.ledger->rev.size() == 32);
  CHECK_FALSE(h.database.ledger->owner);
  CHECK(h.database.ledger->owns.size() == 2);
  CHECK(h.database.count["catalog"] == 2);  // before, and the fresh reading that verifies
  CHECK(h.database.count["write"] == 3);    // the document, the lease, and what was applied, which gives it back
  CHECK(h.database.count["renewal"] == 1);  // between verifying and recording
}

TEST_CASE("an unchanged schema opens with one find and no write") {
  Harness first;
  first.open();
  Harness h(example_schema(), {}, 2);
  h.database = first.database;
  h.database.count.clear();
  h.gate.start(h.now());
  h.collect();
  CHECK(h.tasks.size() == 1);
  h.answer_all();
  CHECK(h.path() == "connecting warming ready");
  CHECK(h.database.count["find"] == 1);
  CHECK(h.database.count["write"] == 0);
  CHECK(h.database.count["catalog"] == 0);
  CHECK(h.database.count["step"] == 0);
  CHECK(h.database.count["warm"] == 4);  // behind the open gate
}

TEST_CASE("the gate opens with the first warm connection, which is the one of the find; the rest warm behind it") {
  Harness first;
  first.open();
  Harness h(example_schema(), {}, 2);
  h.database = first.database;
  h.database.count.clear();
  h.gate.start(h.now());
  h.answer_one();
  CHECK(h.facts().open);
  CHECK(h.database.count["warm"] == 0);
}

TEST_CASE("a schema that is there without a warm connection is warming, not open") {
  Harness h;
  h.gate.start(h.now());
  std::optional<StartTask> warming;
  for (h.collect(); !h.tasks.empty(); h.collect()) {
    if (std::holds_alternative<Warm>(h.tasks.front().work)) {
      REQUIRE_FALSE(warming);
      warming = h.tasks.front();
      h.tasks.pop_front();
    } else {
      h.answer_one();
    }
  }
  REQUIRE(warming);
  CHECK(h.state() == State::kWarming);
  CHECK_FALSE(h.facts().initialized);
  h.tasks.push_back(*warming);
  h.answer_one();
  CHECK(h.facts().open);
}

TEST_CASE("beginning an initialization that runs joins it") {
  const schema::Schema schema = example_schema();
  SeededRandom random(1);
  Commands commands;
  Initializer initializer(schema, {}, "me", random);
  initializer.begin(commands);
  initializer.begin(commands);
  CHECK(commands.take().size() == 1);  // the find, once
}

TEST_CASE("single initialization: 50 concurrent requests for it run one") {
  Harness h;
  h.gate.start(h.now());
  for (int i = 0; i < 50; ++i) h.gate.retry("POST retry", h.now());
  h.answer_all();
  for (int i = 0; i < 50; ++i) h.gate.retry("POST retry", h.now());
  h.answer_all();
  CHECK(h.said(kStarting) == 1);
  CHECK(h.said(kCompleted) == 1);
  CHECK(h.database.count["find"] == 1);
}

TEST_CASE("a refused connection is retried with growing pauses until the database comes") {
  Harness h;
  h.database.fault = [](const Work&) { return std::optional(connection_refused()); };
  h.gate.start(h.now());
  h.answer_all();
  CHECK(h.state() == State::kConnecting);
  CHECK(h.code() == Reason::kConnectionRefused);
  CHECK(h.gate.snapshot().retryable);
  CHECK(h.gate.snapshot().next_attempt_at);
  for (int i = 0; i < 20; ++i) {
    h.pass(Millis(5'000));
    h.answer_all();
  }
  CHECK(h.gate.snapshot().attempt > 10);
  CHECK(h.said("The database is not ready yet: ") > 10);
  int warnings = 0;
  for (const Say& say : h.log) warnings += say.level == LogLevel::kWarn ? 1 : 0;
  CHECK(warnings == 1);  // every cause once
  h.database.fault = nullptr;
  h.primary(true);
  h.pass(Millis(5'001));
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.said(kStarting) == 1);
  CHECK(h.said(kFailed) == 0);
}

TEST_CASE("failure, then retry, then success") {
  Harness h;
  h.database.fault = failing<RunStep>(server_error(85, "an equal index exists"));
  h.open();
  CHECK(h.state() == State::kFailed);
  CHECK(h.code() == Reason::kConflict);
  CHECK(h.said(kFailed) == 1);
  CHECK(h.facts().healthy);  // the database answers; the schema is the problem
  CHECK(h.gate.snapshot().reason.find("an equal index exists") != std::string::npos);
  h.database.fault = nullptr;
  h.gate.retry("POST retry", h.now());
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.fresh_pools == 1);
  CHECK(h.said(kStarting) == 2);
  CHECK(h.said(kCompleted) == 1);
}

TEST_CASE("a retry says whether there was anything to retry") {
  Harness h;
  h.gate.start(h.now());
  CHECK(h.gate.retry("test", h.now()) == Retried::kUnderWay);
  h.primary(true);
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.gate.retry("test", h.now()) == Retried::kNothing);
  Harness failed;
  failed.database.fault = failing<RunStep>(server_error(67));
  failed.open();
  CHECK(failed.state() == State::kFailed);
  CHECK(failed.gate.retry("test", failed.now()) == Retried::kUnderWay);
  failed.gate.terminate(failed.now());
  CHECK(failed.gate.retry("test", failed.now()) == Retried::kNothing);
}

TEST_CASE("a failed gate tries again by itself every failed_retry, and never when that is 0") {
  for (const bool by_itself : {true, false}) {
    GateSettings settings;
    settings.failed_retry = by_itself ? Millis(60'000) : Millis(0);
    Harness h(example_schema(), settings);
    h.database.fault = failing<RunStep>(server_error(67));
    h.open();
    CHECK(h.state() == State::kFailed);
    h.database.fault = nullptr;
    h.pass(Millis(40'000));
    CHECK(h.state() == State::kFailed);
    h.pass(Millis(40'000));
    h.answer_all();
    CHECK(h.facts().open == by_itself);
  }
}

TEST_CASE("what mends only slowly is warned of, and retried every failed_retry on new connections") {
  for (const int code : {100, 14031, 11}) {
    CAPTURE(code);
    Harness h;  // failed_retry is 60 s, drawn a fifth shorter or longer
    h.database.fault = failing<RunStep>(server_error(code));
    h.open();
    CHECK(h.state() == State::kConnecting);
    CHECK(h.gate.snapshot().attempt == 1);
    CHECK(h.fresh_pools == 1);
    int warnings = 0;
    for (const Say& say : h.log) warnings += say.level == LogLevel::kWarn ? 1 : 0;
    CHECK(warnings == 1);
    h.pass(Millis(47'000));
    CHECK(h.gate.snapshot().attempt == 1);
    h.database.fault = nullptr;
    h.pass(Millis(26'000));
    h.answer_all();
    CHECK(h.gate.snapshot().attempt == 2);
    CHECK(h.facts().open);
  }
}

TEST_CASE("bad credentials are retried for auth_grace and then fail") {
  Harness h;
  Failure refused;
  refused.domain = Domain::kAuth;
  refused.message = "Authentication failed";
  h.database.fault = [&](const Work&) { return std::optional(refused); };
  h.gate.start(h.now());
  h.primary(true);  // the driver's monitors do not authenticate
  h.answer_all();
  CHECK(h.state() == State::kConnecting);
  CHECK(h.code() == Reason::kAuth);
  for (int i = 0; i < 11; ++i) {
    h.pass(Millis(5'000));
    h.answer_all();
  }
  CHECK(h.state() == State::kConnecting);
  for (int i = 0; i < 3; ++i) {
    h.pass(Millis(5'000));
    h.answer_all();
  }
  CHECK(h.state() == State::kFailed);
  CHECK_FALSE(h.facts().healthy);  // failed, and not connected
  CHECK(h.fresh_pools > 5);        // each attempt reads the secret again
}

TEST_CASE("init.timeout ends in failed, and the retry has a timeout of its own") {
  GateSettings settings;
  settings.init_timeout = Millis(10'000);
  settings.failed_retry = Millis(30'000);
  Harness h(example_schema(), settings);
  h.gate.start(h.now());  // nothing ever answers
  h.pass(Millis(9'999));
  CHECK(h.state() == State::kConnecting);
  h.pass(Millis(1));
  CHECK(h.state() == State::kFailed);
  CHECK(h.code() == Reason::kInitTimeout);
  CHECK(h.gate.snapshot().retryable);
  h.pass(Millis(40'000));
  CHECK(h.said(kStarting) == 2);
  CHECK(h.said(kFailed) >= 1);
}

TEST_CASE("a lost database during initialization leads back to connecting, and on to ready") {
  Harness h;
  int steps = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<RunStep>(work) || ++steps != 2) return std::nullopt;
    return server_error(10107, "not primary");
  };
  h.open();
  CHECK(h.state() == State::kConnecting);
  CHECK(h.code() == Reason::kNoPrimary);
  h.pass(Millis(5'000));
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.path() == "connecting initializing connecting initializing verifying warming ready");
}

TEST_CASE("a build that hangs while the primary is gone is given up after unready_after") {
  GateSettings settings;
  settings.unready_after = Millis(10'000);
  Harness h(example_schema(), settings);
  h.gate.start(h.now());
  h.primary(true);
  for (int i = 0; i < 4; ++i) h.answer_one();  // ledger, warm, its insert, the lease; the catalog reading hangs
  CHECK(h.state() == State::kInitializing);
  h.primary(false);
  h.pass(Millis(9'999));
  CHECK(h.state() == State::kInitializing);
  h.pass(Millis(2));
  CHECK(h.state() == State::kConnecting);
  CHECK(h.fresh_pools == 1);
}

TEST_CASE("ready, degraded and ready again follow the primary with patience") {
  Harness h;
  h.open();
  h.primary(false);
  CHECK(h.state() == State::kReady);
  CHECK(h.facts().open);
  h.pass(Millis(30'000));
  CHECK(h.state() == State::kDegraded);
  CHECK_FALSE(h.facts().open);
  CHECK_FALSE(h.facts().healthy);
  CHECK(h.facts().initialized);
  CHECK(h.code() != Reason::kNone);
  h.tasks.clear();
  h.primary(true);
  h.pass(Millis(0));
  h.answer_all();
  CHECK(h.state() == State::kReady);
  CHECK(h.facts().open);
  CHECK(h.code() == Reason::kNone);
  CHECK(h.said(kStarting) == 1);
}

TEST_CASE("a failed ping is a loss, and its cause is told") {
  Harness h;
  h.open();
  Failure hang;
  hang.domain = Domain::kStreamTimeout;
  hang.message = "no answer within 10 s";
  h.database.fault = failing<Ping>(hang);
  for (int i = 0; i < 8; ++i) {
    h.pass(Millis(6'000));
    h.answer_all();
  }
  CHECK(h.state() == State::kDegraded);
  CHECK(h.code() == Reason::kTimeout);
  h.database.fault = nullptr;
  h.pass(Millis(6'001));
  h.answer_all();
  CHECK(h.state() == State::kReady);
}

TEST_CASE("latched: once open, a lost database does not close the gate") {
  GateSettings settings;
  settings.ready_policy = ReadyPolicy::kLatched;
  Harness h(example_schema(), settings);
  h.open();
  h.primary(false);
  h.pass(Millis(31'000));
  CHECK(h.state() == State::kDegraded);
  CHECK(h.facts().open);
  CHECK_FALSE(h.facts().healthy);
}

TEST_CASE("SIGTERM drains at once and ends after drain_delay, whatever is in flight") {
  GateSettings settings;
  settings.drain_delay = Millis(5'000);
  Harness h(example_schema(), settings);
  h.gate.start(h.now());
  h.collect();
  h.gate.terminate(h.now());
  CHECK(h.state() == State::kDraining);
  CHECK(h.code() == Reason::kDraining);
  h.answer_all();  // late answers change nothing
  CHECK(h.state() == State::kDraining);
  h.pass(Millis(4'999));
  CHECK_FALSE(h.quit);
  h.pass(Millis(1));
  CHECK(h.quit);
}

TEST_CASE("POST drain closes the gate for a while, undrain opens it") {
  Harness h;
  h.open();
  h.gate.drain(Millis(30'000), h.now());
  CHECK_FALSE(h.facts().open);
  CHECK(h.code() == Reason::kDraining);
  CHECK(h.state() == State::kReady);
  h.pass(Millis(30'000));
  CHECK(h.facts().open);
  h.gate.drain(Millis(30'000), h.now());
  h.gate.undrain(h.now());
  CHECK(h.facts().open);
}

TEST_CASE("a change without a raised version fails and names both hashes") {
  const schema::Schema before = example_schema();
  const schema::Schema after =
      example_schema(1, "", "  [[collection.index]]\n  name = \"extra\"\n  key = [[\"x\", 1]]\n");
  Harness first(before);
  first.open();
  Harness h(after, {}, 2);
  h.database = first.database;
  h.open();
  CHECK(h.state() == State::kFailed);
  CHECK(h.code() == Reason::kVersionNotRaised);
  CHECK(h.database.count["step"] == first.database.count["step"]);
  for (const schema::Schema* each : {&before, &after}) {
    CHECK(h.gate.snapshot().reason.find(core::bare_hash(*each).substr(0, 12)) != std::string::npos);
  }
}

TEST_CASE("a hash of another format says nothing: the catalog decides, and an empty difference updates the ledger") {
  Harness first;
  first.open();
  for (const bool matches : {true, false}) {
    CAPTURE(matches);
    Harness h(example_schema(), {}, 2);
    h.database = first.database;
    h.database.ledger->applied->hash = "of the format that this program does not write";
    h.database.ledger->applied->hash_format = schema::kHashFormat + 1;
    if (!matches) h.database.catalog.collections.at(0).indexes.pop_back();
    h.database.count.clear();
    h.open();
    CHECK(h.facts().open);
    CHECK(h.database.count["step"] == (matches ? 0 : 1));
    CHECK(h.database.ledger->applied->hash_format == schema::kHashFormat);
    CHECK(h.database.ledger->applied->hash == core::bare_hash(example_schema()));
  }
}

TEST_CASE("a raised version applies only the difference") {
  Harness first;
  first.open();
  Harness h(example_schema(2, "", "  [[collection.index]]\n  name = \"extra\"\n  key = [[\"x\", 1]]\n"), {}, 2);
  h.database = first.database;
  h.database.count.clear();
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.count["step"] == 1);
  CHECK(h.database.ledger->applied->version == 2);
}

TEST_CASE("a catalog that changed meanwhile is read again, not failed") {
  Harness h;
  int faults = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<RunStep>(work) || ++faults > 2) return std::nullopt;
    return server_error(48, "already exists");
  };
  h.open();
  CHECK(h.facts().open);
  CHECK(h.said(kFailed) == 0);
}

TEST_CASE("somebody who drops an index as fast as it is made is an error that is retried, not a loop") {
  Harness h;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (const auto* step = std::get_if<RunStep>(&work)) {
      if (step->step.kind == schema::StepKind::kCreateIndexes) return server_error(27, "index not found");
    }
    return std::nullopt;
  };
  h.open();
  CHECK(h.state() == State::kConnecting);
  CHECK(h.code() == Reason::kDrift);
}

TEST_CASE("what the server acknowledges and does not show is not honoured: failed, or reported, as the policy says") {
  for (const bool report : {false, true}) {
    Harness h(example_schema(1, report ? "not_honoured = \"report\"" : ""));
    int reads = 0;
    h.database.fault = [&](const Work& work) -> std::optional<Failure> {
      if (!std::holds_alternative<ReadCatalog>(work) || ++reads != 2) return std::nullopt;
      for (auto& collection : h.database.catalog.collections) {
        std::erase_if(collection.indexes, [](const auto& index) { return index.index.name == "email"; });
      }
      return std::nullopt;
    };
    h.open();
    CHECK(h.facts().open == report);
    if (!report) CHECK(h.code() == Reason::kNotHonoured);
    int said = 0;
    for (const Say& say : h.log) said += say.fields.find("not_honoured") != std::string::npos ? 1 : 0;
    CHECK(said >= 1);
  }
}

TEST_CASE("the audit after opening repairs what has drifted, and closes nothing") {
  Harness first;
  first.open();
  Harness h(example_schema(), {}, 2);
  h.database = first.database;
  auto& indexes = h.database.catalog.collections.at(0).indexes;
  indexes.pop_back();
  h.open();
  CHECK(h.facts().open);
  CHECK(h.database.catalog.collections.at(0).indexes.size() == 2);
  for (int i = 0; i < 4; ++i) {
    h.pass(Millis(3'000));
    h.answer_all();
  }
  CHECK(h.database.catalog.collections.at(0).indexes.size() == 3);
  CHECK(h.facts().ready);
  CHECK(h.state() == State::kReady);
}

TEST_CASE("a changed secret connects anew and mends refused credentials") {
  Harness h;
  Failure refused;
  refused.domain = Domain::kAuth;
  h.database.fault = [&](const Work&) { return std::optional(refused); };
  h.gate.start(h.now());
  h.primary(true);
  h.answer_all();
  for (int i = 0; i < 20; ++i) {
    h.pass(Millis(5'000));
    h.answer_all();
  }
  CHECK(h.state() == State::kFailed);
  h.database.fault = nullptr;
  const int before = h.fresh_pools;
  h.gate.secret_changed("The connection string", h.now());
  h.answer_all();
  CHECK(h.facts().open);
  CHECK(h.fresh_pools > before);
}

TEST_CASE("every snapshot change raises seq by one, and nothing else does") {
  Harness h;
  const auto before = h.gate.snapshot().seq;
  h.gate.tick(h.now());
  h.gate.tick(h.now());
  CHECK(h.gate.snapshot().seq == before);
  h.gate.start(h.now());
  CHECK(h.gate.snapshot().seq == before + 1);
}

TEST_CASE("any order of faults, losses and retries ends open, never off the table of states") {
  // A transition that the table does not know ends the process, so that passing is the assertion.
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    GateSettings settings;
    settings.failed_retry = Millis(5'000);
    settings.init_timeout = seed % 3 == 0 ? Millis(20'000) : Millis(0);
    Harness h(example_schema(), settings, seed);
    SeededRandom dice(seed * 77);
    bool calm = false;
    h.database.fault = [&](const Work&) -> std::optional<Failure> {
      if (calm || dice.next() % 4 != 0) return std::nullopt;
      constexpr int kCodes[] = {10107, 91, 13, 18, 85, 27, 48, 11000, 100, 9001, 50};
      if (dice.next() % 3 == 0) return connection_refused();
      return server_error(kCodes[dice.next() % std::size(kCodes)]);
    };
    h.gate.start(h.now());
    for (int i = 0; i < 60; ++i) {
      switch (dice.next() % 6) {
        case 0: h.primary(true); break;
        case 1: h.primary(false); break;
        case 2: h.gate.retry("test", h.now()); break;
        case 3: h.pass(Millis(static_cast<long>(dice.next() % 40'000))); break;
        default:
          h.collect();
          if (!h.tasks.empty()) h.answer_one();
      }
    }
    calm = true;
    h.primary(true);
    for (int i = 0; i < 40 && !h.facts().ready; ++i) {
      h.answer_all();
      h.pass(Millis(10'000));
    }
    CHECK(h.facts().ready);
    h.gate.terminate(h.now());
    CHECK(h.state() == State::kDraining);
  }
}
