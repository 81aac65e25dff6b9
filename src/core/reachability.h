// Whether the database can be reached, with patience: a loss counts only once it is older than `unready_after`, because
// an election takes about twelve seconds and mends itself. A loss is the topology event that took the writable primary
// away, or a failed authenticated ping. A stable topology never ages.
#pragma once

#include <optional>

#include "base/clock.h"

namespace readygate::core {

class Reachability {
 public:
  explicit Reachability(Millis unready_after) : unready_after_(unready_after) {}

  void primary(bool known, Instant now);
  // An authenticated call came back: a ping, or a task of the initialization.
  void ping(bool answered, Instant now);

  // False until an authenticated call was answered once: a server that refuses us is not one that we reach.
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
  bool ping_failed_ = false;
  std::optional<Instant> lost_since_;
};

}  // namespace readygate::core
