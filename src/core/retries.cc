#include "core/retries.h"

#include <utility>

namespace readygate::core {
namespace {

// Where init.failed_retry is "never": a kSlow failure may still mend by itself.
constexpr Millis kSlowRetry{30'000};

}  // namespace

Retries::Retries(const RetrySettings& settings, Random& random)
    : settings_(settings), random_(random), backoff_(settings.backoff_initial, settings.backoff_max) {}

std::optional<Millis> Retries::pause_after(const Judgement& failure) {
  switch (failure.verdict) {
    case Verdict::kTransient:
    case Verdict::kReread:
    case Verdict::kOnceMore: return backoff_.next(random_);
    case Verdict::kSlow:
    case Verdict::kAuthGrace:
    case Verdict::kPermanent: break;
  }
  backoff_.reset();
  if (settings_.failed_retry.count() > 0) return jittered(random_, settings_.failed_retry);
  if (failure.verdict == Verdict::kPermanent) return std::nullopt;
  return jittered(random_, kSlowRetry);
}

bool Retries::news(const Judgement& failure) {
  const bool same = told_ && told_->verdict == failure.verdict && told_->reason == failure.reason &&
                    (failure.verdict != Verdict::kPermanent || told_->sentence == failure.sentence);
  told_ = failure;
  return !same;
}

void Retries::went_on() {
  backoff_.reset();
  told_.reset();
}

}  // namespace readygate::core
