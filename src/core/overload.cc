#include "core/overload.h"

#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "core/backoff.h"

namespace readygate::core {

void Overload::heard(Commands& commands, const Outcome& outcome, LogLevel level, Instant now) {
  if (outcome) {
    if (!refused_at_ || now - *refused_at_ < OverloadBackoff::kMax) return;
    refused_at_.reset();
    commands.say(LogLevel::kInfo, "The server is not overloaded any more");
    return;
  }
  const Failure& failure = outcome.error();
  if (!overloaded(failure)) return;
  ++refusals_;
  if (!std::exchange(refused_at_, now)) {
    commands.say(level, fmt::format("The server is overloaded and refuses work: {}", failure.message),
                 Reason::kOverloaded);
  }
  if (failure.base_backoff > Millis(0) && std::exchange(said_base_, failure.base_backoff) != failure.base_backoff) {
    commands.say(LogLevel::kInfo,
                 fmt::format("The overloaded server names the pause to begin with: {}, which doubles with each attempt",
                             format_duration(failure.base_backoff)));
  }
}

}  // namespace readygate::core
