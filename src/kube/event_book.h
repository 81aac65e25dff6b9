// The Kubernetes Events of one pod, aggregated as client-go does it: the same event again raises the count of the one
// that is there, and a bucket of tokens keeps a flapping database from flooding the API server. Pure: time is passed
// in.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "kube/call.h"

namespace readygate::kube {

enum class EventType { kNormal, kWarning };

class EventBook {
 public:
  // `random` outlives the book.
  EventBook(Pod pod, Random& random);

  // It happened.
  void add(EventType type, std::string reason, std::string message, WallTime wall);

  // The next request that may be sent now, if there is one: a new Event, or the count of one that is there.
  std::optional<Call> next(Instant now);
  // What the API server said to it.
  void done(Instant now);  // it has it now
  void put_back();         // not now: the same again later
  void expired();          // an update of one that is not there any more: it is created anew
  void give_up();          // it refuses this one for good

  // When next() may have one. None: all is told.
  std::optional<Instant> next_tick() const;

 private:
  struct Event {
    EventType type;
    std::string reason;
    std::string message;
    std::string name;
    std::int64_t count;
    WallTime first;
    WallTime last;
    std::int64_t told = 0;  // the count that the API server has; 0: it has no such event
    Instant not_before{};   // for an update
  };

  Event* waiting();
  const Event* waiting() const;
  Instant allowed(const Event& event) const;
  Call create(Event& event);
  Call update(const Event& event) const;

  const Pod pod_;
  Random& random_;
  std::deque<Event> events_;
  Event* sent_ = nullptr;        // under way, into events_
  std::int64_t sent_count_ = 0;  // what done() makes of it
  Instant bucket_since_{};       // a token is there for every kRefill since then, at most kBurst
};

}  // namespace readygate::kube
