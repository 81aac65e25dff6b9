// What the API server is told of the pod, when, and what its answers change: with a clock that only the test moves.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "kube/event_book.h"
#include "kube/reporter.h"
#include "support/model/seeded_random.h"

using namespace readygate;
using namespace readygate::kube;
using core::State;

namespace {

const Pod kPod{"shop", "orders-0", "u-1"};
constexpr WallTime kWall{std::chrono::hours(24 * 365 * 56)};

bool holds(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

struct Rig {
  explicit Rig(bool condition, bool events) : reporter({condition, events, kPod}, random, kWall) {}

  core::Now now() const { return {instant, kWall + millis(instant.time_since_epoch())}; }
  void pass(Millis duration) { instant += duration; }
  void become(State state, bool initialized = false, Reason code = Reason::kInitializing) {
    snapshot.state = state;
    snapshot.code = code;
    snapshot.facts.initialized = initialized;
    snapshot.schema = {"shop", 3, "h"};
    reporter.observe(snapshot, now());
  }
  std::optional<Call> next() { return reporter.next(now()); }
  void answer(int status, std::optional<Millis> retry_after = {}) {
    reporter.answered({status, retry_after, "https://api:443 answers " + std::to_string(status)}, now());
  }
  // Moves the clock to when the reporter wants to be asked.
  Millis wait() {
    const auto when = reporter.next_tick();
    REQUIRE(when);
    const Millis length = *when > instant ? millis(*when - instant) : Millis(0);
    if (*when > instant) instant = *when;
    return length;
  }
  // Everything that may be told at this moment, each answered well; the bodies.
  std::vector<Call> tell_all() {
    std::vector<Call> calls;
    while (auto call = next()) {
      calls.push_back(*call);
      answer(call->method == "POST" ? 201 : 200);
    }
    return calls;
  }

  test::SeededRandom random{1};
  Instant instant{std::chrono::hours(1)};
  core::Snapshot snapshot;
  Reporter reporter;
};

}  // namespace

TEST_CASE("the condition is False first, and True once the schema is in place") {
  Rig rig(true, false);
  const auto first = rig.next();  // before anything is known of the gate
  REQUIRE(first);
  CHECK(first->method == "PATCH");
  CHECK(first->path == "/api/v1/namespaces/shop/pods/orders-0/status");
  CHECK(first->content_type == "application/strategic-merge-patch+json");
  CHECK(first->body ==
        R"({"metadata":{"uid":"u-1"},"status":{"conditions":[{"type":"readygate.io/SchemaReady","status":"False",)"
        R"("reason":"Starting","message":"The daemon is starting","lastProbeTime":null,)"
        R"("lastTransitionTime":"2025-12-18T00:00:00Z"}]}})");
  CHECK_FALSE(rig.next());  // one at a time
  rig.answer(200);
  CHECK_FALSE(rig.next());
  CHECK_FALSE(rig.reporter.next_tick());

  rig.become(State::kReady, true, Reason::kNone);
  const auto second = rig.next();
  REQUIRE(second);
  CHECK(
      holds(second->body, R"("status":"True","reason":"SchemaApplied","message":"Schema shop version 3 is in place")"));
  CHECK(holds(second->body, R"("lastTransitionTime":"2025-12-18T01:00:00Z")"));
  rig.answer(200);
  CHECK_FALSE(rig.next());
}

TEST_CASE("a change while an answer is awaited is told afterwards") {
  Rig rig(true, false);
  REQUIRE(rig.next());
  rig.become(State::kReady, true, Reason::kNone);
  CHECK_FALSE(rig.next());
  rig.answer(200);
  const auto call = rig.next();
  REQUIRE(call);
  CHECK(holds(call->body, R"("status":"True")"));
}

TEST_CASE("a new reason alone is told at most every five seconds, and the end of the daemon not at all") {
  Rig rig(true, false);
  REQUIRE(rig.next());
  rig.answer(200);
  rig.become(State::kConnecting, false, Reason::kNoPrimary);
  CHECK_FALSE(rig.next());
  CHECK(rig.wait() == Millis(5'000));
  const auto call = rig.next();
  REQUIRE(call);
  CHECK(holds(call->body, R"("reason":"NoPrimary","message":"No writable primary is known")"));
  rig.answer(200);
  rig.become(State::kDraining, false, Reason::kDraining);
  rig.pass(Millis(60'000));
  CHECK_FALSE(rig.next());
}

TEST_CASE("an API server that is away or in trouble is asked again, later and later, and complained of once") {
  Rig rig(true, false);
  Millis longest{0};
  for (int i = 0; i < 40; ++i) {
    REQUIRE(rig.next());
    rig.answer(i % 2 == 0 ? 503 : 503);
    CHECK_FALSE((rig.reporter.next_tick() && *rig.reporter.next_tick() > rig.instant && rig.next()));
    const Millis pause = rig.wait();
    CHECK(pause <= Millis(30'000));
    longest = std::max(longest, pause);
  }
  CHECK(longest > Millis(10'000));
  const auto words = rig.reporter.take_words();
  REQUIRE(words.size() == 1);
  CHECK(words[0].level == LogLevel::kWarn);
  CHECK(holds(words[0].message, "https://api:443 answers 503"));
  REQUIRE(rig.next());
  rig.answer(200);
  REQUIRE(rig.reporter.take_words().size() == 1);
  CHECK_FALSE(rig.reporter.next_tick());
}

TEST_CASE("429: not before its Retry-After") {
  Rig rig(true, false);
  REQUIRE(rig.next());
  rig.answer(429, Millis(7'000));
  CHECK(rig.wait() >= Millis(7'000));
  CHECK(rig.next());
}

TEST_CASE("401: once again at once, for the token may just have been rotated; then patiently") {
  Rig rig(true, false);
  REQUIRE(rig.next());
  rig.answer(401);
  REQUIRE(rig.next());
  rig.answer(401);
  Millis waited{0};
  for (int i = 0; i < 8; ++i) {
    waited += rig.wait();
    REQUIRE(rig.next());
    rig.answer(401);
  }
  CHECK(waited > Millis(1'000));
  CHECK(rig.reporter.take_words().size() == 1);
}

TEST_CASE("409 is tried again soon; a refusal only every minute, and Events go on meanwhile") {
  Rig rig(true, true);
  REQUIRE(rig.next());
  rig.answer(409);
  rig.wait();
  REQUIRE(rig.next());
  rig.answer(403);
  rig.become(State::kConnecting);
  const auto event = rig.next();
  REQUIRE(event);
  CHECK(event->method == "POST");
  rig.answer(201);
  CHECK_FALSE(rig.next());
  CHECK(rig.wait() == Millis(60'000));
  const auto again = rig.next();
  REQUIRE(again);
  CHECK(again->method == "PATCH");
}

TEST_CASE("Events: started, applied, lost, recovered, failed") {
  Rig rig(false, true);
  CHECK_FALSE(rig.next());
  rig.become(State::kConnecting);
  rig.become(State::kInitializing);
  rig.become(State::kReady, true, Reason::kNone);
  rig.become(State::kDegraded, true, Reason::kNoPrimary);
  rig.become(State::kReady, true, Reason::kNone);
  rig.become(State::kFailed, true, Reason::kConflict);
  const auto calls = rig.tell_all();
  REQUIRE(calls.size() == 5);
  CHECK(calls[0].path == "/api/v1/namespaces/shop/events");
  CHECK(holds(calls[0].body,
              R"("involvedObject":{"apiVersion":"v1","kind":"Pod","namespace":"shop","name":"orders-0","uid":"u-1"})"));
  CHECK(holds(calls[0].body, R"("type":"Normal","reason":"SchemaStarted")"));
  CHECK(holds(calls[1].body,
              R"("type":"Normal","reason":"SchemaApplied","message":"Schema shop version 3 is in place","count":1)"));
  CHECK(holds(calls[2].body,
              R"x("type":"Warning","reason":"DatabaseLost","message":"No writable primary is known (no_primary)")x"));
  CHECK(holds(calls[3].body, R"("type":"Normal","reason":"SchemaRecovered")"));
  CHECK(holds(calls[4].body, R"("type":"Warning","reason":"SchemaFailed")"));
  CHECK(rig.reporter.take_words().empty());
}

TEST_CASE("what is held back is an Event and part of the condition until it is done") {
  Rig rig(true, true);
  rig.snapshot.withheld_steps = 2;
  rig.become(State::kInitializing);  // of a version before: not of the one that is being applied
  rig.become(State::kReady, true, Reason::kNone);
  auto calls = rig.tell_all();
  REQUIRE(calls.size() == 4);
  CHECK(
      holds(calls[0].body, R"("message":"Schema shop version 3 is in place; 2 steps are held back, because they can)"));
  CHECK(holds(calls[3].body,
              R"("type":"Warning","reason":"StepsHeldBack","message":"Of schema shop version 3, 2 steps)"));
  rig.snapshot.withheld_steps = 0;
  rig.become(State::kReady, true, Reason::kNone);
  rig.wait();
  calls = rig.tell_all();
  REQUIRE(calls.size() == 1);
  CHECK(holds(calls[0].body, R"("message":"Schema shop version 3 is in place")"));
}

TEST_CASE("a background migration or a repair that fails is an Event without the sentence") {
  Rig rig(false, true);
  rig.become(State::kReady, true, Reason::kNone);
  CHECK(rig.tell_all().size() == 2);
  rig.snapshot.checks = {{"migrations", false, Reason::kMigrationRefused, "secret-host"},
                         {"drift", false, Reason::kDrift, "secret-host"}};
  rig.become(State::kReady, true, Reason::kNone);
  rig.become(State::kReady, true, Reason::kNone);
  const auto calls = rig.tell_all();
  REQUIRE(calls.size() == 2);
  CHECK(holds(calls[0].body, R"("type":"Warning","reason":"MigrationFailed")"));
  CHECK(holds(calls[0].body, "(migration_refused)"));
  CHECK(holds(calls[1].body, R"("type":"Warning","reason":"SchemaDrifted")"));
  for (const Call& call : calls) CHECK_FALSE(holds(call.body, "secret-host"));
}

TEST_CASE("the same Event again raises its count, at most once a minute, and is made anew when it has expired") {
  Rig rig(false, true);
  const auto flap = [&] {
    rig.become(State::kDegraded, true, Reason::kNoPrimary);
    rig.become(State::kReady, true, Reason::kNone);
  };
  rig.become(State::kReady, true, Reason::kNone);
  flap();
  CHECK(rig.tell_all().size() == 4);
  for (int i = 0; i < 50; ++i) flap();
  CHECK_FALSE(rig.next());
  CHECK(rig.wait() == Millis(60'000));
  const auto calls = rig.tell_all();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].method == "PATCH");
  CHECK(calls[0].path.starts_with("/api/v1/namespaces/shop/events/orders-0."));
  CHECK(calls[0].body.starts_with(R"({"count":51,"lastTimestamp":)"));

  rig.pass(Millis(3'600'000));
  rig.become(State::kDegraded, true, Reason::kNoPrimary);
  REQUIRE(rig.next()->method == "PATCH");
  rig.answer(404);
  const auto anew = rig.next();
  REQUIRE(anew);
  CHECK(anew->method == "POST");
  CHECK(holds(anew->body, R"("count":52)"));
}

TEST_CASE("an Event whose answer was lost is sent again under the same name, and a conflict is then a success") {
  Rig rig(false, true);
  rig.become(State::kConnecting);
  const auto first = rig.next();
  REQUIRE(first);
  rig.answer(0);
  rig.wait();
  const auto second = rig.next();
  REQUIRE(second);
  CHECK(second->body == first->body);
  rig.answer(409);
  CHECK_FALSE(rig.next());
  CHECK_FALSE(rig.reporter.next_tick());
}

TEST_CASE("an Event that is refused is given up, and said once") {
  Rig rig(false, true);
  rig.become(State::kConnecting);
  REQUIRE(rig.next());
  rig.answer(403);
  CHECK_FALSE(rig.reporter.next_tick());
  CHECK(rig.reporter.take_words().size() == 1);
}

TEST_CASE("many different Events: ten at once, then one in thirty seconds; sixteen are kept") {
  test::SeededRandom random{1};
  EventBook book(kPod, random);
  Instant now{std::chrono::hours(1)};
  for (int i = 0; i < 40; ++i) book.add(EventType::kNormal, "R", std::to_string(i), kWall);
  int told = 0;
  const auto tell = [&] {
    while (book.next(now)) {
      book.done(now);
      ++told;
    }
  };
  tell();
  CHECK(told == 10);
  now += Seconds(29);
  tell();
  CHECK(told == 10);
  now += Seconds(1);
  tell();
  CHECK(told == 11);
  now += Seconds(3'600);
  tell();
  CHECK(told == 16);
  CHECK_FALSE(book.next_tick());
}
