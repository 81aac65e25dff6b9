#include <doctest/doctest.h>

#include <set>
#include <utility>

#include "core/state.h"

using namespace readygate::core;

TEST_CASE("the table of transitions names each way once, and none out of draining") {
  std::set<std::pair<State, State>> seen;
  for (const Transition& way : transitions()) {
    CAPTURE(name(way.from));
    CAPTURE(name(way.to));
    CHECK(seen.emplace(way.from, way.to).second);
    CHECK(way.from != way.to);
    CHECK(way.from != State::kDraining);
    CHECK_FALSE(way.on.empty());
    CHECK(allowed(way.from, way.to));
  }
}

TEST_CASE("every state but draining can drain, and every one but failed and draining can fail") {
  for (int i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<State>(i);
    CAPTURE(name(state));
    CHECK(allowed(state, State::kDraining) == (state != State::kDraining));
    CHECK(allowed(state, State::kFailed) == (state != State::kDraining && state != State::kFailed));
  }
}

TEST_CASE("ready is reached through warming, or from degraded, and in no other way") {
  for (int i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<State>(i);
    CAPTURE(name(state));
    CHECK(allowed(state, State::kReady) == (state == State::kWarming || state == State::kDegraded));
  }
}
