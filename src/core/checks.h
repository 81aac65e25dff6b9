// The [[check]]s of the configuration: conditions that join `ready` beside the gate's own, and never `open`, because
// they ask the application, which waits for `open`. Each is asked on a worker; here is when, and what its answers mean.
//
// They are asked from the moment the gate has opened, since before that no application runs. None passes before it was
// asked: a check that is not known to pass keeps the pod from being ready.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/clock.h"
#include "core/commands.h"
#include "core/snapshot.h"

namespace readygate::core {

struct CheckSpec {
  std::string name;
  Millis period{5'000};       // from one question to the next
  Millis timeout{1'000};      // of one answer
  int success_threshold = 1;  // so many successes in a row, and it passes
  int failure_threshold = 3;  // so many failures in a row, and it does not pass any more
};

// Why it failed, for people; may name hosts.
using CheckOutcome = tl::expected<void, std::string>;

class Checks {
 public:
  explicit Checks(std::vector<CheckSpec> specs);

  void start(Instant now);  // asks from now on; again: nothing
  void tick(Commands& commands, Instant now);
  // The answer to AskCheck.
  void finished(Commands& commands, std::size_t index, const CheckOutcome& outcome, Instant now);
  std::optional<Instant> next_tick() const;

  bool all_pass() const;
  void list(std::vector<Check>& to) const;  // adds a line for each

 private:
  struct Asked {
    CheckSpec spec;
    bool running = false;  // a worker has it
    bool passes = false;
    bool passed_once = false;
    Reason reason = Reason::kCheckPending;  // while it does not pass
    std::string why;                        // of the last answer, while it does not pass
    int successes = 0;                      // in a row
    int failures = 0;                       // in a row
    Instant asked_at{};
    Instant due{};  // the next question; while one runs, when its silence counts as a failure
  };

  static void count(Commands& commands, Asked& check, const CheckOutcome& outcome);

  std::vector<Asked> checks_;
  bool started_ = false;
};

}  // namespace readygate::core
