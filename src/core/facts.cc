#include "core/facts.h"

#include <array>
#include <utility>

namespace readygate::core {
namespace {

constexpr std::array kFacts = {std::pair{Fact::kOpen, std::string_view("open")},
                               std::pair{Fact::kReady, std::string_view("ready")},
                               std::pair{Fact::kInitialized, std::string_view("initialized")},
                               std::pair{Fact::kHealthy, std::string_view("healthy")}};

bool still_starting(State state) {
  switch (state) {
    case State::kStarting:
    case State::kConnecting:
    case State::kWaiting:
    case State::kInitializing:
    case State::kVerifying:
    case State::kWarming: return true;
    case State::kReady:
    case State::kDegraded:
    case State::kFailed:
    case State::kDraining: return false;
  }
  return false;
}

}  // namespace

Facts derive(const Latches& latches, ReadyPolicy policy) {
  Facts facts;
  facts.initialized = latches.initialized;
  facts.reachable = latches.reachable;
  facts.open = latches.initialized && latches.state != State::kDraining && !latches.closed_for_drain &&
               (policy == ReadyPolicy::kLatched || latches.reachable);
  facts.ready = facts.open && latches.checks_pass;
  // Not initializing and not connected is the only way to be unhealthy. A restart in the middle of an index build, or
  // while an election goes on, would mend nothing.
  facts.healthy = still_starting(latches.state) || latches.reachable;
  facts.live = true;
  return facts;
}

std::optional<Fact> fact_from(std::string_view name) {
  for (const auto& [fact, fact_name] : kFacts) {
    if (name == fact_name) return fact;
  }
  return std::nullopt;
}

std::string_view name(Fact fact) {
  for (const auto& [known, fact_name] : kFacts) {
    if (known == fact) return fact_name;
  }
  return "open";
}

bool holds(const Facts& facts, Fact fact) {
  switch (fact) {
    case Fact::kOpen: return facts.open;
    case Fact::kReady: return facts.ready;
    case Fact::kInitialized: return facts.initialized;
    case Fact::kHealthy: return facts.healthy;
  }
  return false;
}

}  // namespace readygate::core
