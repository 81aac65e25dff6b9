// What the core wants done, collected while it handles an event and carried out by the loop afterwards, in order.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "core/state.h"
#include "core/work.h"

namespace readygate::core {

struct StartTask {
  TaskId id;
  Work work;
};
struct FreshPool {};  // from here on, connections are new ones, made from the URI as it is now
struct Say {
  LogLevel level;
  std::string message;
  std::string fields;  // more members of the line's JSON object, or ""
  State state;         // when it was said, which may be some transitions ago when the line is written
  std::int64_t attempt;
};
struct AskCheck {     // on a worker -> Gate::checked
  std::size_t index;  // of the configuration's [[check]]s
};
struct Quit {};  // everything is said and answered: end the process

using Command = std::variant<StartTask, FreshPool, Say, AskCheck, Quit>;

class Commands {
 public:
  TaskId start(Work work) {
    list_.emplace_back(StartTask{++last_id_, std::move(work)});
    return last_id_;
  }
  void fresh_pool() { list_.emplace_back(FreshPool{}); }
  void say(LogLevel level, std::string message, std::string fields = {}) {
    list_.emplace_back(Say{level, std::move(message), std::move(fields), state_, attempt_});
  }
  // With the member "code", and "origin" where the database has to do with it.
  void say(LogLevel level, std::string message, Reason code) {
    say(level, std::move(message), code, readygate::origin(code));
  }
  void say(LogLevel level, std::string message, Reason code, Origin origin) {
    std::string fields = "\"code\":" + json_quote(readygate::name(code));
    if (origin != Origin::kNone) fields += ",\"origin\":" + json_quote(readygate::name(origin));
    say(level, std::move(message), std::move(fields));
  }
  // What the lines from here on say of the gate.
  void stamp(State state, std::int64_t attempt) {
    state_ = state;
    attempt_ = attempt;
  }
  void ask(std::size_t check) { list_.emplace_back(AskCheck{check}); }
  void quit() { list_.emplace_back(Quit{}); }
  std::vector<Command> take() { return std::exchange(list_, {}); }

 private:
  TaskId last_id_ = 0;
  State state_ = State::kStarting;
  std::int64_t attempt_ = 0;
  std::vector<Command> list_;
};

}  // namespace readygate::core
