// The messages of the webhook: one for each change of the gate's state, and one for each change of what looks after the
// open gate's database: a background migration or a repair that fails for good, and its end.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "core/snapshot.h"

namespace readygate::telemetry {

class StateChanges {
 public:
  // `random` outlives it: each message has an id, by which a receiver knows one that came twice.
  explicit StateChanges(Random& random) : random_(random) {}

  // After each change of the gate: the JSON bodies, in order. Of a state, which names no host, when it is another one
  // than at the last call; of a check of the auditor, with its sentence, when that fails for another reason, or passes.
  std::vector<std::string> observe(const core::Snapshot& snapshot, WallTime wall);

 private:
  std::string of_check(const core::Snapshot& snapshot, std::string_view check, const core::Check* failing,
                       WallTime wall);

  Random& random_;
  core::State last_ = core::State::kStarting;
  std::array<Reason, 2> told_{};  // of the checks, in the order of kChecks
};

}  // namespace readygate::telemetry
