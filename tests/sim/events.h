// Virtual time and what happens in it: events in the order of their times, and one source of randomness, so that a seed
// is a whole history that can be repeated.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "support/model/seeded_random.h"

namespace readygate::sim {

class Dice final : public test::SeededRandom {
 public:
  using test::SeededRandom::SeededRandom;
  bool chance(double probability) { return static_cast<double>(next() >> 11U) * 0x1p-53 < probability; }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  Millis millis(std::int64_t low, std::int64_t high) { return Millis(between(low, high)); }
};

class Events {
 public:
  Millis now() const { return now_; }
  void after(Millis delay, std::function<void()> what) {
    queue_.push({now_ + std::max(delay, Millis(0)), ++sequence_, std::move(what)});
  }
  // Runs everything up to and including `end`.
  void run_until(Millis end) {
    while (!queue_.empty() && queue_.top().at <= end) {
      Event event = queue_.top();
      queue_.pop();
      now_ = event.at;
      event.what();
    }
    now_ = end;
  }

 private:
  struct Event {
    Millis at;
    std::uint64_t sequence;
    std::function<void()> what;
    bool operator<(const Event& other) const {  // the queue's top is the largest
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };
  std::priority_queue<Event> queue_;
  std::uint64_t sequence_ = 0;
  Millis now_{0};
};

}  // namespace readygate::sim
