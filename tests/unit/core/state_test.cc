#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "core/state.h"

using namespace readygate::core;

namespace {

bool works(State state) {
  return state == State::kConnecting || state == State::kWaiting || state == State::kInitializing ||
         state == State::kVerifying || state == State::kWarming || state == State::kReady || state == State::kDegraded;
}

// Every way there is, written out by hand, but those to draining and failed, which lead out of nearly every state.
constexpr std::pair<State, State> kWays[] = {
    {State::kStarting, State::kConnecting},  {State::kConnecting, State::kWarming},
    {State::kConnecting, State::kWaiting},   {State::kConnecting, State::kInitializing},
    {State::kWaiting, State::kInitializing}, {State::kWaiting, State::kVerifying},
    {State::kWaiting, State::kWarming},      {State::kInitializing, State::kVerifying},
    {State::kVerifying, State::kWarming},    {State::kConnecting, State::kVerifying},
    {State::kVerifying, State::kWaiting},    {State::kVerifying, State::kInitializing},
    {State::kWaiting, State::kConnecting},   {State::kInitializing, State::kConnecting},
    {State::kVerifying, State::kConnecting}, {State::kWarming, State::kConnecting},
    {State::kWarming, State::kReady},        {State::kReady, State::kDegraded},
    {State::kDegraded, State::kReady},       {State::kFailed, State::kConnecting},
};

}  // namespace

TEST_CASE("the ways between states are these, none more and none less") {
  for (int from = 0; from < kStateCount; ++from) {
    for (int to = 0; to < kStateCount; ++to) {
      const std::pair way{static_cast<State>(from), static_cast<State>(to)};
      CAPTURE(name(way.first));
      CAPTURE(name(way.second));
      const bool listed = std::find(std::begin(kWays), std::end(kWays), way) != std::end(kWays);
      const bool fails = way.second == State::kFailed && works(way.first);
      const bool ends = fails || (way.second == State::kDraining && way.first != State::kDraining);
      CHECK(allowed(way.first, way.second) == (listed || ends));
    }
  }
}

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

TEST_CASE("every state but draining can drain, and every one that works with the database can fail") {
  for (int i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<State>(i);
    CAPTURE(name(state));
    CHECK(allowed(state, State::kDraining) == (state != State::kDraining));
    CHECK(allowed(state, State::kFailed) == works(state));
  }
}

TEST_CASE("ready is reached through warming, or from degraded, and in no other way") {
  for (int i = 0; i < kStateCount; ++i) {
    const auto state = static_cast<State>(i);
    CAPTURE(name(state));
    CHECK(allowed(state, State::kReady) == (state == State::kWarming || state == State::kDegraded));
  }
}
