#include "core/state.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace readygate::core {
namespace {

using enum State;

constexpr std::array<std::string_view, kStateCount> kNames = {"starting",  "connecting", "waiting", "initializing",
                                                              "verifying", "warming",    "ready",   "degraded",
                                                              "failed",    "draining"};

constexpr std::string_view kLost = "database lost";
constexpr std::string_view kCannotMend = "an error that waiting cannot mend, or init.timeout";
constexpr std::string_view kBackgroundTooLate = "init.timeout of `readygate apply --background`";
constexpr std::string_view kTerminated = "SIGTERM: final";

constexpr std::array kTransitions = {
    Transition{kStarting, kConnecting, "configuration valid, servers listening"},
    Transition{kConnecting, kWarming, "the ledger says: this schema is applied (the usual start)"},
    Transition{kConnecting, kWaiting, "change needed, lease held by another"},
    Transition{kConnecting, kInitializing, "change needed, lease won"},
    Transition{kConnecting, kVerifying, "the ledger says: applied, and only a look tells whether it is still so"},
    Transition{kWaiting, kInitializing, "lease won"},
    Transition{kWaiting, kVerifying, "the other one finished"},
    Transition{kWaiting, kWarming, "the other one finished, and the ledger says so"},
    Transition{kInitializing, kVerifying, "all steps done"},
    Transition{kVerifying, kWarming, "the catalog matches"},
    Transition{kVerifying, kInitializing, "drift found, lease won or still held"},
    Transition{kVerifying, kWaiting, "drift found, lease held by another"},
    Transition{kWaiting, kConnecting, kLost},
    Transition{kInitializing, kConnecting, kLost},
    Transition{kVerifying, kConnecting, kLost},
    Transition{kWarming, kConnecting, kLost},
    Transition{kWarming, kReady, "one warm connection"},
    Transition{kReady, kDegraded, "reachable lost"},
    Transition{kDegraded, kReady, "reachable regained"},
    Transition{kConnecting, kFailed, kCannotMend},
    Transition{kWaiting, kFailed, kCannotMend},
    Transition{kInitializing, kFailed, kCannotMend},
    Transition{kVerifying, kFailed, kCannotMend},
    Transition{kWarming, kFailed, kCannotMend},
    Transition{kReady, kFailed, kBackgroundTooLate},
    Transition{kDegraded, kFailed, kBackgroundTooLate},
    Transition{kFailed, kConnecting, "POST retry, SIGHUP, a changed secret, CA or schema file, or the slow retry"},
    Transition{kStarting, kDraining, kTerminated},
    Transition{kConnecting, kDraining, kTerminated},
    Transition{kWaiting, kDraining, kTerminated},
    Transition{kInitializing, kDraining, kTerminated},
    Transition{kVerifying, kDraining, kTerminated},
    Transition{kWarming, kDraining, kTerminated},
    Transition{kReady, kDraining, kTerminated},
    Transition{kDegraded, kDraining, kTerminated},
    Transition{kFailed, kDraining, kTerminated},
};

}  // namespace

std::string_view name(State state) { return kNames.at(static_cast<std::size_t>(state)); }

std::span<const Transition> transitions() { return kTransitions; }

bool allowed(State from, State to) {
  return std::any_of(kTransitions.begin(), kTransitions.end(),
                     [&](const Transition& t) { return t.from == from && t.to == to; });
}

}  // namespace readygate::core
