// The six facts that everyone outside asks for, derived from the state and a few latches, here and nowhere else.
#pragma once

#include <optional>
#include <string_view>

#include "core/state.h"

namespace readygate::core {

enum class ReadyPolicy { kLive, kLatched };  // gate.ready_policy

struct Facts {
  bool initialized = false;  // the schema is there and one connection is warm; latched
  bool reachable = false;    // no loss of the primary, or one younger than gate.unready_after
  bool open = false;         // what applications wait for
  bool ready = false;        // open, and every [[check]] passes
  bool healthy = false;      // false only when truly unhealthy: not initializing, and not reachable
  bool live = true;          // the loop turns
  bool operator==(const Facts&) const = default;
};

struct Latches {
  State state = State::kStarting;
  bool initialized = false;
  bool reachable = false;
  bool closed_for_drain = false;  // POST /v1/drain: not open until it ends
  bool checks_pass = true;
};

Facts derive(const Latches& latches, ReadyPolicy policy);

// What a client may wait for.
enum class Fact { kOpen, kReady, kInitialized, kHealthy };
std::optional<Fact> fact_from(std::string_view name);
std::string_view name(Fact fact);
bool holds(const Facts& facts, Fact fact);

}  // namespace readygate::core
