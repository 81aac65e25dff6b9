// Messages and their retries, and the trace of a start: with a clock that only the test moves.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "support/model/seeded_random.h"
#include "telemetry/outbox.h"
#include "telemetry/trace.h"
#include "telemetry/webhook.h"

using namespace readygate;
using namespace readygate::telemetry;
using core::State;

namespace {

constexpr Instant kNow{std::chrono::hours(1)};
constexpr WallTime kWall{Millis(1'700'000'000'000)};

http::Answer answer(int status, std::optional<Millis> retry_after = {}) {
  return {status, retry_after, "https://h answers " + std::to_string(status)};
}

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

core::Outcome failed() {
  return tl::unexpected(
      core::Failure{core::Domain::kServer, 85, core::Doing::kCreateIndexes, "secret-host: conflict", {}});
}

}  // namespace

TEST_CASE("messages are sent in order, one at a time") {
  test::SeededRandom random{1};
  Outbox outbox("Webhook", Seconds(300), random);
  CHECK_FALSE(outbox.next(kNow));
  CHECK_FALSE(outbox.next_tick());
  outbox.add("a", kNow);
  outbox.add("b", kNow);
  CHECK(outbox.next(kNow) == "a");
  CHECK_FALSE(outbox.next(kNow));
  CHECK_FALSE(outbox.next_tick());
  outbox.answered(answer(204), kNow);
  CHECK(outbox.next(kNow) == "b");
  outbox.answered(answer(200), kNow);
  CHECK_FALSE(outbox.next(kNow));
  CHECK(outbox.take_words().empty());
}

TEST_CASE("what does not arrive is sent again, not before Retry-After, and later and later") {
  test::SeededRandom random{1};
  Outbox outbox("Webhook", Seconds(300), random);
  outbox.add("a", kNow);
  REQUIRE(outbox.next(kNow));
  outbox.answered(answer(429, Seconds(20)), kNow);
  CHECK_FALSE(outbox.next(kNow + Millis(19'999)));
  Instant now = *outbox.next_tick();
  CHECK(now == kNow + Seconds(20));
  Millis longest{0};
  int sent = 0;
  while (sent < 1'000) {
    const auto body = outbox.next(now);
    REQUIRE(body == "a");
    ++sent;
    outbox.answered(answer(sent % 2 == 0 ? 0 : 503), now);
    const auto next = outbox.next_tick();
    if (!next) break;
    longest = std::max(longest, millis(*next - now));
    now = *next;
  }
  CHECK(now - kNow <= Seconds(330));  // given up at five minutes
  CHECK(sent > 5);
  CHECK(longest > Seconds(5));
  CHECK(longest <= Seconds(30));
  const auto words = outbox.take_words();
  REQUIRE(words.size() == 1);
  CHECK(words[0].level == LogLevel::kWarn);
  CHECK(holds(words[0].message, "Webhook: a message is given up: it has not arrived for 5m"));
}

TEST_CASE("what is refused is given up at once, said once, and keeps the next one waiting a moment only") {
  test::SeededRandom random{1};
  Outbox outbox("Webhook", Seconds(300), random);
  outbox.add("a", kNow);
  outbox.add("b", kNow);
  outbox.add("c", kNow);
  REQUIRE(outbox.next(kNow));
  outbox.answered(answer(400), kNow);
  const Instant later = *outbox.next_tick();
  CHECK(later <= kNow + Seconds(1));
  CHECK(outbox.next(later) == "b");
  outbox.answered(answer(302), later);  // redirects are not followed
  CHECK(outbox.take_words().size() == 1);
  const Instant last = *outbox.next_tick();
  CHECK(outbox.next(last) == "c");
  outbox.answered(answer(200), last);
  const auto words = outbox.take_words();
  REQUIRE(words.size() == 1);
  CHECK(holds(words[0].message, "arrives again"));
}

TEST_CASE("sixty-four wait at most; the oldest go, and never the one under way") {
  test::SeededRandom random{1};
  Outbox outbox("Webhook", Seconds(300), random);
  for (int i = 0; i < 64; ++i) outbox.add(std::to_string(i), kNow);
  CHECK(outbox.next(kNow) == "0");
  outbox.add("64", kNow);
  outbox.answered(answer(503), kNow);
  const Instant later = kNow + Seconds(30);
  CHECK(outbox.next(later) == "0");
  outbox.answered(answer(200), later);
  CHECK(outbox.next(later) == "2");
  CHECK(outbox.take_words().size() == 2);  // one given up; it arrives again
}

TEST_CASE("a message for each change of the state, which names no host") {
  test::SeededRandom random{1};
  StateChanges changes(random);
  core::Snapshot snapshot;
  snapshot.instance_id = "abc";
  snapshot.since = kWall;
  snapshot.schema = {"shop", 3, "1:ff"};
  CHECK(changes.observe(snapshot, kWall).empty());
  snapshot.state = State::kFailed;
  snapshot.code = Reason::kConflict;
  snapshot.reason = "secret-host says no";
  const auto bodies = changes.observe(snapshot, kWall);
  REQUIRE(bodies.size() == 1);
  CHECK(holds(bodies[0],
              R"("at":"2023-11-14T22:13:20.000Z","instance_id":"abc","from":"starting","to":"failed",)"
              R"("code":"schema_conflict","message":"the database holds something that contradicts the schema",)"
              R"("initialized":false,"open":false,"ready":false,"withheld_steps":0,)"
              R"("schema":{"name":"shop","version":3,"hash":"1:ff"}})"));
  CHECK_FALSE(holds(bodies[0], "secret-host"));
  CHECK(changes.observe(snapshot, kWall).empty());
}

TEST_CASE("a background migration or a repair that fails for good is a message with its sentence, and so is its end") {
  test::SeededRandom random{1};
  StateChanges changes(random);
  core::Snapshot snapshot;
  snapshot.state = State::kReady;
  CHECK(changes.observe(snapshot, kWall).size() == 1);
  for (const std::string_view check : {core::kMigrationsCheck, core::kDriftCheck}) {
    CAPTURE(check);
    snapshot.checks = {{std::string(check), false, Reason::kMigrationRefused, "0002-later: _id 7"}};
    const auto failed = changes.observe(snapshot, kWall);
    REQUIRE(failed.size() == 1);
    CHECK(holds(failed[0], fmt::format(R"("check":"{}","passed":false,"from":"ready","to":"ready",)"
                                       R"("code":"migration_refused","message":"0002-later: _id 7")",
                                       check)));
    CHECK(changes.observe(snapshot, kWall).empty());
    snapshot.checks[0] = {std::string(check), true, Reason::kNone, {}};
    const auto passed = changes.observe(snapshot, kWall);
    REQUIRE(passed.size() == 1);
    CHECK(holds(passed[0], fmt::format(R"("check":"{}","passed":true)", check)));
  }
}

TEST_CASE("the start as one trace") {
  test::SeededRandom random{1};
  StartTrace trace("orders", "9.9", random);
  core::Snapshot snapshot;
  snapshot.started = kWall;
  snapshot.schema = {"shop", 3, "h"};
  snapshot.attempt = 2;
  core::RunStep step;
  step.step.collection = "orders";
  step.step.what = "create index by_owner";
  const auto call = [&](core::TaskId id, const core::Work& work, Millis from, Millis to, const core::Outcome& outcome) {
    trace.started(id, work, State::kInitializing, kWall + from);
    trace.finished(id, outcome, kWall + to);
  };
  call(1, core::ReadLedger{}, Millis(1), Millis(20), core::Done{});
  call(2, core::InsertLedger{}, Millis(20), Millis(25), core::Done{});
  call(3, step, Millis(30), Millis(50), failed());
  call(4, core::ReadCatalog{}, Millis(25), Millis(30), core::Done{});
  trace.started(7, core::ReadCatalog{}, State::kVerifying, kWall + Millis(60));
  trace.finished(7, core::Done{}, kWall + Millis(70));
  call(5, core::Ping{}, Millis(60), Millis(70), core::Done{});
  trace.started(6, core::Warm{}, State::kWarming, kWall + Millis(70));  // still under way at the end
  CHECK_FALSE(trace.observe(snapshot, kWall));
  snapshot.facts.initialized = true;
  snapshot.state = State::kReady;
  const auto body = trace.observe(snapshot, kWall + Millis(80));
  REQUIRE(body);
  CHECK(holds(*body, R"({"key":"service.name","value":{"stringValue":"orders"}})"));
  CHECK(count(*body, R"("spanId")") == 6);
  CHECK(count(*body, R"("parentSpanId")") == 5);
  CHECK(holds(*body, R"("name":"start","kind":1,"startTimeUnixNano":"1700000000000000000",)"
                     R"("endTimeUnixNano":"1700000000080000000")"));
  for (const std::string_view name : {"connect", "lease", "read catalog", "step", "verify"}) {
    CHECK(holds(*body, "\"name\":\"" + std::string(name) + "\",\"kind\":3"));
  }
  CHECK(holds(*body, R"({"key":"readygate.step","value":{"stringValue":"orders: create index by_owner"}})"));
  CHECK(count(*body, R"("code":2)") == 1);
  CHECK_FALSE(holds(*body, "secret-host"));
  CHECK_FALSE(trace.observe(snapshot, kWall));  // once
}

TEST_CASE("a start that failed is a trace with an error; one of many calls is cut, and says so") {
  test::SeededRandom random{1};
  StartTrace trace("readygate", "9.9", random);
  for (core::TaskId id = 1; id <= 600; ++id) {
    trace.started(id, core::ReadLedger{}, State::kConnecting, kWall);
    trace.finished(id, core::Done{}, kWall);
  }
  core::Snapshot snapshot;
  snapshot.state = State::kFailed;
  snapshot.code = Reason::kConflict;
  const auto body = trace.observe(snapshot, kWall);
  REQUIRE(body);
  CHECK(count(*body, R"("parentSpanId")") == 512);
  CHECK(holds(*body, R"("readygate.calls_left_out","value":{"stringValue":"88"})"));
  CHECK(holds(*body, R"("status":{"code":2,"message":"schema_conflict"})"));
}
