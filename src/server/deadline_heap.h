// Many deadlines, one clock: a binary heap of (when, id) that knows where each id is, so that setting, moving and
// removing cost O(log n) and 16 bytes each. The loop's timers use it, and so do ten thousand waiters, which for that
// reason need no timer of libevent each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace readygate::server {

// Ids are small integers that the owner reuses (slots); the heap's memory follows the highest one.
class DeadlineHeap {
 public:
  using Id = std::uint32_t;

  void set(Id id, Instant at);
  void remove(Id id);  // of an id that has no deadline: nothing
  std::optional<Instant> next() const;
  // Removes and returns an id whose deadline is not later than `now`, earliest first.
  std::optional<Id> pop_due(Instant now);
  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Instant at;
    Id id;
  };
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  void put(std::size_t place, Entry entry);
  void sift_up(std::size_t place, Entry entry);
  void sift_down(std::size_t place, Entry entry);

  std::vector<Entry> heap_;
  std::vector<std::uint32_t> place_;  // by id
};

}  // namespace readygate::server
