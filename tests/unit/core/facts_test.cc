// The table state × reachable → facts, whole, as docs/architecture.md shows it.
#include <doctest/doctest.h>

#include <array>

#include "core/facts.h"

using namespace readygate::core;

namespace {

struct Row {
  State state;
  bool initialized;
  bool reachable;
  bool open_live;     // with ready_policy = "live"
  bool open_latched;  // with ready_policy = "latched"
  bool healthy;
};

constexpr std::array kTable = {
    Row{State::kStarting, false, false, false, false, true},
    Row{State::kStarting, false, true, false, false, true},
    Row{State::kConnecting, false, false, false, false, true},
    Row{State::kConnecting, false, true, false, false, true},
    Row{State::kWaiting, false, false, false, false, true},
    Row{State::kWaiting, false, true, false, false, true},
    Row{State::kInitializing, false, false, false, false, true},
    Row{State::kInitializing, false, true, false, false, true},
    Row{State::kVerifying, false, false, false, false, true},
    Row{State::kVerifying, false, true, false, false, true},
    Row{State::kWarming, false, false, false, false, true},
    Row{State::kWarming, false, true, false, false, true},
    Row{State::kReady, true, false, false, true, false},
    Row{State::kReady, true, true, true, true, true},
    Row{State::kDegraded, true, false, false, true, false},
    Row{State::kDegraded, true, true, true, true, true},
    Row{State::kFailed, false, false, false, false, false},
    Row{State::kFailed, false, true, false, false, true},
    Row{State::kDraining, true, false, false, false, false},
    Row{State::kDraining, true, true, false, false, true},
    Row{State::kDraining, false, false, false, false, false},
    Row{State::kDraining, false, true, false, false, true},
};

}  // namespace

TEST_CASE("health in each state: the whole table of state and reachable") {
  for (const Row& row : kTable) {
    CAPTURE(name(row.state));
    CAPTURE(row.reachable);
    const Latches latches{row.state, row.initialized, row.reachable, false, true};
    const Facts live = derive(latches, ReadyPolicy::kLive);
    CHECK(live.initialized == row.initialized);
    CHECK(live.reachable == row.reachable);
    CHECK(live.open == row.open_live);
    CHECK(live.ready == row.open_live);
    CHECK(live.healthy == row.healthy);
    CHECK(live.live);
    CHECK(derive(latches, ReadyPolicy::kLatched).open == row.open_latched);
  }
}

TEST_CASE("a failing check closes ready and never open") {
  const Facts facts = derive({State::kReady, true, true, false, false}, ReadyPolicy::kLive);
  CHECK(facts.open);
  CHECK_FALSE(facts.ready);
  CHECK(facts.healthy);
}

TEST_CASE("a drained gate is not open, and healthy") {
  const Facts facts = derive({State::kReady, true, true, true, true}, ReadyPolicy::kLatched);
  CHECK_FALSE(facts.open);
  CHECK_FALSE(facts.ready);
  CHECK(facts.healthy);
}

TEST_CASE("facts have names both ways") {
  for (const Fact fact : {Fact::kOpen, Fact::kReady, Fact::kInitialized, Fact::kHealthy}) {
    CHECK(fact_from(name(fact)) == fact);
  }
  CHECK_FALSE(fact_from("opened"));
}
