// Whether the server is overloaded, from all that it answers: for the phase, the log and the metrics. It closes nothing
// and fails nothing. Who was refused asks again after a pause (core/backoff.h).
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "core/commands.h"

namespace readygate::core {

class Overload {
 public:
  // Of every task, whoever asked. `level`: of the line that says that it begins.
  void heard(Commands& commands, const Outcome& outcome, LogLevel level, Instant now);

  // It began with a refusal, and ends with the first success that comes later than the longest pause after the last
  // one: a server that refuses every second command is overloaded all the while.
  bool lasts() const { return refused_at_.has_value(); }
  std::uint64_t refusals() const { return refusals_; }

 private:
  std::uint64_t refusals_ = 0;
  std::optional<Instant> refused_at_;  // the last time, while it lasts
  Millis said_base_{0};                // the pause that the log has named
};

}  // namespace readygate::core
