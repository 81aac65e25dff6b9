// Connections: warm ones, broken ones, servers that refuse, hang, or are not what they seem.

#include <chrono>

#include "base/secret.h"
#include "core/failure.h"
#include "mongo/handles.h"
#include "rig.h"

namespace readygate::mongo::testing {
namespace {

using Behaviour = Listener::Behaviour;
using core::Domain;

// The driver gives up after that long and not sooner. Too little, and on a busy machine nothing has failed yet.
BenchSettings settings_for(const std::string& uri, Millis connect_timeout = Millis(1'500)) {
  BenchSettings settings;
  settings.uri = Secret(uri);
  settings.connect_timeout = connect_timeout;
  return settings;
}

// A database on a path that counts connections.
struct Counted {
  // Null where there is no server on this machine.
  static std::unique_ptr<Counted> make() {
    const char* uri = test_uri();
    const std::uint16_t port = uri ? local_port(uri) : std::uint16_t{0};
    return port ? std::unique_ptr<Counted>(new Counted{uri, port}) : nullptr;
  }
  int connections() const { return path.connections(); }

  TestDatabase database;
  Listener path;
  Bench bench;

 private:
  Counted(const char* uri, std::uint16_t port) : database(uri), path(Behaviour::kForward, port), bench(settings(uri)) {}
  BenchSettings settings(const char* uri) const {
    BenchSettings there = database.settings();
    there.uri = Secret(through(path, uri));
    return there;
  }
};

core::Failure failure_of(core::Outcome outcome) {
  REQUIRE_FALSE(outcome);
  return outcome.error();
}

TEST_CASE("an unchanged schema costs one find, and warm connections beside it") {
  const auto counted = Counted::make();
  if (!counted) return;
  Bench& bench = counted->bench;
  std::vector<core::TaskId> tasks{bench.start(core::ReadLedger{})};
  for (int i = 0; i < 4; ++i) tasks.push_back(bench.start(core::Warm{}));
  for (const core::TaskId task : tasks) CHECK(bench.wait(task));
  std::map<std::string, int> sent;
  for (const std::string& command : bench.commands()) ++sent[command];
  CHECK(sent.size() == 2);
  CHECK(sent["find"] == 1);
  CHECK(sent["ping"] == 4);
  // Each warm one has its own; one or two more are the monitor's and the find's.
  CHECK(counted->connections() >= 5);
  CHECK(counted->connections() <= 7);
  // Pings make no new connections.
  const int before = counted->connections();
  for (int i = 0; i < 10; ++i) CHECK(bench.run(core::Ping{}));
  CHECK(counted->connections() == before);
}

TEST_CASE("each warm connection is another one, also when they are warmed one after the other") {
  const auto counted = Counted::make();
  if (!counted) return;
  Bench& bench = counted->bench;
  CHECK(bench.run(core::Warm{}));
  const int first = counted->connections();
  for (int i = 0; i < 3; ++i) CHECK(bench.run(core::Warm{}));
  CHECK(counted->connections() == first + 3);
}

TEST_CASE("a step goes out on the connection that was made for it") {
  const auto counted = Counted::make();
  if (!counted) return;
  Bench& bench = counted->bench;
  CHECK(bench.run(core::Connect{}));
  CHECK(bench.run(core::Connect{}));  // the first one's is unused
  CHECK(bench.commands().empty());
  core::RunStep step;
  step.step.kind = schema::StepKind::kCreateCollection;
  step.step.collection = "orders";
  step.step.command = json(R"({"create": "orders"})");
  CHECK(bench.run(step));
  CHECK(counted->connections() == 1);
}

TEST_CASE("a port where nothing listens is refused") {
  std::uint16_t port = 0;
  { port = Listener(Behaviour::kHang).port(); }
  Bench bench(settings_for(fmt::format("mongodb://127.0.0.1:{}/", port)));
  const core::Failure failure = failure_of(bench.run(core::ReadLedger{}));
  CHECK(failure.domain == Domain::kRefused);
  CHECK(failure.message == fmt::format("connection refused by 127.0.0.1:{}", port));
  CHECK(failure.doing == core::Doing::kConnect);
  // The monitors said so long before the task gave up.
  REQUIRE_FALSE(bench.topology().empty());
  CHECK(bench.topology().back().last_error.domain == Domain::kRefused);
  CHECK_FALSE(bench.topology().back().primary);
}

TEST_CASE("a host that does not exist does not resolve") {
  Bench bench(settings_for("mongodb://no-such-host.invalid:27017/"));
  const core::Failure failure = failure_of(bench.run(core::ReadLedger{}));
  CHECK(failure.domain == Domain::kResolution);
  CHECK(failure.message.find("no-such-host.invalid") != std::string::npos);
}

TEST_CASE("a server that accepts and never answers is a timeout") {
  Listener hanging(Behaviour::kHang);
  Bench bench(settings_for(hanging.uri()));
  const core::Failure failure = failure_of(bench.run(core::ReadLedger{}));
  CAPTURE(failure.message);
  CHECK(failure.domain == Domain::kStreamTimeout);
  CHECK(failure.message.find("does not answer") != std::string::npos);
}

TEST_CASE("a server that hangs up is a broken connection") {
  Listener rude(Behaviour::kHangUp);
  Bench bench(settings_for(rude.uri()));
  const core::Failure failure = failure_of(bench.run(core::ReadLedger{}));
  CHECK(failure.domain == Domain::kStream);
  CHECK(failure.message.find("closed the connection") != std::string::npos);
}

TEST_CASE("TLS where none is expected, and the reverse") {
  Listener secure(Behaviour::kSpeakTls);
  {
    Bench bench(settings_for(secure.uri()));
    const core::Failure failure = failure_of(bench.run(core::ReadLedger{}));
    CHECK(failure.domain == Domain::kTls);
    CHECK(failure.message.find("tls=true") != std::string::npos);
  }
  Listener plain(Behaviour::kHangUp);
  Bench bench(settings_for(plain.uri() + "?tls=true", Seconds(5)));  // it reads all of the system's certificates first
  const core::Failure failure = failure_of(bench.run(core::ReadLedger{}));
  CAPTURE(failure.message);
  CHECK(failure.domain == Domain::kTls);
}

TEST_CASE("a wrong password is an authentication failure, and is not quoted") {
  const char* uri = test_uri();
  if (!uri) return;
  bson_error_t error{};
  const UriHandle right{mongoc_uri_new_with_error(uri, &error)};
  REQUIRE(right);
  if (!mongoc_uri_get_password(right.get())) {
    MESSAGE("skipped: needs a URI with a password");
    return;
  }
  const std::string text = uri;
  const auto at = text.rfind('@');
  const auto colon = text.rfind(':', at);
  Bench bench(settings_for(text.substr(0, colon + 1) + "not-the-password" + text.substr(at)));
  for (const core::Work& work : {core::Work(core::ReadLedger{}), core::Work(core::Warm{}), core::Work(core::Ping{})}) {
    const core::Failure failure = failure_of(bench.run(work));
    CHECK(failure.domain == Domain::kAuth);
    CHECK(failure.doing == core::Doing::kConnect);
    CHECK(failure.message.find("not-the-password") == std::string::npos);
  }
  core::RunStep step;
  step.step.kind = schema::StepKind::kCreateCollection;
  step.step.command = json(R"({"create": "never"})");
  CHECK(failure_of(bench.run(step)).domain == Domain::kAuth);
}

TEST_CASE("what is wrong with the URI is the outcome of every task") {
  Bench bench(settings_for("mongodb://joe:se/cret@host/"));
  for (int i = 0; i < 2; ++i) {
    const core::Failure failure = failure_of(bench.run(core::Ping{}));
    CHECK(failure.domain == Domain::kConfiguration);
    CHECK(failure.message.find("cret") == std::string::npos);
    CHECK(failure.message.find("joe") == std::string::npos);
  }
  bench.executor().renew(Secret("mongodb://host/?tls=true&tlsCAFile=/nonexistent/ca.pem"));
  const core::Failure failure = failure_of(bench.run(core::Warm{}));
  CHECK(failure.domain == Domain::kTlsFile);
  CHECK(failure.message == "tlsCAFile of the URI names /nonexistent/ca.pem: No such file or directory");
}

TEST_CASE("the database goes away while a task runs, and comes back") {
  const char* uri = test_uri();
  if (!uri) return;
  const std::uint16_t port = local_port(uri);
  if (!port) return;
  const TestDatabase database(uri);
  Listener path(Behaviour::kForward, port);
  BenchSettings settings = database.settings();
  settings.uri = Secret(through(path, uri));
  settings.connect_timeout = Millis(500);
  Bench bench(settings);
  CHECK(bench.run(core::ReadLedger{}));
  CHECK(bench.wait_topology(true).topology == (lacks("replica_set") ? "standalone" : "replicaset"));

  path.freeze();
  core::RunStep step;
  step.step.kind = schema::StepKind::kCreateCollection;
  step.step.collection = "late";
  step.step.command = json(R"({"create": "late"})");
  const core::TaskId ping = bench.start(core::Ping{});
  std::this_thread::sleep_for(Millis(200));
  CHECK_FALSE(bench.done(ping));
  path.stop();
  CHECK_FALSE(bench.wait(ping));
  CHECK_FALSE(bench.wait_topology(false).primary);
  const core::Failure failure = failure_of(bench.run(step));
  CHECK(failure.domain == Domain::kRefused);

  path.resume();
  CHECK(bench.run(core::Ping{}));
  CHECK(bench.wait_topology(true).last_error.message.empty());
  expect<core::Done>(bench.run(step));
}

TEST_CASE("a ping waits for no other work") {
  const char* uri = test_uri();
  if (!uri) return;
  const TestDatabase database(uri);
  BenchSettings settings = database.settings();
  settings.parallelism = 1;
  Bench bench(settings);
  CHECK(bench.run(core::Warm{}));
  CHECK(bench.run(core::Ping{}));  // now it has its connection, which takes as long as many readings
  core::TaskId last = 0;
  for (int i = 0; i < 500; ++i) last = bench.start(core::ReadLedger{});
  CHECK(bench.run(core::Ping{}));
  CHECK_FALSE(bench.done(last));
  CHECK(bench.wait(last));
}

TEST_CASE("a call that hangs delays neither a fresh pool, nor the end") {
  const char* uri = test_uri();
  if (!uri) return;
  const std::uint16_t port = local_port(uri);
  if (!port) return;
  const TestDatabase database(uri);
  auto path = std::make_unique<Listener>(Behaviour::kForward, port);
  BenchSettings settings = database.settings();
  settings.uri = Secret(through(*path, uri));
  settings.parallelism = 1;
  Bench bench(settings);
  CHECK(bench.run(core::Ping{}));
  path->freeze();
  core::RunStep step;
  step.step.kind = schema::StepKind::kCreateCollection;
  step.step.collection = "stuck";
  step.step.command = json(R"({"create": "stuck"})");
  const core::TaskId stuck = bench.start(step);
  const core::TaskId queued = bench.start(core::ReadLedger{});
  std::this_thread::sleep_for(Millis(100));
  bench.executor().renew(Secret(uri));
  const core::Failure dropped = failure_of(bench.wait(queued));
  CHECK(dropped.message.find("anew") != std::string::npos);
  CHECK(bench.run(core::ReadLedger{}));  // on the new pool, though the only worker of the old one is stuck
  CHECK_FALSE(bench.done(stuck));
  path.reset();  // resets the connections: the stuck call ends by itself
  CHECK_FALSE(bench.wait(stuck));
}

TEST_CASE("an executor ends without waiting for its calls") {
  Listener hanging(Behaviour::kHang);
  const BenchSettings settings = settings_for(hanging.uri(), Seconds(3));
  std::atomic<int> outcomes{0};
  Hooks hooks;
  hooks.outcome = [&](core::TaskId, core::Outcome) { ++outcomes; };
  auto executor = std::make_unique<Executor>(settings, driver(), std::make_shared<SystemClock>(), std::move(hooks));
  executor->serve(settings.place);
  executor->start(1, core::ReadLedger{});
  while (hanging.connections() == 0) std::this_thread::sleep_for(Millis(5));
  const auto began = std::chrono::steady_clock::now();
  executor.reset();
  CHECK(std::chrono::steady_clock::now() - began < settings.connect_timeout);  // before the call can have ended
  std::this_thread::sleep_for(settings.connect_timeout + Millis(1'000));
  CHECK(outcomes == 0);
}

}  // namespace
}  // namespace readygate::mongo::testing
