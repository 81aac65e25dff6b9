#include "core/backoff.h"

#include <algorithm>

namespace readygate::core {
namespace {

constexpr Millis kBase{100};  // of an overloaded server that names none

}  // namespace

Millis Backoff::next(Random& random) {
  const Millis bound = std::min(bound_, max_);
  bound_ = std::min(bound * 2, max_);
  return random_up_to(random, bound);
}

Millis OverloadBackoff::next(Random& random, Millis named) {
  Millis bound = std::min(named > Millis(0) ? named : kBase, kMax);
  ++attempt_;
  for (int i = 0; i < attempt_ && bound < kMax; ++i) bound = std::min(bound * 2, kMax);
  return random_up_to(random, bound);
}

}  // namespace readygate::core
