// The states of the gate and the one table of ways between them. The machine, its tests and docs/architecture.md share
// it; a way that is not in it is a bug that a test catches.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace readygate::core {

enum class State : std::uint8_t {
  kStarting,
  kConnecting,
  kWaiting,  // another replica initializes: never entered by one that is alone
  kInitializing,
  kVerifying,
  kWarming,
  kReady,
  kDegraded,
  kFailed,
  kDraining,
};
inline constexpr int kStateCount = 10;
std::string_view name(State state);

// What came of being asked to try again.
enum class Retried : std::uint8_t {
  kNothing,   // there is nothing to try: the gate has opened and nothing behind it failed, or the process ends
  kUnderWay,  // an attempt begins, or one that ran already goes on
};

struct Transition {
  State from;
  State to;
  std::string_view on;  // what makes it happen, for people
};
std::span<const Transition> transitions();
bool allowed(State from, State to);

}  // namespace readygate::core
