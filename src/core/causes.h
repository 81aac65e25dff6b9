// What is wrong at this moment. Each thing is held by the kind of event that brought it and is gone with what ends
// that: a failed attempt with the next one's first answer, everything about an attempt with the state that it led to, a
// loss with the return. So nobody has to remember to take a reason back, and none outlives what it speaks of.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "core/failure.h"

namespace readygate::core {

// One thing to tell of: the code for programs, and a sentence for people, which may name hosts.
struct Why {
  Reason code = Reason::kNone;
  std::string sentence;
  Origin origin = readygate::origin(code);  // a seed or migration may be refused for the sake of either
  bool operator==(const Why&) const = default;
};

Why why_of(const Judgement& judgement);

class Causes {
 public:
  // The gate is in another state. What an attempt failed of belongs to the state that it led to.
  void entered() { failure_.reset(); }
  // An initialization begins anew.
  void begun() { last_failure_.reset(); }
  // An attempt ended, to be repeated, or all of them have. After entered(), if the state changes with it.
  void failed(Why why) { failure_ = last_failure_ = std::move(why); }
  // The database answered the attempt that runs.
  void answered() { failure_.reset(); }
  // The monitors know of a primary (nullopt), or why they know of none.
  void primary(std::optional<Why> why_none);
  // A ping was answered (nullopt), or why it was not, or not as it should be.
  void ping(std::optional<Why> why_not);

  // What keeps the gate closed until the next attempt, or for good.
  const std::optional<Why>& failure() const { return failure_; }
  // What the database is known to suffer from, whatever is being done: the newest of it.
  const std::optional<Why>& trouble() const { return newest_is_ping_ && no_answer_ ? no_answer_ : older(); }
  // The last failure of this initialization, which may be long over: for what tells its history.
  const std::optional<Why>& last_failure() const { return last_failure_; }

 private:
  const std::optional<Why>& older() const { return no_primary_ ? no_primary_ : no_answer_; }

  std::optional<Why> failure_;
  std::optional<Why> last_failure_;
  std::optional<Why> no_primary_;
  std::optional<Why> no_answer_;
  bool newest_is_ping_ = false;
};

}  // namespace readygate::core
