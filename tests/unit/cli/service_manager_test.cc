#include <doctest/doctest.h>

#include "cli/service_manager.h"

using namespace readygate;
using cli::ServiceWords;
using core::Snapshot;
using core::State;

namespace {

Snapshot in(State state, const char* reason = "", bool open = false) {
  Snapshot snapshot;
  snapshot.state = state;
  snapshot.reason = reason;
  snapshot.facts.open = open;
  return snapshot;
}

constexpr const char* kMore = "EXTEND_TIMEOUT_USEC=60000000\n";

}  // namespace

TEST_CASE("a service manager is told once that the gate has opened, and once that it ends") {
  ServiceWords words;
  CHECK(words.observe(in(State::kConnecting, "nobody listens")) == "STATUS=connecting: nobody listens\n");
  CHECK(words.observe(in(State::kConnecting, "nobody listens")).empty());
  CHECK(words.observe(in(State::kReady, "", true)) == "READY=1\nSTATUS=ready\n");
  CHECK(words.observe(in(State::kDegraded, "gone")) == "STATUS=degraded: gone\n");
  CHECK(words.observe(in(State::kReady, "", true)) == "STATUS=ready\n");
  CHECK(words.observe(in(State::kDraining)) == "STOPPING=1\nSTATUS=draining\n");
  CHECK(words.observe(in(State::kDraining, "soon")) == "STATUS=draining: soon\n");
}

TEST_CASE("the step under way is told where there is no other reason") {
  ServiceWords words;
  Snapshot snapshot = in(State::kInitializing);
  snapshot.phase = {"apply", 2, 7, "index orders.by_customer", {}};
  CHECK(words.observe(snapshot) == "STATUS=initializing: apply 2/7: index orders.by_customer\n");
}

TEST_CASE("no message of a server adds a line to what is told") {
  ServiceWords words;
  CHECK(words.observe(in(State::kFailed, "bad\nREADY=1\r\x7F")) == "STATUS=failed: bad READY=1  \n");
}

TEST_CASE("the time to start is prolonged while it is used, and not for a database that does not come") {
  ServiceWords words;
  for (const State state : {State::kWaiting, State::kInitializing, State::kVerifying, State::kWarming}) {
    CHECK(words.prolong(in(state)) == kMore);
  }
  for (const State state : {State::kStarting, State::kConnecting, State::kFailed, State::kDraining}) {
    CHECK(words.prolong(in(state)).empty());
  }
  words.observe(in(State::kReady, "", true));
  CHECK(words.prolong(in(State::kVerifying)).empty());
}
