// What is told of a gate after each way of the table of states: that it speaks of the new state, and of nothing that
// was before. Every way is driven, so a new one needs a line here.
#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "unit/core/harness.h"

using namespace readygate;
using namespace readygate::core;
using namespace readygate::test;

namespace {

using enum State;

constexpr const char* kEarlier = "words of an earlier moment";
constexpr const char* kLatest = "words of this moment";

Failure silence(const char* words) {
  Failure failure = connection_refused();
  failure.message = words;
  return failure;
}

constexpr const char* kBackground = R"(
[[migration]]
id = "0001-state"
phase = "background"
pause = "1m"
  [migration.batch]
  collection = "orders"
  size = 1
  filter = '{ "state": { "$exists": false } }'
  update = '{ "$set": { "state": 1 } }'
)";

// As `readygate apply --background` has it.
GateSettings settings_with_timeout() {
  GateSettings settings;
  settings.init_timeout_covers = TimeoutCovers::kBackground;
  settings.init_timeout = std::chrono::minutes(10);
  return settings;
}

// A gate whose first attempt failed of what is over now.
struct Driven : Harness {
  explicit Driven(const std::string& policy = {}, const std::string& more = {})
      : Harness(example_schema(1, policy, more), settings_with_timeout(), 2), policy_(policy) {
    for (int i = 0; i < 100; ++i) database.migrations.batch["orders"][i] = {};
  }

  // To the first moment at which the gate is in this state. Tasks that open a connection are kept back, so that it is
  // not skipped.
  void reach(State wanted) {
    if (state() == wanted || wanted == kStarting) return;
    if (state() == kStarting) fail_once();
    for (int i = 0; i < 400 && state() != wanted; ++i) {
      collect();
      if (tasks.empty()) {
        pass(Millis(500));
      } else if (std::holds_alternative<Warm>(tasks.front().work) && wanted != kReady && wanted != kDegraded) {
        warm.push_back(tasks.front());
        tasks.pop_front();
      } else {
        answer_one();
      }
    }
    REQUIRE(state() == wanted);
  }

  void fail_once() {
    database.fault = [](const Work&) { return std::optional(silence(kEarlier)); };
    gate.start(now());
    answer_all();
    REQUIRE(gate.snapshot().reason.find(kEarlier) != std::string::npos);
    database.fault = nullptr;
    primary(true);
    if (before_retry) before_retry();
  }

  // What is answered from here on.
  void silent() {
    database.fault = [](const Work&) { return std::optional(silence(kLatest)); };
    for (StartTask& task : std::exchange(warm, {})) tasks.push_back(std::move(task));
    for (int i = 0; i < 20 && state() != kConnecting; ++i) {
      answer_all();
      if (state() != kConnecting) pass(Millis(2'000));
    }
  }

  // Another replica has the lease.
  void held(bool applied) {
    Ledger ledger;
    ledger.id = "shop";
    ledger.token = 7;
    ledger.rev = "r";
    ledger.owner = "another";
    ledger.period_ms = 20'000;
    if (applied) ledger.applied = applied_now(example_schema(1, policy_), "another", {});
    database.ledger = ledger;
  }
  // It is done: with everything made, or not.
  void finished_by_another(bool made) {
    if (made) {
      Harness other(example_schema(1, policy_));
      other.open();
      database.catalog = other.database.catalog;
    }
    held(true);
    database.ledger->owner.reset();
    database.ledger->rev = "r2";
  }

  std::function<void()> before_retry;
  std::deque<StartTask> warm;

 private:
  std::string policy_;
};

using Drive = std::function<void(Driven&)>;
struct Way {
  Drive from;  // to the state that the way begins at
  Drive then;
  std::string policy{};
  std::string more{};  // of the schema
};

Drive reach(State state) {
  return [state](Driven& h) { h.reach(state); };
}
const Drive kSilent = [](Driven& h) { h.silent(); };
const Drive kTerminated = [](Driven& h) { h.gate.terminate(h.now()); };
const Drive kTooLate = [](Driven& h) {
  for (int i = 0; i < 300 && h.state() != kFailed; ++i) {
    h.pass(Millis(2'000));
    // The lease is kept, everything else hangs.
    h.collect();
    for (StartTask& task : std::exchange(h.tasks, {})) {
      if (std::holds_alternative<ChangeLedger>(task.work) || h.state() == kWaiting) {
        h.gate.finished(task.id, h.database.run(task.work), h.now());
      }
    }
  }
};
const Drive kWaitingForAnother = [](Driven& h) {
  h.before_retry = [&h] { h.held(false); };
  h.reach(kWaiting);
};
const Drive kKeptWaiting = [](Driven& h) {
  kWaitingForAnother(h);
  h.database.fault = [&h](const Work&) {
    h.database.ledger->rev += "x";  // it lives
    return std::nullopt;
  };
};
constexpr const char* kLooks = "verify = \"open\"";

const std::map<std::pair<State, State>, Way>& ways() {
  static const std::map<std::pair<State, State>, Way> all = {
      {{kStarting, kConnecting}, {reach(kStarting), [](Driven& h) { h.gate.start(h.now()); }}},
      {{kConnecting, kWarming},
       {[](Driven& h) {
          h.before_retry = [&h] { h.finished_by_another(true); };
          h.fail_once();
        },
        reach(kReady)}},
      {{kConnecting, kWaiting}, {[](Driven&) {}, kWaitingForAnother}},
      {{kConnecting, kInitializing}, {[](Driven& h) { h.fail_once(); }, reach(kInitializing)}},
      {{kConnecting, kVerifying},
       {[](Driven& h) {
          h.before_retry = [&h] { h.finished_by_another(true); };
          h.fail_once();
        },
        reach(kVerifying), kLooks}},
      {{kWaiting, kInitializing}, {kWaitingForAnother, reach(kInitializing)}},
      {{kWaiting, kVerifying},
       {kWaitingForAnother,
        [](Driven& h) {
          h.finished_by_another(true);
          h.reach(kVerifying);
        },
        kLooks}},
      {{kWaiting, kWarming},
       {kWaitingForAnother,
        [](Driven& h) {
          h.finished_by_another(true);
          h.reach(kReady);
        }}},
      {{kInitializing, kVerifying}, {reach(kInitializing), reach(kVerifying)}},
      {{kVerifying, kWarming}, {reach(kVerifying), reach(kWarming)}},
      {{kVerifying, kInitializing},
       {[](Driven& h) {
          h.before_retry = [&h] { h.finished_by_another(false); };
          h.reach(kVerifying);
        },
        reach(kInitializing), kLooks}},
      {{kVerifying, kWaiting},
       {[](Driven& h) {
          h.before_retry = [&h] { h.held(true); };
          h.reach(kVerifying);
        },
        reach(kWaiting), kLooks}},
      {{kWaiting, kConnecting}, {kWaitingForAnother, kSilent}},
      {{kInitializing, kConnecting}, {reach(kInitializing), kSilent}},
      {{kVerifying, kConnecting}, {reach(kVerifying), kSilent}},
      {{kWarming, kConnecting}, {reach(kWarming), kSilent}},
      {{kWarming, kReady}, {[](Driven&) {}, reach(kReady)}},
      {{kReady, kDegraded},
       {reach(kReady),
        [](Driven& h) {
          h.primary(false);
          h.reach(kDegraded);
        }}},
      {{kDegraded, kReady},
       {[](Driven& h) {
          h.reach(kReady);
          h.primary(false);
          h.reach(kDegraded);
        },
        [](Driven& h) {
          h.primary(true);
          h.reach(kReady);
        }}},
      {{kConnecting, kFailed},
       {[](Driven& h) {
          h.fail_once();
          h.before_retry = nullptr;
        },
        [](Driven& h) {
          h.collect();
          kTooLate(h);
        }}},
      {{kWaiting, kFailed}, {kKeptWaiting, kTooLate}},
      {{kInitializing, kFailed}, {reach(kInitializing), kTooLate}},
      {{kVerifying, kFailed}, {reach(kVerifying), kTooLate}},
      {{kWarming, kFailed}, {reach(kWarming), kTooLate}},
      {{kReady, kFailed}, {reach(kReady), kTooLate, "", kBackground}},
      {{kDegraded, kFailed},
       {[](Driven& h) {
          h.reach(kReady);
          h.primary(false);
          h.reach(kDegraded);
        },
        kTooLate, "", kBackground}},
      {{kFailed, kConnecting},
       {[](Driven& h) {
          h.fail_once();
          kTooLate(h);
        },
        [](Driven& h) { h.gate.retry("POST retry", h.now()); }}},
      {{kStarting, kDraining}, {reach(kStarting), kTerminated}},
      {{kConnecting, kDraining}, {[](Driven& h) { h.fail_once(); }, kTerminated}},
      {{kWaiting, kDraining}, {kWaitingForAnother, kTerminated}},
      {{kInitializing, kDraining}, {reach(kInitializing), kTerminated}},
      {{kVerifying, kDraining}, {reach(kVerifying), kTerminated}},
      {{kWarming, kDraining}, {reach(kWarming), kTerminated}},
      {{kReady, kDraining}, {reach(kReady), kTerminated}},
      {{kDegraded, kDraining},
       {[](Driven& h) {
          h.reach(kReady);
          h.primary(false);
          h.reach(kDegraded);
        },
        kTerminated}},
      {{kFailed, kDraining},
       {[](Driven& h) {
          h.fail_once();
          kTooLate(h);
        },
        kTerminated}},
  };
  return all;
}

// The one code that each state has here.
Reason code_of(const Driven& h) {
  switch (h.state()) {
    case kStarting: return Reason::kStarting;
    case kConnecting: return h.gate.snapshot().next_attempt_at ? Reason::kConnectionRefused : Reason::kInitializing;
    case kWaiting: return Reason::kLeaseHeld;
    case kInitializing:
    case kVerifying:
    case kWarming: return Reason::kInitializing;
    case kReady: return Reason::kNone;
    case kDegraded: return Reason::kNoPrimary;
    case kFailed: return Reason::kInitTimeout;
    case kDraining: return Reason::kDraining;
  }
  return Reason::kInternal;
}

}  // namespace

TEST_CASE("after each way of the table the code, the reason and the checks speak of the new state") {
  for (const Transition& transition : transitions()) {
    CAPTURE(name(transition.from));
    CAPTURE(name(transition.to));
    const auto found = ways().find({transition.from, transition.to});
    REQUIRE_MESSAGE(found != ways().end(), "a way that no test drives");
    const Way& way = found->second;
    Driven h(way.policy, way.more);
    way.from(h);
    way.then(h);
    h.collect();
    const std::string taken = " " + h.path() + " ";
    const std::string from = transition.from == kStarting ? "" : std::string(name(transition.from)) + " ";
    CHECK_MESSAGE(taken.find(" " + from + std::string(name(transition.to)) + " ") != std::string::npos, taken);

    const Snapshot& now = h.gate.snapshot();
    CAPTURE(now.reason);
    CHECK(now.code == code_of(h));
    CHECK(now.reason.empty() == (now.code == Reason::kNone));
    const std::string full = render_full(now);
    // init.timeout tells its history, and says that it is one.
    const std::string history = "The last failure: ";
    const std::size_t told = now.state == kFailed ? full.find(history) : std::string::npos;
    CHECK(full.substr(0, told).find(kEarlier) == std::string::npos);
    for (const Check& check : now.checks) {
      CAPTURE(check.name);
      if (check.passed) CHECK(check.reason == Reason::kNone);
      if (check.name == "schema" && !check.passed && now.state != kDraining) CHECK(check.reason == now.code);
      if (check.name == "mongodb" && !check.passed && now.state != kDraining) {
        // What was lost is lost still when the time runs out.
        CHECK(check.reason == (transition.from == kDegraded ? Reason::kNoPrimary : now.code));
      }
    }
  }
}

TEST_CASE("a late database: what was refused is over with the first answer, and the work is named") {
  Driven h;
  h.fail_once();
  CHECK(h.code() == Reason::kConnectionRefused);
  h.pass(Millis(200));  // the next attempt has begun, and is not answered
  h.collect();
  CHECK_FALSE(h.gate.snapshot().next_attempt_at);
  CHECK(h.code() == Reason::kConnectionRefused);
  h.answer_one();
  CHECK(h.state() == kConnecting);
  CHECK(h.code() == Reason::kInitializing);
  h.reach(kInitializing);
  h.answer_one();  // the catalog
  h.pass(Millis(1'000));
  CHECK(h.state() == kInitializing);
  CHECK(h.code() == Reason::kInitializing);
  CHECK(h.gate.snapshot().phase.what != "");
  CHECK(h.gate.snapshot().reason == "The database is being made ready: " + h.gate.snapshot().phase.what + ".");
}

TEST_CASE("a database that is lost while an initialization works is what the reason says, until it is back") {
  Driven h;
  h.reach(kInitializing);
  h.primary(false);
  CHECK(h.state() == kInitializing);
  CHECK(h.code() == Reason::kNoPrimary);
  h.primary(true);
  CHECK(h.code() == Reason::kInitializing);
}

TEST_CASE("a loss that is too young to count is told, and takes nothing away") {
  Harness h;
  h.open();
  CHECK(h.gate.snapshot().reason.empty());
  h.primary(false);
  CHECK(h.state() == kReady);
  CHECK(h.facts().open);
  CHECK(h.facts().ready);
  CHECK(h.facts().reachable);
  CHECK(h.code() == Reason::kNoPrimary);
  CHECK(h.gate.snapshot().reason ==
        "No writable primary is known. The gate closes when this lasts for 30s (gate.unready_after).");
  CHECK(h.gate.snapshot().checks.at(1) == Check{"mongodb", true, Reason::kNoPrimary, ""});
  h.gate.drain(Millis(1'000), h.now());
  CHECK(h.code() == Reason::kDraining);
  CHECK(h.gate.snapshot().checks.at(1) == Check{"mongodb", true, Reason::kNoPrimary, "No writable primary is known."});
  h.gate.undrain(h.now());
  CHECK(h.code() == Reason::kNoPrimary);
  h.primary(true);
  CHECK(h.code() == Reason::kNone);
  CHECK(h.gate.snapshot().reason.empty());
  CHECK(h.gate.snapshot().checks.at(1) == Check{"mongodb", true, Reason::kNone, ""});
}

TEST_CASE("a ping without an answer is told before it counts, until the next one is answered") {
  Harness h;
  h.open();
  h.database.fault = [](const Work& work) {
    return std::holds_alternative<Ping>(work) ? std::optional(silence(kLatest)) : std::nullopt;
  };
  h.pass(Millis(6'000));
  h.answer_all();
  CHECK(h.state() == kReady);
  CHECK(h.facts().open);
  CHECK(h.code() == Reason::kConnectionRefused);
  CHECK(h.gate.snapshot().reason.find(kLatest) != std::string::npos);
  h.database.fault = nullptr;
  h.pass(Millis(6'001));
  h.answer_all();
  CHECK(h.code() == Reason::kNone);
}

TEST_CASE("a latched gate does not say that it closes") {
  GateSettings settings;
  settings.ready_policy = ReadyPolicy::kLatched;
  Harness h(example_schema(), settings);
  h.open();
  h.primary(false);
  CHECK(h.gate.snapshot().reason == "No writable primary is known.");
  h.pass(Millis(31'000));
  CHECK(h.state() == kDegraded);
  CHECK(h.gate.snapshot().reason == "No writable primary is known.");
}

TEST_CASE("who is alone never waits for another") {
  Harness first(example_schema(1, kLooks));
  first.open();
  CHECK(first.path() == "connecting initializing verifying warming ready");
  Harness same(example_schema(1, kLooks), {}, 2);
  same.database = first.database;
  same.open();
  CHECK(same.path() == "connecting verifying warming ready");
  Harness drifted(example_schema(1, kLooks), {}, 3);
  drifted.database = first.database;
  drifted.database.catalog.collections.at(0).indexes.pop_back();
  drifted.open();
  CHECK(drifted.path() == "connecting verifying initializing verifying warming ready");
  CHECK(drifted.database.catalog.collections.at(0).indexes.size() == 3);
}

TEST_CASE("drift is repaired by whoever gets the lease, and who does not waits") {
  Driven h(kLooks);
  h.before_retry = [&h] { h.held(true); };
  h.reach(kWaiting);
  CHECK(h.code() == Reason::kLeaseHeld);
  CHECK(h.gate.snapshot().reason.find("Another replica (another…)") == 0);
}
