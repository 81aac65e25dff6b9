// One history of some replicas and one database, made from a seed: faults for some minutes, then calm, and what must
// hold all the while and at the end.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace readygate::sim {

struct Violation {
  std::string what;
  std::int64_t at_ms = 0;
};

// None: every invariant held. `trace` is called with one line for everything that happens, if it is given.
std::optional<Violation> simulate(std::uint64_t seed, const std::function<void(const std::string&)>& trace);

}  // namespace readygate::sim
