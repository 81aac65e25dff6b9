#include "core/retries.h"

#include <utility>

namespace readygate::core {
Retries::Retries(const RetrySettings& settings, Random& random)
    : settings_(settings), random_(random), backoff_(settings.backoff_initial, settings.backoff_max) {}

std::optional<Millis> Retries::pause_after(const Judgement& failure) {
  switch (failure.verdict) {
    case Verdict::kTransient:
    case Verdict::kReread:
    case Verdict::kOnceMore:
      if (failure.reason == Reason::kOverloaded) return overload_.next(random_, failure.base_backoff);
      overload_.reset();
      return backoff_.next(random_);
    case Verdict::kSlow:
    case Verdict::kAuthGrace:
    case Verdict::kPermanent: break;
  }
  backoff_.reset();
  overload_.reset();
  if (failure.verdict == Verdict::kPermanent && settings_.failed_retry <= Millis(0)) return std::nullopt;
  return jittered(random_, slow_pace(settings_.failed_retry));
}

bool Retries::news(const Judgement& failure) {
  const bool same = told_ && told_->verdict == failure.verdict && told_->reason == failure.reason &&
                    (failure.verdict != Verdict::kPermanent || told_->sentence == failure.sentence);
  told_ = failure;
  return !same;
}

void Retries::went_on() {
  backoff_.reset();
  overload_.reset();
  told_.reset();
}

}  // namespace readygate::core
