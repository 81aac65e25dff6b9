// Messages that are to arrive in order, each sent again until it has, or until it is too old: pure, time is passed in.
// It is bounded: when nobody takes them, the oldest go. What it carries matters to others, and never to the gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "core/backoff.h"
#include "http/answer.h"

namespace readygate::telemetry {

class Outbox {
 public:
  struct Word {
    LogLevel level;
    std::string message;
  };

  // `name` of the receiver, for the log. A message that has not arrived for `give_up_after` is given up. `random`
  // outlives the outbox.
  Outbox(std::string name, Millis give_up_after, Random& random);

  void add(std::string body, Instant now);
  // The body to send, if one is due; the one before has been answered by then.
  std::optional<std::string> next(Instant now);
  void answered(const http::Answer& answer, Instant now);
  // When next() may have one. None: nothing is left, or an answer is awaited.
  std::optional<Instant> next_tick() const;
  // For the log, since the last time.
  std::vector<Word> take_words() { return std::exchange(words_, {}); }

 private:
  struct Message {
    std::string body;
    Instant added;
  };

  void give_up(const std::string& why);

  const std::string name_;
  const Millis give_up_after_;
  Random& random_;
  core::Backoff backoff_;
  std::deque<Message> messages_;
  bool sent_ = false;  // the first is under way
  bool complained_ = false;
  Instant not_before_{};
  std::vector<Word> words_;
};

}  // namespace readygate::telemetry
