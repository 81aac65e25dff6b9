// What the Kubernetes API server is told of this pod, and when: the condition readygate.io/SchemaReady, and Events.
//
// Pure: it sees each snapshot of the gate, gives the next request, and hears what became of it; time is passed in.
// It only listens to the gate. A server that is away, slow or refuses us changes nothing there: what is to be told
// waits here, the condition as it then is, the Events in a bounded book.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "core/backoff.h"
#include "core/gate.h"
#include "core/snapshot.h"
#include "kube/call.h"
#include "kube/event_book.h"

namespace readygate::kube {

inline constexpr std::string_view kConditionType = "readygate.io/SchemaReady";

struct ReporterSettings {
  bool condition = false;
  bool events = false;
  Pod pod;
};

class Reporter {
 public:
  struct Word {
    LogLevel level;
    std::string message;
  };

  // `random` outlives it.
  Reporter(ReporterSettings settings, Random& random, WallTime now);

  // After each change of the gate.
  void observe(const core::Snapshot& snapshot, core::Now now);
  // The next request, if one is due; the one before has been answered by then.
  std::optional<Call> next(core::Now now);
  void answered(const Answer& answer, core::Now now);
  // When next() may have one. None: nothing is left to tell, or an answer is awaited.
  std::optional<Instant> next_tick() const;
  // For the log, since the last time.
  std::vector<Word> take_words() { return std::exchange(words_, {}); }

 private:
  struct Condition {
    bool status = false;
    std::string reason;  // of Kubernetes: CamelCase
    std::string message;
    bool operator==(const Condition&) const = default;
  };
  enum class Sent { kNothing, kCondition, kEvent };

  void observe_events(const core::Snapshot& snapshot, WallTime wall);
  // `told`: why the check failed when it was looked at last.
  void observe_check(const core::Snapshot& snapshot, std::string_view check, const char* event, Reason& told,
                     WallTime wall);
  Call patch();
  void condition_answered(const Answer& answer, Instant now);
  void event_answered(const Answer& answer, Instant now);
  std::optional<Instant> condition_due() const;
  void complain(const char* what, const Answer& answer);

  const ReporterSettings settings_;
  Random& random_;
  EventBook book_;
  core::Backoff backoff_;
  std::vector<Word> words_;

  Condition wanted_;
  std::optional<Condition> told_;  // as the server has it
  Condition sent_condition_;
  Instant condition_not_before_{};  // refused, or in conflict
  Instant reason_not_before_{};     // for a change of the reason alone
  WallTime changed_{};              // the condition's status

  Sent sent_ = Sent::kNothing;
  bool patching_event_ = false;
  int last_complaint_ = -1;  // the status that was complained of last; -1: none since a success
  bool token_doubted_ = false;
  Instant not_before_{};  // the server is away, or asks for patience

  core::State state_ = core::State::kStarting;
  bool initialized_ = false;
  bool trouble_ = false;  // failed or lost, and not recovered since
  std::int32_t withheld_ = 0;
  Reason migrations_ = Reason::kNone;
  Reason drift_ = Reason::kNone;
};

}  // namespace readygate::kube
