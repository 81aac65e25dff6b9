// What became of a request that is not needed to be answered, only to arrive: for those who decide whether it is sent
// again.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace readygate::http {

struct Answer {
  int status = 0;                     // 0: none came
  std::optional<Millis> retry_after;  // as the server asked
  std::string why;                    // for the log, when it was no success
};

inline bool success(int status) { return status >= 200 && status < 300; }
// No answer, a busy server, or one that is in trouble itself: the same request may well succeed later.
inline bool transient(int status) { return status == 0 || status == 408 || status == 429 || status >= 500; }

}  // namespace readygate::http
