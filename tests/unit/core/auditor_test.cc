// What goes on behind an open gate: background migrations and repairs that fail or pause, when they are tried again,
// what is said of them; and steps that the policy holds back, which stay visible until they are done.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "core/retries.h"
#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

constexpr const char* kBackground = R"([[migration]]
id = "0002-later"
phase = "background"
[migration.batch]
collection = "orders"
size = 2
filter = '{ "later": { "$exists": false } }'
update = '{ "$set": { "later": 1 } }'
)";
constexpr const char* kPre = R"([[migration]]
id = "0001-split"
[migration.batch]
collection = "orders"
filter = '{ "state": { "$exists": false } }'
update = '{ "$set": { "state": 1 } }'
)";
constexpr const char* kPauses = "A background migration pauses";
constexpr const char* kFailed = "A background migration failed";

Harness gate_with(const std::string& documents, core::GateSettings settings = {}) {
  return Harness(example_schema(1, "contract = \"apply\"", documents), settings);
}

// Seconds, in which everything is answered.
void live(Harness& h, int seconds) {
  for (int i = 0; i < seconds * 10; ++i) {
    h.pass(Millis(100));
    h.answer_all();
  }
}

template <typename T>
std::function<std::optional<Failure>(const Work&)> failing(Failure failure) {
  return
      [failure](const Work& work) { return std::holds_alternative<T>(work) ? std::optional(failure) : std::nullopt; };
}

int at_level(const Harness& h, LogLevel level, std::string_view start) {
  return static_cast<int>(std::count_if(h.log.begin(), h.log.end(), [&](const Say& say) {
    return say.level == level && say.message.starts_with(start);
  }));
}

const Check& check_of(const Harness& h, std::string_view name) {
  const auto& checks = h.gate.snapshot().checks;
  return *std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return check.name == name; });
}

void remove_an_index(Harness& h) { h.database.catalog.collections.at(0).indexes.pop_back(); }

}  // namespace

// ----------------------------------------------------------------------------------------------- background migrations

TEST_CASE("a background migration that meets a loss of a second goes on after the usual backoff, with one line") {
  Harness h = gate_with(kBackground);
  h.open();
  for (int i = 0; i < 6; ++i) h.database.migrations.batch["orders"][i] = {};
  bool away = true;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (away && std::holds_alternative<RunBatch>(work)) return Failure{Domain::kStream, 0, Doing::kModify, "reset", {}};
    return std::nullopt;
  };
  live(h, 2);  // it starts within a second
  CHECK(at_level(h, LogLevel::kWarn, kPauses) == 1);
  CHECK(h.said(kPauses) > 1);  // the others at debug
  CHECK(h.facts().ready);      // nothing that a person must mend
  away = false;
  live(h, 10);  // less than a minute: backoff.max is 5 s
  CHECK(h.database.migrations.records.at("m/0002-later").state == RecordState::kDone);
  CHECK(h.said(kFailed) == 0);
}

TEST_CASE("a second loss of a background migration that went on between is told like the first") {
  Harness h = gate_with(kBackground);
  h.open();
  for (int i = 0; i < 40; ++i) h.database.migrations.batch["orders"][i] = {};
  int batches = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (std::holds_alternative<RunBatch>(work) && ++batches % 8 == 0) {
      return Failure{Domain::kStream, 0, Doing::kModify, "reset", {}};
    }
    return std::nullopt;
  };
  live(h, 40);
  CHECK(at_level(h, LogLevel::kWarn, kPauses) >= 2);
  CHECK(at_level(h, LogLevel::kWarn, kPauses) == h.said(kPauses));
  CHECK(h.database.migrations.records.at("m/0002-later").state == RecordState::kDone);
}

TEST_CASE("a background migration that fails for good says so once, names itself, and follows init.failed_retry") {
  core::GateSettings settings;
  settings.failed_retry = Millis(20'000);
  Harness h = gate_with(kBackground, settings);
  h.open();
  int batches = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<RunBatch>(work)) return std::nullopt;
    ++batches;
    return server_error(2, "no such operator");
  };
  live(h, 10);
  CHECK(batches == 1);
  const Check& check = check_of(h, "migrations");
  CHECK_FALSE(check.passed);
  CHECK(check.reason == Reason::kMigrationRefused);
  CHECK(check.sentence.find("0002-later") != std::string::npos);
  CHECK(check.sentence.find("no such operator") != std::string::npos);
  CHECK_FALSE(h.facts().ready);
  CHECK(h.facts().open);
  live(h, 60);
  CHECK(batches >= 3);
  CHECK(batches <= 5);
  CHECK(at_level(h, LogLevel::kError, kFailed) == 1);
  h.database.fault = nullptr;
  live(h, 30);
  CHECK(check_of(h, "migrations").passed);
  CHECK(check_of(h, "migrations").sentence.empty());
  CHECK(h.facts().ready);
}

TEST_CASE("with init.failed_retry = 0 a failed background migration waits for a person, and a retry by hand runs it") {
  core::GateSettings settings;
  settings.failed_retry = Millis(0);
  Harness h = gate_with(kBackground, settings);
  h.open();
  int batches = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<RunBatch>(work)) return std::nullopt;
    ++batches;
    return server_error(2, "no such operator");
  };
  live(h, 600);
  CHECK(batches == 1);
  h.gate.retry("asked on the socket", h.now());
  live(h, 2);
  CHECK(batches == 2);
  h.database.fault = nullptr;
  h.gate.retry("asked on the socket", h.now());
  live(h, 3);
  CHECK(h.facts().ready);
}

// --------------------------------------------------------------------------------------------------------------
// repairs

TEST_CASE("a repair that fails for good is said once, with its reason in the check, and follows init.failed_retry") {
  Harness first;
  first.open();
  core::GateSettings settings;
  settings.failed_retry = Millis(20'000);
  Harness h(example_schema(), settings, 2);
  h.database = first.database;
  remove_an_index(h);
  int steps = 0;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (!std::holds_alternative<RunStep>(work)) return std::nullopt;
    ++steps;
    return server_error(67, "no such index type");
  };
  h.open();
  live(h, 12);
  CHECK(steps == 1);
  CHECK(check_of(h, "drift").reason == Reason::kRefused);
  CHECK(check_of(h, "drift").sentence.find("no such index type") != std::string::npos);
  CHECK(h.facts().open);
  CHECK_FALSE(h.facts().ready);
  live(h, 60);
  CHECK(steps >= 3);
  CHECK(steps <= 5);
  CHECK(at_level(h, LogLevel::kError, "What has drifted from the schema cannot be repaired") == 1);
  CHECK(at_level(h, LogLevel::kWarn, "The database has drifted") == 1);
  CHECK(check_of(h, "drift").reason == Reason::kRefused);  // not the difference again
  h.database.fault = nullptr;
  live(h, 30);
  CHECK(h.facts().ready);
}

TEST_CASE("a repair that meets a loss goes on after the usual backoff, with one line") {
  Harness first;
  first.open();
  Harness h(example_schema(), {}, 2);
  h.database = first.database;
  remove_an_index(h);
  bool away = true;
  h.database.fault = [&](const Work& work) -> std::optional<Failure> {
    if (away && std::holds_alternative<RunStep>(work)) return Failure{Domain::kStream, 0, Doing::kModify, "reset", {}};
    return std::nullopt;
  };
  h.open();
  live(h, 12);
  CHECK(at_level(h, LogLevel::kWarn, "The repair of what has drifted pauses") == 1);
  CHECK(check_of(h, "drift").reason == Reason::kDrift);
  away = false;
  live(h, 10);
  CHECK(h.facts().ready);
  CHECK(h.said("What has drifted from the schema cannot be repaired") == 0);
}

TEST_CASE("retries: what passes by itself backs off, the rest keeps the slow pace, and news is told once") {
  SeededRandom random{1};
  Retries retries({Millis(100), Millis(5'000), Millis(60'000)}, random);
  const Judgement away{Verdict::kTransient, Reason::kNetwork, "away"};
  const Judgement refused{Verdict::kPermanent, Reason::kRefused, "refused"};
  for (int i = 0; i < 20; ++i) CHECK(*retries.pause_after(away) <= Millis(5'000));
  CHECK(*retries.pause_after(refused) >= Millis(40'000));
  CHECK(*retries.pause_after(away) <= Millis(100));  // the backoff begins again
  CHECK(retries.news(away));
  CHECK_FALSE(retries.news({Verdict::kTransient, Reason::kNetwork, "away, in other words"}));
  CHECK(retries.news(refused));
  CHECK_FALSE(retries.news(refused));
  CHECK(retries.news({Verdict::kPermanent, Reason::kRefused, "another step is refused"}));
  retries.went_on();
  CHECK(retries.news(refused));
  Retries never({Millis(100), Millis(5'000), Millis(0)}, random);
  CHECK_FALSE(never.pause_after(refused));
  CHECK(never.pause_after({Verdict::kSlow, Reason::kWriteConcern, "too few members"}));
}

TEST_CASE("retries: an overloaded server is asked ever more rarely, as it names the pause") {
  SeededRandom random{1};
  Retries retries({Millis(1), Millis(2), Millis(60'000)}, random);
  Judgement overloaded{Verdict::kTransient, Reason::kOverloaded, "busy"};
  overloaded.base_backoff = Millis(5'000);
  Millis longest{0};
  for (int i = 0; i < 50; ++i) longest = std::max(longest, *retries.pause_after(overloaded));
  CHECK(longest > Millis(1'000));
  CHECK(longest <= Millis(10'000));
}

// -------------------------------------------------------------------------------------------------------- what is
// withheld

TEST_CASE("what the policy holds back is told by each start, also by the quick one, until it is done") {
  Harness first(example_schema(1, "", kPre));
  first.open();
  REQUIRE(first.database.ledger->applied->withheld == 1);
  CHECK(first.gate.snapshot().withheld_steps == 1);
  CHECK(first.said("1 step is held back") == 1);

  Harness quick(example_schema(1, "", kPre), {}, 2);
  quick.database = first.database;
  quick.database.count.clear();
  quick.open();
  CHECK(quick.database.count["catalog"] == 0);
  CHECK(quick.gate.snapshot().withheld_steps == 1);
  CHECK(quick.said("1 step is held back") == 1);
  CHECK(render_full(quick.gate.snapshot()).find("\"withheld_steps\":1") != std::string::npos);
  CHECK(render_public(quick.gate.snapshot()).find("\"withheld_steps\":1") != std::string::npos);

  // Another policy pays it, and a gate that is open sees it in the ledger.
  Harness paying(example_schema(1, "contract = \"apply\"", kPre), {}, 3);
  paying.database = first.database;
  paying.open();
  CHECK(paying.database.ledger->applied->withheld == 0);
  CHECK(paying.gate.snapshot().withheld_steps == 0);
  CHECK(paying.said("1 step is held back") == 0);
  quick.database = paying.database;
  live(quick, 80);
  CHECK(quick.gate.snapshot().withheld_steps == 0);
}

TEST_CASE("a contract step that is held back counts, and a version that declares it again pays it") {
  const std::string more = "  [[collection.index]]\n  name = \"more\"\n  key = [[\"x\", 1]]\n";
  Harness one(example_schema(1, "", more));
  one.open();
  CHECK(one.gate.snapshot().withheld_steps == 0);
  Harness two(example_schema(2, "extra_indexes = \"drop\""), {}, 2);
  two.database = one.database;
  two.open();
  CHECK(two.gate.snapshot().withheld_steps == 1);
  Harness three(example_schema(3, "", more), {}, 3);
  three.database = two.database;
  three.open();
  CHECK(three.gate.snapshot().withheld_steps == 0);
  CHECK(three.said("1 step is held back") == 0);
}
