// Watches index builds that run under our lease: how far the server says that they are, and whether one stands still.
// Pure: it asks through Commands, answers come back through on(), the time is an argument.
//
// Slow is not stalled. A build counts as stalled only when its progress was read once and then stood still for the
// whole of the limit, on two readings so far apart. Progress that cannot be read says nothing, and neither does a build
// that is done on the primary and waits for other members.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core/commands.h"
#include "core/work.h"

namespace readygate::core {

class BuildWatch {
 public:
  // `stall_timeout`: 0 is no limit.
  explicit BuildWatch(Millis stall_timeout) : stall_timeout_(stall_timeout) {}

  // After every event. `building`: the collections that have a build of ours in flight; none ends the watch. Short
  // builds are never asked for.
  void follow(Commands& commands, std::int64_t token, const std::vector<std::string>& building, Instant now);
  // True when the task was ours.
  bool on(Commands& commands, TaskId id, const Outcome& outcome, Instant now);
  std::optional<Instant> next_tick() const { return task_ ? std::nullopt : ask_at_; }

  // Forgets what was seen; an answer under way means nothing any more.
  void clear();

  // The build that is least far, if any is known.
  std::optional<BuildProgress> slowest() const;
  // Set once it stood still for too long.
  const std::optional<BuildProgress>& stalled() const { return stalled_; }

 private:
  struct Seen {
    BuildProgress progress;
    Instant since;  // receipt of the reading that first showed it
  };
  void read(Commands& commands, const std::vector<BuildProgress>& builds, Instant now);

  Millis stall_timeout_;
  std::vector<std::string> building_;
  std::map<std::string, Seen> seen_;  // by collection
  std::optional<TaskId> task_;
  std::optional<Instant> ask_at_;
  std::optional<BuildProgress> stalled_;
  int unread_ = 0;  // readings in a row that showed nothing
  bool said_ = false;
};

// 0 to 99: a build is done when the server says so, and not before.
std::optional<int> percent(const BuildProgress& progress);

}  // namespace readygate::core
