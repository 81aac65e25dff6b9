// Randomness is passed in, like time: jitter and identities come from here, and a test has its own, with a seed.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"

namespace readygate {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;  // 64 uniform bits
};

// getrandom(2). Safe from any thread.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// 128 bits as 32 hex digits: an instance id, a revision.
std::string random_id(Random& random);

// Uniform in [0, limit].
Millis random_up_to(Random& random, Millis limit);

// Uniform within a fifth of `around`, so that replicas that started together do not stay together.
Millis jittered(Random& random, Millis around);

}  // namespace readygate
