// Capped exponential backoff with full jitter: each delay is uniform between zero and a bound that doubles. Full jitter
// spreads replicas that lost the same database at the same moment.
#pragma once

#include "base/clock.h"
#include "base/random.h"

namespace readygate::core {

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
