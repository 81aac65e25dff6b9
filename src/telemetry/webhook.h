// The messages of the webhook: one for each change of the gate's state.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "core/snapshot.h"

namespace readygate::telemetry {

class StateChanges {
 public:
  // `random` outlives it: each message has an id, by which a receiver knows one that came twice.
  explicit StateChanges(Random& random) : random_(random) {}

  // After each change of the gate: the JSON body, when its state is another one than at the last call. It names no
  // host.
  std::optional<std::string> observe(const core::Snapshot& snapshot);

 private:
  Random& random_;
  core::State last_ = core::State::kStarting;
};

}  // namespace readygate::telemetry
