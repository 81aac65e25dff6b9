// Time is passed in: the pure core takes an Instant as an argument, and only the edge reads a Clock. A test has its
// own.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

namespace readygate {

using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

// A point on CLOCK_BOOTTIME: it never jumps, and goes on while the machine sleeps, so that a lease that another replica
// took over meanwhile is seen as lost. It has no now(): ask a Clock.
struct Boottime {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Boottime>;
  static constexpr bool is_steady = true;
};
using Instant = Boottime::time_point;

// A point of UTC, for people to read. Nothing is decided by it.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Millis>;

// The sooner of two times, where there are any.
inline std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

inline Millis millis(Instant::duration d) { return std::chrono::duration_cast<Millis>(d); }

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

// The kernel's clocks. Safe from any thread.
class SystemClock final : public Clock {
 public:
  Instant now() const override;
  WallTime wall() const override;
};

// "2026-11-23T15:04:05.678Z" (RFC 3339, UTC, milliseconds).
std::string rfc3339(WallTime time);

}  // namespace readygate
