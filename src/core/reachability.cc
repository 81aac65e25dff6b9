#include "core/reachability.h"

namespace readygate::core {

void Reachability::primary(bool known, Instant now) {
  primary_ = known;
  update(now);
}

void Reachability::ping(bool answered, Instant now) {
  ping_failed_ = !answered;
  ever_ = ever_ || answered;
  update(now);
}

void Reachability::update(Instant now) {
  if (primary_ && !ping_failed_) {
    lost_since_.reset();
  } else if (!lost_since_) {
    lost_since_ = now;
  }
}

bool Reachability::reachable(Instant now) const {
  return ever_ && (!lost_since_ || now - *lost_since_ < unready_after_);
}

std::optional<Instant> Reachability::next_change(Instant now) const {
  if (!ever_ || !lost_since_) return std::nullopt;
  const Instant counts = *lost_since_ + unready_after_;
  return counts > now ? std::optional(counts) : std::nullopt;
}

}  // namespace readygate::core
