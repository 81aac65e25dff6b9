#include "server/loop.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <event2/event.h>
#include <fmt/format.h>
#include <sys/eventfd.h>

namespace readygate::server {
namespace {

constexpr int kMostAtOnce = 64;  // callbacks of the priorities below probes

timeval to_timeval(Instant::duration delay) {
  // Rounded up to the microsecond: waking a moment early would only arm the timer again.
  const auto micros = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::microseconds>(delay).count());
  timeval result{};
  result.tv_sec = micros / 1'000'000;
  result.tv_usec = micros % 1'000'000;
  return result;
}

}  // namespace

Timer::Timer(Timer&& other) noexcept
    : loop_(std::exchange(other.loop_, nullptr)), slot_(other.slot_), serial_(other.serial_) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    loop_ = std::exchange(other.loop_, nullptr);
    slot_ = other.slot_;
    serial_ = other.serial_;
  }
  return *this;
}

void Timer::cancel() {
  if (loop_ != nullptr) std::exchange(loop_, nullptr)->cancel(slot_, serial_);
}

bool Timer::pending() const { return loop_ != nullptr && loop_->pending(slot_, serial_); }

void Loop::FreeBase::operator()(event_base* base) const { event_base_free(base); }
void Loop::FreeEvent::operator()(event* e) const { event_free(e); }

Result<std::unique_ptr<Loop>> Loop::create(const Clock& clock) {
  std::unique_ptr<Loop> loop(new Loop(clock));
  const std::unique_ptr<event_config, decltype(&event_config_free)> config(event_config_new(), &event_config_free);
  // The base is touched by the loop thread alone, so libevent needs no locks.
  if (!config || event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK) != 0 ||
      event_config_require_features(config.get(), EV_FEATURE_O1 | EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE) != 0 ||
      // A crowd of waiters that hang up is gone through in pieces, with a look at the probes in between.
      event_config_set_max_dispatch_interval(config.get(), nullptr, kMostAtOnce, static_cast<int>(Priority::kWake)) !=
          0) {
    return fail(Reason::kInternal, "libevent cannot be configured");
  }
  loop->base_.reset(event_base_new_with_config(config.get()));
  if (!loop->base_ || event_base_priority_init(loop->base(), kPriorities) != 0) {
    return fail(Reason::kInternal, fmt::format("no event loop: {}", std::strerror(errno)));
  }
  loop->wake_fd_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->wake_fd_) return fail(Reason::kInternal, fmt::format("no eventfd: {}", std::strerror(errno)));

  const auto self = [&] { return static_cast<void*>(loop.get()); };
  loop->timer_event_.reset(event_new(
      loop->base(), -1, 0,
      [](evutil_socket_t, short, void* arg) {
        auto* that = static_cast<Loop*>(arg);
        that->armed_.reset();
        that->fire_due();
      },
      self()));
  loop->wake_event_.reset(event_new(
      loop->base(), loop->wake_fd_.get(), static_cast<short>(EV_READ | EV_PERSIST),
      [](evutil_socket_t, short, void* arg) { static_cast<Loop*>(arg)->run_posted(); }, self()));
  if (!loop->timer_event_ || !loop->wake_event_ || event_add(loop->wake_event_.get(), nullptr) != 0) {
    return fail(Reason::kInternal, "no memory for the event loop");
  }
  event_priority_set(loop->timer_event_.get(), static_cast<int>(Priority::kControl));
  event_priority_set(loop->wake_event_.get(), static_cast<int>(Priority::kControl));
  return loop;
}

Loop::~Loop() {
  // A task may own a Timer of this loop: let them go while the loop is whole.
  std::vector<Slot> slots = std::move(slots_);
  slots_.clear();
  slots.clear();
  posted_.lock()->clear();
}

Timer Loop::at(Instant when, Task task) {
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot] = Slot{std::move(task), next_serial_++};
  deadlines_.set(slot, when);
  arm();
  return Timer(*this, slot, slots_[slot].serial);
}

void Loop::cancel(std::uint32_t slot, std::uint64_t serial) {
  if (!pending(slot, serial)) return;
  const Task task = std::exchange(slots_[slot], Slot{}).task;  // destroyed last: it may own timers
  free_slots_.push_back(slot);
  deadlines_.remove(slot);
  // The libevent timer stays: at worst it fires once for nothing, which is cheaper than moving it each time.
}

bool Loop::pending(std::uint32_t slot, std::uint64_t serial) const {
  return slot < slots_.size() && slots_[slot].serial == serial;
}

void Loop::arm() {
  const std::optional<Instant> next = deadlines_.next();
  if (!next || (armed_ && *armed_ <= *next)) return;
  armed_ = next;
  const timeval delay = to_timeval(*next - clock_.now());
  event_add(timer_event_.get(), &delay);
}

void Loop::fire_due() {
  // Only what was due at the beginning: a task that starts a timer of no delay does not hold the loop.
  const Instant now = clock_.now();
  std::vector<std::pair<std::uint32_t, std::uint64_t>> due;
  while (const auto slot = deadlines_.pop_due(now)) due.emplace_back(*slot, slots_[*slot].serial);
  for (const auto& [slot, serial] : due) {
    if (!pending(slot, serial)) continue;  // an earlier one took it back
    const Task task = std::exchange(slots_[slot], Slot{}).task;
    free_slots_.push_back(slot);
    task();
  }
  arm();
}

Result<void> Loop::on_signal(int signal, Task task) {
  auto handler = std::make_unique<SignalHandler>();
  handler->task = std::move(task);
  handler->event.reset(event_new(
      base(), signal, static_cast<short>(EV_SIGNAL | EV_PERSIST),
      [](evutil_socket_t, short, void* arg) { static_cast<SignalHandler*>(arg)->task(); }, handler.get()));
  if (!handler->event || event_priority_set(handler->event.get(), static_cast<int>(Priority::kControl)) != 0 ||
      event_add(handler->event.get(), nullptr) != 0) {
    return fail(Reason::kInternal, fmt::format("signal {} cannot be caught", signal));
  }
  signals_.push_back(std::move(handler));
  return {};
}

void Loop::post(Task task) {
  bool first = false;
  {
    auto queue = posted_.lock();
    first = queue->empty();
    queue->push_back(std::move(task));
  }
  if (!first) return;  // the loop was already told and has not looked yet
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof one);
}

void Loop::run_posted() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_fd_.get(), &count, sizeof count);
  std::vector<Task> tasks;
  std::swap(tasks, *posted_.lock());
  for (const Task& task : tasks) task();
}

void Loop::run() { event_base_loop(base(), EVLOOP_NO_EXIT_ON_EMPTY); }

void Loop::stop() { event_base_loopbreak(base()); }

void Loop::poll() {
  fire_due();
  event_base_loop(base(), EVLOOP_ONCE | EVLOOP_NONBLOCK);  // without ONCE it goes on while anything is ready
}

}  // namespace readygate::server
