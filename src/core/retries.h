// When work behind the open gate that failed is tried again, and what of it is said: a loss that passes after the usual
// backoff and with one line, what waiting cannot mend every init.failed_retry. Whoever is asked to try again by hand
// does not wait for either.
#pragma once

#include <optional>
#include <string>

#include "base/random.h"
#include "core/backoff.h"
#include "core/failure.h"

namespace readygate::core {

class Retries {
 public:
  // `random` outlives it.
  Retries(const RetrySettings& settings, Random& random);

  // None: not by itself.
  std::optional<Millis> pause_after(const Judgement& failure);
  // Whether it is news: the cause of a pause, and each sentence of what is permanent, are told once.
  bool news(const Judgement& failure);
  // It went further than before, so that the next failure is another one.
  void went_on();

 private:
  const RetrySettings settings_;
  Random& random_;
  Backoff backoff_;
  OverloadBackoff overload_;
  std::optional<Judgement> told_;
};

}  // namespace readygate::core
