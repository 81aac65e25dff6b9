// Who watches: the newest snapshot, heartbeats, and how long it may read nothing.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "rig.h"

using namespace readygate;
using namespace readygate::server;
using core::State;
using testing::Client;
using testing::Rig;

namespace {

Client watcher(Rig& rig) {
  Client client = rig.local();
  client.send("WATCH\n");
  rig.turn();
  REQUIRE(rig.server->watchers() == 1);
  return client;
}

// Until the server has a line for it that it cannot send; gives the number of lines.
int publish_until_one_waits(Rig& rig, const Client& client) {
  const auto taken = [&] {
    int bytes = 0;
    REQUIRE(::ioctl(client.fd(), FIONREAD, &bytes) == 0);
    return bytes;
  };
  int lines = 0;
  for (int before = -1; taken() != before; ++lines) {
    before = taken();
    rig.publish(State::kConnecting, false, false);
  }
  return lines;
}

// In small steps: a long one would have a timer that is set wrong fire at the right time.
void check_closed_after_30_s(Rig& rig) {
  for (int step = 0; step < 299; ++step) rig.advance(Millis(100));
  rig.advance(Millis(99));
  CHECK(rig.server->watchers() == 1);
  rig.advance(Millis(1));
  CHECK(rig.server->watchers() == 0);
}

void read_a_line(const Client& client) {
  for (char byte = 0; byte != '\n';) REQUIRE(::recv(client.fd(), &byte, 1, MSG_DONTWAIT) == 1);
}

}  // namespace

TEST_CASE("a slow watcher gets the newest snapshot, not every one, and one that reads nothing is closed") {
  Rig rig;
  Client slow = rig.local();
  slow.send("WATCH\n");
  rig.turn();
  CHECK(rig.server->watchers() == 1);
  for (int i = 0; i < 3000; ++i) rig.publish(State::kConnecting, false, false);
  rig.publish(State::kReady, true, true);
  std::string line;
  std::size_t lines = 0;
  do {
    line = slow.receive_line();
    REQUIRE(!line.empty());
    ++lines;
  } while (line.find("\"state\":\"ready\"") == std::string::npos);
  CHECK(lines < 3000);

  Client stuck = rig.local();
  stuck.send("WATCH\n");
  rig.turn();
  slow.close();
  rig.turn();
  for (int i = 0; i < 3000; ++i) rig.publish(State::kConnecting, false, false);
  CHECK(rig.server->watchers() == 1);
  rig.advance(Seconds(31));
  CHECK(rig.server->watchers() == 0);
}

TEST_CASE("a watcher that reads nothing is closed after 30 s, whenever the heartbeats come") {
  for (const int since_heartbeat : {0, 1, 8, 14}) {
    CAPTURE(since_heartbeat);
    Rig rig;
    const Client stuck = watcher(rig);
    rig.advance(Seconds(since_heartbeat));
    publish_until_one_waits(rig, stuck);
    check_closed_after_30_s(rig);
  }
}

TEST_CASE("a watcher has its 30 s from the first line that waits") {
  Rig another;
  const int lines = publish_until_one_waits(another, watcher(another));
  Rig rig;
  const Client stuck = watcher(rig);
  for (int line = 0; line + 1 < lines; ++line) rig.publish(State::kConnecting, false, false);
  rig.advance(Seconds(14));
  rig.publish(State::kConnecting, false, false);
  check_closed_after_30_s(rig);
}

TEST_CASE("a watcher that reads, if only one line in 29 s, is not closed") {
  Rig rig;
  const Client slow = watcher(rig);
  publish_until_one_waits(rig, slow);
  for (int line = 0; line < 4; ++line) {
    rig.advance(Seconds(28));
    read_a_line(slow);
    rig.advance(Seconds(1));
    REQUIRE(rig.server->watchers() == 1);
  }
  publish_until_one_waits(rig, slow);
  while (slow.waiting() > 0) {
    read_a_line(slow);
    rig.turn(1);
  }
  rig.advance(Millis(300));
  publish_until_one_waits(rig, slow);
  check_closed_after_30_s(rig);
}

TEST_CASE("a watcher to whom all was sent is not closed, however long it does not read") {
  Rig rig;
  const Client quiet = watcher(rig);
  rig.advance(std::chrono::minutes(10));
  CHECK(rig.server->watchers() == 1);
}
