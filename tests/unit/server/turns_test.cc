// How much of the work for one client, or for many, a turn of the loop does before others have theirs.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "rig.h"

using namespace readygate;
using namespace readygate::server;
using core::State;
using testing::Client;
using testing::kLivez;
using testing::kOk;
using testing::Rig;

namespace {

std::size_t with_at_least(const std::vector<Client>& crowd, std::size_t bytes) {
  return static_cast<std::size_t>(
      std::count_if(crowd.begin(), crowd.end(), [&](const Client& client) { return client.waiting() >= bytes; }));
}

std::vector<Client> crowd_of_waiters(Rig& rig, int count) {
  std::vector<Client> crowd;
  for (int i = 0; i < count; ++i) {
    crowd.push_back(rig.local());
    crowd.back().send("WAIT open\n");
  }
  rig.turn(10);
  REQUIRE(rig.server->waiters() == crowd.size());
  return crowd;
}

std::vector<std::size_t> told_by_each_turn(Rig& rig, const std::vector<Client>& crowd) {
  std::vector<std::size_t> each;
  std::size_t told = 0;
  while (told < crowd.size()) {
    rig.turn(1);
    each.push_back(with_at_least(crowd, 1) - told);
    REQUIRE(each.back() > 0);
    told += each.back();
  }
  return each;
}

// How many were closed by the server. The end is seen behind an answer that nobody has read.
std::size_t ended(const std::vector<Client>& crowd) {
  return static_cast<std::size_t>(std::count_if(crowd.begin(), crowd.end(), [](const Client& client) {
    pollfd one{client.fd(), POLLRDHUP, 0};
    return ::poll(&one, 1, 0) == 1;
  }));
}

std::uint32_t segments_received(const Client& client) {
  tcp_info info{};
  socklen_t length = sizeof info;
  REQUIRE(::getsockopt(client.fd(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
  return info.tcpi_segs_in;
}

}  // namespace

TEST_CASE("connections are accepted one in a turn, and a queue of them twice as many in each, up to 64") {
  Rig rig;
  const auto served_by_each_turn = [&rig](int count) {
    std::vector<Client> crowd;
    for (int i = 0; i < count; ++i) {
      crowd.emplace_back(rig, testing::connect_local(rig.socket));
      crowd.back().send(kLivez);
    }
    return told_by_each_turn(rig, crowd);
  };
  const std::vector<std::size_t> queue{1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 64, 2};
  CHECK(served_by_each_turn(200) == queue);
  rig.turn(10);                                                     // all of them have gone
  CHECK(served_by_each_turn(2) == std::vector<std::size_t>{1, 1});  // there was no queue in between
}

TEST_CASE("the end of the stream comes with the last answer, in one segment") {
  Rig rig;
  Client kept = rig.tcp();
  kept.send(kLivez);
  CHECK(kept.receive(kOk.size()) == kOk);
  Client last = rig.tcp();
  last.send("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(last.receive_all().find("Connection: close\r\n") != std::string::npos);
  CHECK(segments_received(last) == segments_received(kept));
}

TEST_CASE("who pipelines on many connections keeps a new client waiting for half a millisecond, not for each") {
  Rig rig;
  std::vector<Client> crowd;
  for (int i = 0; i < 100; ++i) crowd.push_back(rig.tcp());
  rig.turn(4);
  for (Client& client : crowd) client.send(kLivez + kLivez);
  rig.clock.run(std::chrono::microseconds(100));
  while (with_at_least(crowd, kOk.size()) < crowd.size()) rig.turn(1);
  Client other = rig.tcp();
  other.send(kLivez);
  while (other.waiting() == 0) rig.turn(1);
  CHECK(with_at_least(crowd, 2 * kOk.size()) < 50);
  rig.clock.run(std::chrono::microseconds(0));
  rig.turn(4);
  CHECK(with_at_least(crowd, 2 * kOk.size()) == crowd.size());
}

TEST_CASE("a crowd whose time is over at once keeps a new client waiting for 64 of them, not for all") {
  Rig rig;
  std::vector<Client> crowd;
  for (int i = 0; i < 300; ++i) {
    crowd.push_back(rig.tcp());
    crowd.back().send("GET /livez HTTP/1.1\r\nX: ");
  }
  rig.turn(8);
  for (int second = 0; second < 11; ++second) {
    rig.clock.advance(Millis(1000));
    rig.turn(1);
  }
  CHECK(with_at_least(crowd, 1) == 64);
  Client other = rig.tcp();
  other.send(kLivez);
  while (other.waiting() == 0) rig.turn(1);
  CHECK(with_at_least(crowd, 1) == 64);
  for (int i = 0; i < 4; ++i) {
    rig.clock.advance(Millis(1));
    rig.turn(1);
  }
  CHECK(with_at_least(crowd, 1) == crowd.size());
}

TEST_CASE("all sends come before the first close") {
  Rig rig;
  std::vector<Client> clients;
  for (int i = 0; i < 600; ++i) {
    clients.push_back(rig.local());
    clients.back().send("WAIT open\n");
  }
  rig.turn(10);
  rig.publish(State::kReady, true, true);
  const auto answered = [&](Client& client) {
    char byte = 0;
    return ::recv(client.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
  };
  const auto closed = [&](Client& client) {
    char buffer[4096];
    return ::recv(client.fd(), buffer, sizeof buffer, MSG_DONTWAIT) > 0 &&
           ::recv(client.fd(), buffer, 1, MSG_DONTWAIT) == 0;
  };
  while (!answered(clients.front())) rig.loop->poll();
  CHECK(!answered(clients.back()));  // a crowd takes more than one turn
  rig.turn(1);
  CHECK(!answered(clients.back()));
  CHECK(!closed(clients.front()));
  while (!answered(clients.back())) rig.loop->poll();
  rig.turn(5);
  CHECK(closed(clients[1]));
}

TEST_CASE("a turn tells at most 256 waiters, then closes at most 256, however little time that takes") {
  Rig rig;
  std::vector<Client> crowd = crowd_of_waiters(rig, 600);
  rig.publish(State::kReady, true, true);
  CHECK(told_by_each_turn(rig, crowd) == std::vector<std::size_t>{256, 256, 88});
  // What the third turn had left of its 256 went into closing.
  std::vector<std::size_t> closed;
  while (ended(crowd) < crowd.size()) {
    closed.push_back(ended(crowd));
    rig.turn(1);
  }
  CHECK(closed == std::vector<std::size_t>{256 - 88, 256 - 88 + 256});
}

TEST_CASE("a turn tells waiters for half a millisecond, then others have theirs") {
  Rig rig;
  std::vector<Client> crowd = crowd_of_waiters(rig, 600);
  rig.publish(State::kReady, true, true);
  // The clock is looked at once for 16 waiters: with a tenth of a millisecond between two looks, five make a turn.
  rig.clock.run(std::chrono::microseconds(100));
  for (const std::size_t told : told_by_each_turn(rig, crowd)) CHECK(told <= 5 * 16);
  const std::size_t before = ended(crowd);
  rig.turn(1);
  CHECK(ended(crowd) - before > 0);
  CHECK(ended(crowd) - before <= 5 * 16);
}

TEST_CASE("a turn looks at waiters that go on waiting for half a millisecond, then others have theirs") {
  Rig rig;
  std::vector<Client> crowd = crowd_of_waiters(rig, 600);
  Client probe = rig.tcp();
  rig.publish(State::kInitializing, false, true);
  rig.clock.run(std::chrono::microseconds(100));
  rig.turn(1);
  probe.send(kLivez);
  rig.turn(1);
  CHECK(probe.waiting() == kOk.size());
  CHECK(rig.server->waking());
  rig.turn(600 / (4 * 16));
  CHECK(!rig.server->waking());
  CHECK(rig.server->waiters() == crowd.size());
}
