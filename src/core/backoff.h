// Capped exponential backoff with full jitter: each delay is uniform between zero and a bound that doubles. Full jitter
// spreads replicas that lost the same database at the same moment.
#pragma once

#include "base/clock.h"
#include "base/random.h"

namespace readygate::core {

struct RetrySettings {
  Millis backoff_initial{100};
  Millis backoff_max{5'000};
  Millis failed_retry{60'000};  // what waiting cannot mend; 0: never by itself
};

// Of what rarely mends by itself, and may: init.failed_retry, and a pace of its own where that is "never".
inline Millis slow_pace(Millis failed_retry) { return failed_retry > Millis(0) ? failed_retry : Millis(30'000); }

class Backoff {
 public:
  Backoff(Millis initial, Millis max) : initial_(initial), max_(max), bound_(initial) {}

  Millis next(Random& random);
  void reset() { bound_ = initial_; }

 private:
  Millis initial_;
  Millis max_;
  Millis bound_;  // of the next delay
};

// The pauses of who asks an overloaded server again. The first is up to twice the base, which the server may name; each
// bound is twice the one before.
// https://github.com/mongodb/specifications, source/client-backpressure, "Overload retry policy"
class OverloadBackoff {
 public:
  static constexpr Millis kMax{10'000};

  // `named`: baseBackoffMS of the server's answer; 0: it named none.
  Millis next(Random& random, Millis named);
  void reset() { attempt_ = 0; }

 private:
  int attempt_ = 0;
};

}  // namespace readygate::core
