// What the parts of the server have in common: the newest snapshot, its pre-rendered answers, counters, limits. Owned
// by Server, touched on the loop thread only.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "core/snapshot.h"
#include "server/loop.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "server/server_limits.h"
#include "server/wait_answer.h"

namespace readygate::server {

// The answer of each probe route, rendered once per snapshot: a probe is a parse and one send.
class ProbeAnswers {
 public:
  struct One {
    int status = 0;
    std::array<std::string, 4> bytes;  // by ending and part
  };
  void rebuild(const core::Published& now) {
    for (std::size_t i = 0; i < made_.size(); ++i) {
      const Response response = answer_probe(static_cast<RouteId>(i), {}, now);
      made_[i].status = response.status;
      for (const Ending ending : {Ending::kKeepAlive, Ending::kClose}) {
        for (const Part part : {Part::kWhole, Part::kHeadOnly}) {
          made_[i].bytes[index(ending, part)] = render(response, ending, part);
        }
      }
    }
  }
  int status(RouteId id) const { return made_[static_cast<std::size_t>(id)].status; }
  std::string_view bytes(RouteId id, Ending ending, Part part) const {
    return made_[static_cast<std::size_t>(id)].bytes[index(ending, part)];
  }

 private:
  static std::size_t index(Ending ending, Part part) {
    return (ending == Ending::kClose ? 2U : 0U) + (part == Part::kHeadOnly ? 1U : 0U);
  }
  std::array<One, 4> made_;  // by RouteId: the probes come first
};

struct Shared {
  Shared(Loop& loop_in, const Limits& limits_in) : loop(loop_in), limits(limits_in) {}

  Loop& loop;
  const Limits limits;
  std::shared_ptr<const core::Published> now = std::make_shared<core::Published>();
  ProbeAnswers probes;
  WaitAnswers waits;
  Counters counters;
};

}  // namespace readygate::server
