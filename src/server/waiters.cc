#include "server/waiters.h"

#include <array>
#include <cerrno>
#include <utility>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <sys/socket.h>

namespace readygate::server {
namespace {

constexpr std::size_t kSlabSize = 256;
constexpr std::size_t kBatch = 256;
constexpr std::chrono::microseconds kBatchTime{500};
constexpr std::size_t kLooksPerClockRead = 16;
constexpr Millis kOverdue{2};

}  // namespace

struct Waiters::Waiter {
  event hangup{};
  Waiters* owner = nullptr;
  Index index = kNone;
  Index previous = kNone;
  Index next = kNone;
  int fd = -1;
  WaitRequest asked;
  Speech speech = Speech::kLine;
  bool answered = false;
};

struct Waiters::Slab {
  std::array<Waiter, kSlabSize> waiters;
};

struct Waiters::EventHolder {
  event on_turn{};
};

Waiters::Waiters(Shared& shared) : shared_(shared), batch_(std::make_unique<EventHolder>()) {
  static_assert(sizeof(Waiter) < 512);
  event_assign(
      &batch_->on_turn, shared_.loop.base(), -1, 0,
      [](evutil_socket_t, short, void* arg) { static_cast<Waiters*>(arg)->run_batch(); }, this);
  event_priority_set(&batch_->on_turn, static_cast<int>(Priority::kWake));
}

Waiters::~Waiters() {
  event_del(&batch_->on_turn);
  while (answered_.head != kNone) drop(answered_, answered_.head);
  while (waiting_.head != kNone) drop(waiting_, waiting_.head);
}

bool Waiters::full() const { return waiting_.count >= shared_.limits.waiters; }

Waiters::Waiter& Waiters::at(Index index) { return slabs_[index / kSlabSize]->waiters[index % kSlabSize]; }

Waiters::Index Waiters::take_slot() {
  if (free_.empty()) {
    const auto first = static_cast<Index>(slabs_.size() * kSlabSize);
    slabs_.push_back(std::make_unique<Slab>());
    for (Index i = kSlabSize; i > 0; --i) free_.push_back(first + i - 1);
  }
  const Index index = free_.back();
  free_.pop_back();
  return index;
}

void Waiters::append(List& list, Index index) {
  Waiter& waiter = at(index);
  waiter.previous = list.tail;
  waiter.next = kNone;
  (list.tail == kNone ? list.head : at(list.tail).next) = index;
  list.tail = index;
  ++list.count;
}

void Waiters::unlink(List& list, Index index) {
  const Waiter& waiter = at(index);
  if (cursor_ == index) cursor_ = waiter.next;
  (waiter.previous == kNone ? list.head : at(waiter.previous).next) = waiter.next;
  (waiter.next == kNone ? list.tail : at(waiter.next).previous) = waiter.previous;
  --list.count;
}

void Waiters::add(UniqueFd fd, const WaitRequest& asked, Speech speech) {
  const Index index = take_slot();
  Waiter& waiter = at(index);
  waiter.owner = this;
  waiter.index = index;
  waiter.fd = fd.release();
  waiter.asked = asked;
  waiter.speech = speech;
  waiter.answered = false;
  // Edge-triggered: one report when the client goes, none again for what it wrote and nobody reads.
  event_assign(
      &waiter.hangup, shared_.loop.base(), waiter.fd, static_cast<short>(EV_READ | EV_PERSIST | EV_ET),
      [](evutil_socket_t, short, void* arg) {
        auto* self = static_cast<Waiter*>(arg);
        self->owner->heard(self->index);
      },
      &waiter);
  event_priority_set(&waiter.hangup, static_cast<int>(Priority::kWaiter));
  append(waiting_, index);
  if (event_add(&waiter.hangup, nullptr) != 0) {
    drop(waiting_, index);  // no memory: the end of the stream, so the client tries again
    return;
  }
  if (asked.timeout) {
    timeouts_.set(index, shared_.loop.clock().now() + *asked.timeout);
    arm_timeout();
  }
}

void Waiters::heard(Index index) {
  Waiter& waiter = at(index);
  if (waiter.answered) return;  // it has its answer and is closed in its turn
  std::array<char, 1024> ignored;
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = ::recv(waiter.fd, ignored.data(), ignored.size(), MSG_DONTWAIT);
    if (got > 0) continue;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    break;
  }
  // End of stream: a client that only closed its writing half (`printf … | nc -N -U`) still waits.
  pollfd both{waiter.fd, 0, 0};
  if (::poll(&both, 1, 0) == 1 && (both.revents & (POLLHUP | POLLERR)) != 0) drop(waiting_, index);
}

void Waiters::drop(List& list, Index index) {
  Waiter& waiter = at(index);
  event_del(&waiter.hangup);
  ::close(std::exchange(waiter.fd, -1));
  timeouts_.remove(index);
  unlink(list, index);
  free_.push_back(index);
}

void Waiters::answer(Index index, Why why) {
  Waiter& waiter = at(index);
  const std::string_view bytes = shared_.waits.get(why, waiter.asked.fact, *shared_.now, waiter.speech);
  // An answer is far smaller than a socket's empty buffer: it goes whole, or the client has gone.
  [[maybe_unused]] const ssize_t sent = ::send(waiter.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  shared_.counters.wait(why);
  if (waiter.speech != Speech::kLine) shared_.counters.request(RouteId::kV1Wait, http_status(why));
  waiter.answered = true;
  timeouts_.remove(index);
  unlink(waiting_, index);
  append(answered_, index);
}

void Waiters::published() {
  cursor_ = waiting_.head;
  if (cursor_ != kNone) schedule();
}

void Waiters::schedule() {
  // A timer of no delay and not event_active(): the latter would run again within the same turn.
  const timeval now{0, 0};
  if (evtimer_pending(&batch_->on_turn, nullptr) == 0) event_add(&batch_->on_turn, &now);
  if (!overdue_.pending()) overdue_ = shared_.loop.after(kOverdue, [this] { run_batch(); });
}

void Waiters::run_batch() {
  event_del(&batch_->on_turn);
  overdue_.cancel();
  const Clock& clock = shared_.loop.clock();
  const Instant started = clock.now();
  std::size_t done = 0;
  std::size_t looked = 0;
  const auto enough = [&] {
    return done >= kBatch || (++looked % kLooksPerClockRead == 0 && clock.now() - started >= kBatchTime);
  };
  bool stopped = false;
  while (cursor_ != kNone && !(stopped = enough())) {
    const Index index = cursor_;
    cursor_ = at(index).next;
    if (const std::optional<Why> why = end_of_wait(*shared_.now, at(index).asked)) {
      answer(index, *why);
      ++done;
    }
  }
  while (cursor_ == kNone && answered_.head != kNone && !stopped && !(stopped = enough())) {
    drop(answered_, answered_.head);
    ++done;
  }
  if (waking()) schedule();
}

void Waiters::arm_timeout() {
  const std::optional<Instant> next = timeouts_.next();
  if (!next || (timeout_timer_.pending() && timeout_armed_ <= next)) return;
  timeout_armed_ = next;
  timeout_timer_ = shared_.loop.at(*next, [this] { time_out(); });
}

void Waiters::time_out() {
  const Instant now = shared_.loop.clock().now();
  for (std::size_t done = 0; done < kBatch; ++done) {
    const std::optional<DeadlineHeap::Id> index = timeouts_.pop_due(now);
    if (!index) break;
    // What became true in this very moment counts.
    answer(*index, end_of_wait(*shared_.now, at(*index).asked).value_or(Why::kTimeout));
  }
  if (waking()) schedule();
  arm_timeout();
}

}  // namespace readygate::server
