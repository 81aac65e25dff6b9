#include "core/reachability.h"

namespace readygate::core {

Heard heard_in(const Outcome& outcome) {
  if (outcome) return Heard::kAnswer;
  const Failure& failure = outcome.error();
  if (failure.domain == Domain::kAuth) return Heard::kRefusal;
  if (failure.domain == Domain::kDamaged) return Heard::kAnswer;
  if (failure.domain != Domain::kServer) return Heard::kSilence;
  return judge(failure).reason == Reason::kAuth ? Heard::kRefusal : Heard::kAnswer;
}

void Reachability::primary(bool known, Instant now) {
  primary_ = known;
  update(now);
}

void Reachability::heard(Heard heard, Instant now) {
  ever_ = ever_ || heard == Heard::kAnswer;
  silent_ = heard == Heard::kSilence || !ever_;
  update(now);
}

void Reachability::update(Instant now) {
  if (primary_ && !silent_) {
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
