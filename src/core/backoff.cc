#include "core/backoff.h"

#include <algorithm>

namespace readygate::core {

Millis Backoff::next(Random& random) {
  const Millis bound = std::min(bound_, max_);
  bound_ = std::min(bound * 2, max_);
  return random_up_to(random, bound);
}

}  // namespace readygate::core
