// The server as clients meet it where a transcript cannot say it: limits, crowds, slow readers, descriptors.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/resource.h>
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

std::string metric(Rig& rig, const std::string& line) {
  const std::string text = rig.ask_local("GET /metrics HTTP/1.0\r\n\r\n");
  const std::size_t at = text.find("\n" + line + " ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + line.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

}  // namespace

TEST_CASE("a thousand waiters are told by one publish, and one over the limit is told busy") {
  Limits limits;
  limits.waiters = 1000;
  Rig rig(limits);
  std::vector<Client> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(rig.local());
    clients.back().send(i % 2 == 0 ? "WAIT open 60s\n" : "GET /v1/wait HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  rig.turn(10);
  CHECK(rig.server->waiters() == 1000);
  const std::string busy = rig.ask_local("WAIT open\n");
  CHECK(busy.find("{\"ok\":false,\"why\":\"busy\"") == 0);

  rig.publish(State::kReady, true, true);
  CHECK(rig.server->waking());
  int told = 0;
  for (Client& client : clients) told += client.receive_all().find("\"ok\":true,\"why\":\"open\"") != std::string::npos;
  CHECK(told == 1000);
  rig.turn(20);
  CHECK(rig.server->waiters() == 0);
  CHECK(!rig.server->waking());
  CHECK(metric(rig, "readygate_waits_total{why=\"true\"}") == "1000");
  CHECK(metric(rig, "readygate_waits_total{why=\"busy\"}") == "1");
}

TEST_CASE("metrics are Prometheus' text, over TCP and the socket") {
  Rig rig;
  for (const std::string& answer :
       {rig.ask_tcp("GET /metrics HTTP/1.0\r\n\r\n"), rig.ask_local("GET /metrics HTTP/1.0\r\n\r\n")}) {
    CHECK(answer.find("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n") == 0);
    CHECK(answer.find("\r\n\r\n# HELP readygate_") != std::string::npos);
  }
}

TEST_CASE("waiters that go are forgotten; one that only closed its writing half is not") {
  Rig rig;
  Client going = rig.local();
  Client staying = rig.local();
  going.send("WAIT open\n");
  staying.send("WAIT open\n");
  staying.half_close();
  rig.turn();
  CHECK(rig.server->waiters() == 2);
  going.close();
  rig.turn();
  CHECK(rig.server->waiters() == 1);
  rig.publish(State::kReady, true, true);
  CHECK(staying.receive_line().find("\"why\":\"open\"") != std::string::npos);
}

TEST_CASE("a waiter that closes right after the publish does no harm") {
  Rig rig;
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(rig.local());
    clients.back().send("WAIT open 10s\n");
  }
  rig.turn();
  rig.publish(State::kReady, true, true);
  for (std::size_t i = 0; i < clients.size(); i += 2) clients[i].close();
  for (std::size_t i = 1; i < clients.size(); i += 2) CHECK(clients[i].receive_line().find("\"ok\":true") == 1);
  rig.advance(Seconds(20));
  CHECK(rig.server->waiters() == 0);
}

TEST_CASE("timeouts of many waiters come in their order") {
  Rig rig;
  Client late = rig.local();
  Client soon = rig.local();
  Client never = rig.local();
  late.send("WAIT open 5s\n");
  soon.send("WAIT open 2s\n");
  never.send("WAIT open\n");
  rig.turn();
  rig.advance(Seconds(3));
  CHECK(soon.receive_line().find("\"why\":\"timeout\"") != std::string::npos);
  CHECK(late.silent());
  rig.advance(Seconds(3));
  CHECK(late.receive_line().find("\"why\":\"timeout\"") != std::string::npos);
  CHECK(never.silent());
}

TEST_CASE("the end of the daemon answers nobody: the stream ends") {
  Rig rig;
  Client waiter = rig.local();
  waiter.send("WAIT open\n");
  rig.turn();
  CHECK(rig.server->waiters() == 1);
  rig.server.reset();
  CHECK(waiter.ended());
}

TEST_CASE("closed listeners: nobody new, those connected are served") {
  Rig rig;
  Client before = rig.tcp();
  rig.server->close_listeners();
  before.send(kLivez);
  CHECK(before.receive_line() == "HTTP/1.1 200 OK\r\n");
  CHECK_THROWS(rig.local());
}

TEST_CASE("past the cap the TCP connection that was idle longest goes, and no waiter does") {
  Limits limits;
  limits.tcp_connections = 2;
  Rig rig(limits);
  Client waiter = rig.local();
  waiter.send("WAIT open\n");
  Client first = rig.tcp();
  Client second = rig.tcp();
  for (Client* client : {&second, &first}) {  // so that `second` is idle longest
    client->send(kLivez);
    CHECK(client->receive(kOk.size()) == kOk);
  }
  Client third = rig.tcp();
  third.send(kLivez);
  CHECK(third.receive(kOk.size()) == kOk);
  CHECK(second.ended());
  first.send(kLivez);
  CHECK(first.receive(kOk.size()) == kOk);
  CHECK(rig.server->waiters() == 1);
  CHECK(metric(rig, "readygate_connections_turned_away_total") == "1");
}

TEST_CASE("past the cap a newcomer stays, whose request is still on its way, and an old slow request goes") {
  Limits limits;
  limits.tcp_connections = 2;
  Rig rig(limits);
  Client slow = rig.tcp();
  slow.send("GET /livez HT");
  rig.turn();
  Client newcomer = rig.tcp();
  rig.advance(Seconds(1));  // a second begins while its request travels
  Client another = rig.tcp();
  CHECK(slow.ended());
  newcomer.send(kLivez);
  CHECK(newcomer.receive(kOk.size()) == kOk);
  // One that has said nothing for long is no newcomer: it goes before an older one that is in the middle of a request.
  Client busy = rig.tcp();
  CHECK(newcomer.ended());  // idle
  Client mute = rig.tcp();
  CHECK(another.ended());
  busy.send("GET /livez HT");
  rig.advance(Seconds(3));
  Client last = rig.tcp();
  CHECK(mute.ended());
  busy.send("TP/1.1\r\nHost: x\r\n\r\n");
  CHECK(busy.receive(kOk.size()) == kOk);
}

TEST_CASE("refused connections are said at once, then at most every ten seconds, with their number") {
  std::vector<std::string> said;
  ServerCallbacks callbacks;
  callbacks.log = [&](LogLevel, std::string_view message) { said.emplace_back(message); };
  Rig rig({}, std::move(callbacks));
  const auto refuse = [&](int count) {
    std::vector<Client> clients;
    for (int i = 0; i < count; ++i) clients.emplace_back(rig, testing::connect_local(rig.socket));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int highest = ::dup(0);
    ::close(highest);
    const rlimit none{static_cast<rlim_t>(highest), before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    rig.turn(count);  // at least one is accepted in each
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    for (Client& client : clients) CHECK(client.ended());
  };
  refuse(20);
  CHECK(said.size() == 1);
  refuse(5);
  CHECK(said.size() == 1);
  rig.advance(Seconds(10));
  REQUIRE(said.size() == 2);
  CHECK(said[1].find("(24)") != std::string::npos);
  rig.advance(Seconds(30));
  CHECK(said.size() == 2);
}

TEST_CASE("deadlines: a request that does not come, one that does not end, an idle connection, a refused one") {
  Rig rig;
  Client mute = rig.tcp();
  Client slow = rig.tcp();
  slow.send("GET /livez HT");
  Client idle = rig.tcp();
  idle.send(kLivez);
  CHECK(idle.receive(15).size() == 15);
  rig.turn();
  rig.advance(Seconds(9));
  slow.send("TP/1.1\r\n");  // does not begin the time again
  rig.advance(Seconds(4));
  CHECK(mute.ended());
  CHECK(slow.receive_line() == "HTTP/1.1 408 Request Timeout\r\n");
  rig.advance(Seconds(50));
  idle.receive_all();
  CHECK(idle.ended());

  Client refused = rig.tcp();
  refused.send("nonsense \x01");
  CHECK(refused.receive_line() == "HTTP/1.1 400 Bad Request\r\n");
  rig.advance(Seconds(4));
  CHECK(metric(rig, "readygate_connections{transport=\"tcp\"}") == "0");
}

TEST_CASE("requests sent at once are answered in order, one connection does not hold up another") {
  Rig rig;
  Client greedy = rig.tcp();
  std::string many;
  for (int i = 0; i < 300; ++i) many += kLivez;
  greedy.send(many);
  Client modest = rig.tcp();
  modest.send(kLivez);
  CHECK(modest.receive_line() == "HTTP/1.1 200 OK\r\n");
  CHECK(metric(rig, "readygate_requests_total{route=\"/livez\",code=\"200\"}") != "301");
  for (int i = 0; i < 300; ++i) REQUIRE(greedy.receive(kOk.size()) == kOk);
}

TEST_CASE("without descriptors connections are refused, not left hanging, and it passes") {
  int warnings = 0;
  ServerCallbacks callbacks;
  callbacks.log = [&](LogLevel, std::string_view) { ++warnings; };
  Rig rig({}, std::move(callbacks));
  // The client's descriptor is made first; then there is none left for the server's side of it.
  Client client(rig, testing::connect_local(rig.socket));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int highest = ::dup(0);
  ::close(highest);
  const rlimit none{static_cast<rlim_t>(highest), before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  rig.turn();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(client.ended());
  CHECK(warnings == 1);
  CHECK(rig.ask_local("STATUS\n").find("{\"v\":1") == 0);
}

TEST_CASE("a probe is answered while a crowd is being told") {
  Rig rig;
  std::vector<Client> clients;
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(rig.local());
    clients.back().send("WAIT open\n");
  }
  Client prober = rig.tcp();
  rig.turn(10);
  rig.publish(State::kReady, true, true);
  prober.send(kLivez);
  rig.turn(2);  // one may belong to a batch that had begun
  char answer[16];
  CHECK(::recv(prober.fd(), answer, sizeof answer, MSG_DONTWAIT) == sizeof answer);
  CHECK(rig.server->waking());
}

TEST_CASE("one watcher over the limit is told busy, in its own dialect") {
  Limits limits;
  limits.watchers = 1;
  Rig rig(limits);
  Client first = rig.local();
  first.send("WATCH\n");
  CHECK(!first.receive_line().empty());
  CHECK(rig.ask_local("WATCH\n").find("{\"ok\":false,\"why\":\"busy\"") == 0);
  const std::string http = rig.ask_local("GET /v1/watch HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(http.find("HTTP/1.1 503 Service Unavailable\r\n") == 0);
  CHECK(rig.server->watchers() == 1);
}

TEST_CASE("past the cap on the socket an idle connection goes, and no waiter or watcher does") {
  Limits limits;
  limits.unix_connections = 1;
  Rig rig(limits);
  Client waiter = rig.local();
  waiter.send("WAIT open\n");
  rig.turn();
  Client watcher = rig.local();
  watcher.send("WATCH\n");
  CHECK(!watcher.receive_line().empty());
  Client idle = rig.local();
  idle.send(kLivez);
  CHECK(idle.receive(kOk.size()) == kOk);
  CHECK(rig.ask_local("STATUS\n").find("{\"v\":1") == 0);
  CHECK(idle.ended());
  CHECK(rig.server->waiters() == 1);
  CHECK(rig.server->watchers() == 1);
}

TEST_CASE("one that asks and never reads is closed, and holds nobody up") {
  Rig rig;
  Client greedy = rig.local();
  std::string many;
  for (int i = 0; i < 400; ++i) many += "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
  greedy.send(many);
  rig.turn(500);  // until its answers fill the socket
  CHECK(rig.ask_local(kLivez.substr(0, kLivez.size() - 2) + "Connection: close\r\n\r\n").find("HTTP/1.1 200") == 0);
  CHECK(metric(rig, "readygate_connections{transport=\"unix\"}") == "2");  // and the one that asks for this
  rig.advance(Seconds(12));
  CHECK(metric(rig, "readygate_connections{transport=\"unix\"}") == "1");
}

TEST_CASE("retry: the callback runs before the answer, and the answer says what became of it") {
  Rig* rig = nullptr;
  int retries = 0;
  ServerCallbacks callbacks;
  callbacks.retry = [&] {
    ++retries;
    rig->publish(State::kConnecting, false, false);
    return core::Retried::kUnderWay;
  };
  Rig made({}, std::move(callbacks));
  rig = &made;
  made.publish(State::kFailed, false, false);
  Client watcher = made.local();
  watcher.send("WATCH\n");
  CHECK(watcher.receive_line().find("\"state\":\"failed\"") != std::string::npos);
  const std::string answer = made.ask_local("POST /v1/retry HTTP/1.0\r\n\r\n");
  CHECK(answer.find("HTTP/1.1 202 Accepted\r\n") == 0);
  CHECK(answer.find("\"why\":\"retry\",\"state\":\"connecting\"") != std::string::npos);
  CHECK(retries == 1);
  CHECK(watcher.receive_line().find("\"state\":\"connecting\"") != std::string::npos);
}

TEST_CASE("a client that closes its writing half gets its answers, and then the connection ends") {
  Rig rig;
  Client polite = rig.tcp();
  polite.send(kLivez + kLivez);
  polite.half_close();
  CHECK(polite.receive_all() == kOk + kOk);
  CHECK(polite.ended());
  Client unfinished = rig.tcp();
  unfinished.send("GET /livez HTT");
  unfinished.half_close();
  CHECK(unfinished.receive_all().empty());
  // More bytes than one look at the socket takes, and the end behind them.
  Client busy = rig.tcp();
  std::string many;
  std::string answers;
  for (int i = 0; i < 800; ++i) {
    many += kLivez;
    answers += kOk;
  }
  busy.send(many);
  busy.half_close();
  CHECK(busy.receive_all() == answers);
}

TEST_CASE("retry: who is not in allow_uids is forbidden, and nothing happens") {
  int retries = 0;
  ServerCallbacks callbacks;
  callbacks.retry = [&] {
    ++retries;
    return core::Retried::kUnderWay;
  };
  Rig rig({}, std::move(callbacks), {::getuid() + 1});
  rig.publish(State::kFailed, false, false);
  const std::string answer = rig.ask_local("POST /v1/retry HTTP/1.0\r\n\r\n");
  CHECK(answer.find("HTTP/1.1 403 Forbidden\r\n") == 0);
  CHECK(answer.find("\"ok\":false,\"why\":\"forbidden\"") != std::string::npos);
  CHECK(retries == 0);
}
