// What the tests against a real server share: its URI, a database of their own, an executor whose results can be waited
// for, and servers that misbehave on purpose.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "core/work.h"
#include "mongo/executor.h"

namespace readygate::mongo::testing {

// READYGATE_TEST_MONGODB_URI, or null: then the test has said that it is skipped.
const char* test_uri();

// Whether the runner, who has asked the server, says that it lacks this: a name of tests/support/engine/capabilities.py
// in READYGATE_TEST_LACKING. The message says what is left out therefore.
bool lacks(std::string_view name);

std::shared_ptr<Driver> driver();

// Of an executor, and whose ledger it is about.
struct BenchSettings : Settings {
  LedgerPlace place{"nowhere", "orders"};
};

// A database that is dropped at the end, under settings that reach it.
class TestDatabase {
 public:
  explicit TestDatabase(std::string uri);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  BenchSettings settings() const;
  // A command straight through libmongoc, in relaxed JSON, and its answer; the test fails when it does.
  std::string command(const std::string& json) const;

 private:
  std::string uri_;
  std::string name_;
};

// An executor, and everything that came out of it.
class Bench {
 public:
  explicit Bench(BenchSettings settings, std::shared_ptr<const Clock> clock = std::make_shared<SystemClock>());
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  core::TaskId start(core::Work work);
  core::Outcome wait(core::TaskId id);  // at most 60 s
  core::Outcome run(core::Work work) { return wait(start(std::move(work))); }
  bool done(core::TaskId id);

  std::vector<core::TopologyChanged> topology();
  // The last change, once `wanted` holds for it; the test fails after 20 s.
  core::TopologyChanged wait_topology(bool primary);
  std::vector<std::string> commands();
  Executor& executor() { return *executor_; }

 private:
  struct Seen {
    std::map<core::TaskId, core::Outcome> outcomes;
    std::vector<core::TopologyChanged> topology;
    std::vector<std::string> commands;
  };
  core::TaskId last_ = 0;
  Sync<Seen> seen_;
  std::condition_variable changed_;
  std::unique_ptr<Executor> executor_;
};

// A listening socket on 127.0.0.1. What it does with who connects is up to the behaviour.
class Listener {
 public:
  enum class Behaviour {
    kHang,      // accept and say nothing
    kHangUp,    // accept, read something, close
    kSpeakTls,  // hang up on plain text, answer a ClientHello with an alert
    kForward,   // hand everything on to another port, until stop()
  };
  explicit Listener(Behaviour behaviour, std::uint16_t forward_to = 0);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::uint16_t port() const { return port_; }
  std::string uri() const;
  void stop();                                      // connections are reset, new ones refused
  void resume();                                    // on the same port
  void freeze();                                    // forwards nothing more, closes nothing
  int connections() const { return connections_; }  // open now

 private:
  void listen();
  void serve();
  void talk(int fd);
  void forward(int fd);

  Behaviour behaviour_;
  std::uint16_t forward_to_;
  std::uint16_t port_ = 0;
  UniqueFd socket_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> frozen_{false};
  std::atomic<int> connections_{0};
  std::thread acceptor_;
  std::vector<std::thread> talkers_;
};

// The port of the one server on this machine, without TLS, that the URI names: a Listener can stand in front of it.
// 0, and a message that the test is skipped, when the URI is not so.
std::uint16_t local_port(const std::string& uri);
// The URI with the listener's port in place of the server's.
std::string through(const Listener& listener, const std::string& uri);

schema::Document json(const std::string& text);

template <typename Answer>
Answer expect(core::Outcome outcome) {
  if (!outcome) FAIL("the task failed: " << outcome.error().message << " (code " << outcome.error().code << ")");
  Answer* answer = std::get_if<Answer>(&*outcome);
  REQUIRE(answer);
  return std::move(*answer);
}

}  // namespace readygate::mongo::testing
