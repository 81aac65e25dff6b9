#include "base/random.h"

#include <cstdlib>

#include <fmt/format.h>
#include <sys/random.h>

namespace readygate {

std::uint64_t SystemRandom::next() {
  std::uint64_t bits = 0;
  // Up to 256 bytes are never short once the kernel's pool is ready; without randomness identities would collide.
  if (getrandom(&bits, sizeof bits, 0) != static_cast<ssize_t>(sizeof bits)) std::abort();
  return bits;
}

std::string random_id(Random& random) {
  const std::uint64_t high = random.next();
  return fmt::format("{:016x}{:016x}", high, random.next());
}

Millis random_up_to(Random& random, Millis limit) {
  if (limit.count() <= 0) return Millis(0);
  // The modulo's bias is far below anything that a delay of milliseconds could show.
  return Millis(static_cast<Millis::rep>(random.next() % (static_cast<std::uint64_t>(limit.count()) + 1)));
}

Millis jittered(Random& random, Millis around) { return around - around / 5 + random_up_to(random, around / 5 * 2); }

}  // namespace readygate
