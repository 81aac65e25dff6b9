// The one event loop. Everything that decides runs on its thread: sockets, timers, signals, the gate itself. Other
// threads only post() to it.
//
// libevent finds what is ready and orders it by priority; time comes from the Clock that was passed in, through one
// heap of deadlines and a single libevent timer. So a test with a clock of its own moves time and calls poll(), and
// nothing in it ever sleeps.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/sync.h"
#include "base/unique_fd.h"
#include "server/deadline_heap.h"

struct event;
struct event_base;

namespace readygate::server {

// Smaller runs first: while anything of one priority is ready, nothing of the next one is looked at.
enum class Priority : int {
  kControl = 0,  // timers, signals, posted functions
  kProbe = 1,    // listeners and connections
  kWake = 2,     // telling waiters
  kWaiter = 3,   // waiters that hang up
};
inline constexpr int kPriorities = 4;

class Loop;

// A timer that has not fired yet; destroying it takes it back. It must not outlive the loop. Loop thread.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  void cancel();
  bool pending() const;

 private:
  friend class Loop;
  Timer(Loop& loop, std::uint32_t slot, std::uint64_t serial) : loop_(&loop), slot_(slot), serial_(serial) {}

  Loop* loop_ = nullptr;
  std::uint32_t slot_ = 0;
  std::uint64_t serial_ = 0;
};

class Loop {
 public:
  using Task = std::function<void()>;

  // `clock` must live longer than the loop. Fails with kInternal when the kernel gives no epoll or eventfd.
  static Result<std::unique_ptr<Loop>> create(const Clock& clock);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  const Clock& clock() const { return clock_; }
  event_base* base() const { return base_.get(); }

  // Runs `task` once, not earlier than asked. The task may start timers, itself included.
  [[nodiscard]] Timer at(Instant when, Task task);
  [[nodiscard]] Timer after(Millis delay, Task task) { return at(clock_.now() + delay, std::move(task)); }

  // Runs `task` on the loop at each such signal, for the loop's lifetime. Fails with kInternal.
  Result<void> on_signal(int signal, Task task);

  // From any thread: runs `task` on the loop soon. In order of posting.
  void post(Task task);

  void run();   // until stop()
  void stop();  // loop thread; run() returns after the callback that called this
  void poll();  // one turn over what is ready and due now, without waiting: for tests

 private:
  friend class Timer;
  struct FreeBase {
    void operator()(event_base* base) const;
  };
  struct FreeEvent {
    void operator()(event* e) const;
  };
  using EventPtr = std::unique_ptr<event, FreeEvent>;
  struct Slot {
    Task task;
    std::uint64_t serial = 0;  // 0: free
  };
  struct SignalHandler {
    Task task;
    EventPtr event;
  };

  explicit Loop(const Clock& clock) : clock_(clock) {}
  void arm();
  void fire_due();
  void run_posted();
  void cancel(std::uint32_t slot, std::uint64_t serial);
  bool pending(std::uint32_t slot, std::uint64_t serial) const;

  const Clock& clock_;
  std::unique_ptr<event_base, FreeBase> base_;
  EventPtr timer_event_;
  std::optional<Instant> armed_;
  DeadlineHeap deadlines_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::uint64_t next_serial_ = 1;
  std::vector<std::unique_ptr<SignalHandler>> signals_;
  UniqueFd wake_fd_;
  EventPtr wake_event_;
  Sync<std::vector<Task>> posted_;
};

}  // namespace readygate::server
