#include "core/build_watch.h"

#include <algorithm>

#include "core/backoff.h"

namespace readygate::core {
namespace {

constexpr Millis kAskEvery{2'000};
constexpr Millis kAskWhenOverloaded = OverloadBackoff::kMax;
// A build may end between its answer and the reading; so many readings in a row are no accident.
constexpr int kUnreadable = 3;

double fraction(const BuildProgress& progress) {
  return progress.total > 0 ? static_cast<double>(progress.done) / static_cast<double>(progress.total) : 0;
}

}  // namespace

void BuildWatch::follow(Commands& commands, std::int64_t token, const std::vector<std::string>& building, Instant now) {
  building_ = building;
  if (building_.empty()) {
    clear();
    return;
  }
  if (!ask_at_) ask_at_ = now + kAskEvery;
  if (task_ || now < *ask_at_) return;
  task_ = commands.start(ReadProgress{token});
}

void BuildWatch::clear() {
  building_.clear();
  seen_.clear();
  task_.reset();
  ask_at_.reset();
  stalled_.reset();
  unread_ = 0;
}

bool BuildWatch::on(Commands& commands, TaskId id, const Outcome& outcome, Instant now) {
  if (task_ != id) return false;
  task_.reset();
  ask_at_ = now + kAskEvery;
  if (!outcome && overloaded(outcome.error())) {  // it would tell us, had it the time
    ask_at_ = now + kAskWhenOverloaded;
    return true;
  }
  const auto* answer = outcome ? std::get_if<ProgressRead>(&*outcome) : nullptr;
  read(commands, answer != nullptr ? answer->builds : std::vector<BuildProgress>(), now);
  return true;
}

void BuildWatch::read(Commands& commands, const std::vector<BuildProgress>& builds, Instant now) {
  std::map<std::string, Seen> seen;
  for (const BuildProgress& build : builds) {
    if (std::find(building_.begin(), building_.end(), build.collection) == building_.end()) continue;
    const auto before = seen_.find(build.collection);
    const bool moved = before == seen_.end() || before->second.progress != build;
    const Seen now_seen{build, moved ? now : before->second.since};
    if (stall_timeout_.count() > 0 && !build.waits_for_members && now - now_seen.since >= stall_timeout_) {
      stalled_ = build;
    }
    seen.emplace(build.collection, now_seen);
  }
  seen_ = std::move(seen);
  unread_ = seen_.empty() ? unread_ + 1 : 0;
  if (unread_ < kUnreadable || said_) return;
  said_ = true;
  commands.say(LogLevel::kWarn,
               "The server does not tell how far index builds are: one that stands still will not be noticed. MongoDB "
               "tells those who hold the privilege inprog.");
}

std::optional<BuildProgress> BuildWatch::slowest() const {
  const auto least = std::min_element(seen_.begin(), seen_.end(), [](const auto& a, const auto& b) {
    return fraction(a.second.progress) < fraction(b.second.progress);
  });
  return least == seen_.end() ? std::nullopt : std::optional(least->second.progress);
}

std::optional<int> percent(const BuildProgress& progress) {
  if (progress.total <= 0) return std::nullopt;
  return std::clamp(static_cast<int>(fraction(progress) * 100), 0, 99);
}

}  // namespace readygate::core
