#include <csignal>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "rig.h"
#include "server/deadline_heap.h"
#include "server/loop.h"

using namespace readygate;
using namespace readygate::server;

TEST_CASE("the heap of deadlines gives what a sorted list gives") {
  std::mt19937 random(1);
  DeadlineHeap heap;
  std::map<DeadlineHeap::Id, Instant> model;
  const auto at = [](unsigned ms) { return Instant(Millis(ms)); };
  for (int round = 0; round < 20'000; ++round) {
    const DeadlineHeap::Id id = static_cast<DeadlineHeap::Id>(random() % 50);
    switch (random() % 4) {
      case 0:
      case 1: {
        const Instant when = at(static_cast<unsigned>(random() % 1000));
        heap.set(id, when);
        model[id] = when;
        break;
      }
      case 2:
        heap.remove(id);
        model.erase(id);
        break;
      default: {
        const Instant now = at(static_cast<unsigned>(random() % 1000));
        std::optional<Instant> earliest;
        for (const auto& [known, when] : model) earliest = earliest ? std::min(*earliest, when) : when;
        REQUIRE(heap.next() == earliest);
        const std::optional<DeadlineHeap::Id> popped = heap.pop_due(now);
        REQUIRE(popped.has_value() == (earliest && *earliest <= now));
        if (popped) {
          REQUIRE(model.at(*popped) == *earliest);
          model.erase(*popped);
        }
      }
    }
    REQUIRE(heap.size() == model.size());
  }
}

TEST_CASE("timers fire in order, once, and not when taken back") {
  testing::FakeClock clock;
  const auto loop = std::move(*Loop::create(clock));
  std::string order;
  const Timer second = loop->after(Millis(20), [&] { order += "b"; });
  const Timer first = loop->after(Millis(10), [&] { order += "a"; });
  Timer third = loop->after(Millis(30), [&] { order += "c"; });
  {
    const Timer forgotten = loop->after(Millis(5), [&] { order += "x"; });
  }
  loop->poll();
  CHECK(order.empty());
  clock.advance(Millis(10));
  loop->poll();
  CHECK(order == "a");
  CHECK(!first.pending());
  CHECK(second.pending());
  clock.advance(Millis(100));
  third.cancel();
  loop->poll();
  CHECK(order == "ab");
}

TEST_CASE("a timer may start itself again, and take back one that is due with it") {
  testing::FakeClock clock;
  const auto loop = std::move(*Loop::create(clock));
  int fired = 0;
  Timer timer;
  std::function<void()> again = [&] {
    ++fired;
    timer = loop->after(Millis(0), again);
  };
  timer = loop->after(Millis(0), again);
  loop->poll();
  loop->poll();
  CHECK(fired >= 2);
  CHECK(fired <= 6);  // once per look at the clock, not for ever within one
  timer.cancel();

  int wrong = 0;
  Timer victim;
  const Timer killer = loop->after(Millis(1), [&] { victim.cancel(); });
  victim = loop->after(Millis(2), [&] { ++wrong; });
  clock.advance(Millis(5));
  loop->poll();
  CHECK(wrong == 0);
}

TEST_CASE("functions posted from other threads run on the loop, in order") {
  const SystemClock clock;
  const auto loop = std::move(*Loop::create(clock));
  std::vector<int> seen;
  std::thread::id ran_on;
  std::thread poster([&] {
    for (int i = 0; i < 100; ++i) loop->post([&seen, i] { seen.push_back(i); });
    loop->post([&] {
      ran_on = std::this_thread::get_id();
      loop->stop();
    });
  });
  loop->run();
  poster.join();
  CHECK(ran_on == std::this_thread::get_id());
  REQUIRE(seen.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(seen[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a signal is an event") {
  const SystemClock clock;
  const auto loop = std::move(*Loop::create(clock));
  int caught = 0;
  REQUIRE(loop->on_signal(SIGUSR2, [&] {
    ++caught;
    loop->stop();
  }));
  ::raise(SIGUSR2);
  loop->run();
  CHECK(caught == 1);
}
