// Whether the database can be reached, with patience: a loss counts only once it is older than `unready_after`, because
// an election takes about twelve seconds and mends itself. A loss is the topology event that took the writable primary
// away, or silence where an answer was due. A stable topology never ages.
//
// Any answer is proof of life, also one that refuses what was asked: a server that is overloaded, or that says it is no
// primary, has answered. Whether there is a primary, the topology tells and no answer does.
#pragma once

#include <optional>

#include "base/clock.h"
#include "core/work.h"

namespace readygate::core {

// What came of an authenticated call: a ping, or another task.
enum class Heard {
  kAnswer,   // done, or refused with an error
  kRefusal,  // the server answers, and refuses us altogether
  kSilence,  // no connection, a broken one, or no answer in time
};
Heard heard_in(const Outcome& outcome);

class Reachability {
 public:
  explicit Reachability(Millis unready_after) : unready_after_(unready_after) {}

  void primary(bool known, Instant now);
  void heard(Heard heard, Instant now);

  // False until an authenticated call was answered once: a server that has only refused us is not one that we reach.
  bool reachable(Instant now) const;
  bool lost() const { return lost_since_.has_value(); }
  bool primary_known() const { return primary_; }
  // When a loss that is still young becomes one that counts.
  std::optional<Instant> next_change(Instant now) const;

 private:
  void update(Instant now);

  Millis unready_after_;
  bool ever_ = false;
  bool primary_ = false;
  bool silent_ = false;
  std::optional<Instant> lost_since_;
};

}  // namespace readygate::core
