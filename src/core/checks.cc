#include "core/checks.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/duration.h"
#include "base/json.h"
#include "base/printable.h"

namespace readygate::core {
namespace {

// Until it has passed for the first time, a check is asked at least this often: an application that has just begun to
// listen should not wait for a long period.
constexpr Millis kFirstPace{1'000};
// A worker ends by itself at the timeout. One that does not (a file system that hangs) is given so much longer.
constexpr Millis kGrace{1'000};
// Of a failure's words: the snapshot holds those of every check, and a page of memory holds the snapshot.
constexpr std::size_t kMostWords = 200;

}  // namespace

Checks::Checks(std::vector<CheckSpec> specs) {
  for (CheckSpec& spec : specs) {
    checks_.emplace_back();
    checks_.back().spec = std::move(spec);
  }
}

void Checks::start(Instant now) {
  if (std::exchange(started_, true)) return;
  for (Asked& check : checks_) {
    if (!check.running) check.due = now;
  }
}

void Checks::tick(Commands& commands, Instant now) {
  if (!started_) return;
  for (std::size_t i = 0; i < checks_.size(); ++i) {
    Asked& check = checks_[i];
    if (now < check.due) continue;
    if (check.running) {
      // It is not asked a second time: workers that hang must not become more and more.
      count(commands, check, tl::unexpected(fmt::format("no answer within {}", format_duration(check.spec.timeout))));
      check.due = now + check.spec.period;
    } else {
      check.running = true;
      check.asked_at = now;
      check.due = now + check.spec.timeout + kGrace;
      commands.ask(i);
    }
  }
}

void Checks::finished(Commands& commands, std::size_t index, const CheckOutcome& outcome, Instant now) {
  if (index >= checks_.size()) return;
  Asked& check = checks_[index];
  if (!std::exchange(check.running, false)) return;
  count(commands, check, outcome);
  const Millis pace = check.passed_once ? check.spec.period : std::min(check.spec.period, kFirstPace);
  check.due = std::max<Instant>(check.asked_at + pace, now);
}

void Checks::count(Commands& commands, Asked& check, const CheckOutcome& outcome) {
  const std::string field = fmt::format("\"check\":{}", json_quote(check.spec.name));
  if (outcome) {
    check.failures = 0;
    ++check.successes;
    if (check.passes) return;
    if (check.successes < check.spec.success_threshold) {
      check.why = fmt::format("passed {} of {} times in a row", check.successes, check.spec.success_threshold);
      return;
    }
    check.why.clear();
    check.passes = check.passed_once = true;
    check.reason = Reason::kNone;
    commands.say(LogLevel::kInfo, fmt::format("Check \"{}\" passes", check.spec.name), field);
    return;
  }
  check.successes = 0;
  ++check.failures;
  if (!check.passes || check.failures >= check.spec.failure_threshold)
    check.why = shortened(outcome.error(), kMostWords);
  if (check.failures < check.spec.failure_threshold || check.reason == Reason::kCheckFailed) return;
  check.passes = false;
  check.reason = Reason::kCheckFailed;
  commands.say(check.passed_once ? LogLevel::kWarn : LogLevel::kInfo,
               fmt::format("Check \"{}\" does not pass{}: {}", check.spec.name, check.passed_once ? "" : " yet",
                           outcome.error()),
               field);
}

std::optional<Instant> Checks::next_tick() const {
  std::optional<Instant> next;
  if (!started_) return next;
  for (const Asked& check : checks_) next = earlier(next, check.due);
  return next;
}

bool Checks::all_pass() const {
  return std::all_of(checks_.begin(), checks_.end(), [](const Asked& check) { return check.passes; });
}

void Checks::list(std::vector<Check>& to) const {
  for (const Asked& check : checks_) to.push_back({check.spec.name, check.passes, check.reason, check.why});
}

}  // namespace readygate::core
