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

}  // namespace readygate::core
