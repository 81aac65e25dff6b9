// Those who wait on the socket, up to ten thousand, under 1 KiB each: once its request is parsed, a waiter is a slot in
// a slab with a raw libevent event, and no buffer.
//
// When a snapshot is published, everybody whose wait it ends is told: all the sends first, the closes after, in batches
// of at most 256 or half a millisecond per turn of the loop, and below the connections of probes in priority. So a
// thousand waiters that wake do not delay a probe; a storm of probes in turn delays a batch by at most 2 ms.
//
// Timeouts lie in one heap with one timer of the loop, 20 bytes a waiter; one libevent timeout each would cost the same
// heap, but follow libevent's clock instead of the one that was passed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "server/deadline_heap.h"
#include "server/shared.h"

namespace readygate::server {

class Waiters {
 public:
  explicit Waiters(Shared& shared);
  ~Waiters();  // closes without an answer: the end of the stream means not open
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  bool full() const;
  // Takes the connection of one whose wait is not over yet.
  void add(UniqueFd fd, const WaitRequest& asked, Speech speech);
  // A new snapshot is in Shared: look at everybody again, soon.
  void published();

  std::size_t count() const { return waiting_.count; }
  // Some were answered and not closed yet, or not looked at yet.
  bool waking() const { return cursor_ != kNone || answered_.count > 0; }

 private:
  struct Waiter;
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  struct List {
    Index head = kNone;
    Index tail = kNone;
    std::size_t count = 0;
  };
  struct Slab;

  Waiter& at(Index index);
  Index take_slot();
  void append(List& list, Index index);
  void unlink(List& list, Index index);
  void answer(Index index, Why why);  // sends and moves it to those to close
  void drop(List& list, Index index);
  void heard(Index index);  // the client wrote something or went
  void schedule();
  void run_batch();
  void arm_timeout();
  void time_out();

  Shared& shared_;
  std::vector<std::unique_ptr<Slab>> slabs_;
  std::vector<Index> free_;
  List waiting_;          // in order of arrival
  List answered_;         // to close
  Index cursor_ = kNone;  // the next waiting one to look at
  struct EventHolder;
  std::unique_ptr<EventHolder> batch_;  // fires on the next turn, at Priority::kWake
  Timer overdue_;                       // fires at Priority::kControl when probes kept the batch from running
  DeadlineHeap timeouts_;
  Timer timeout_timer_;
  std::optional<Instant> timeout_armed_;
};

}  // namespace readygate::server
