// The line dialect of the Unix socket: one line asks, made for five lines of any language. Also a pure function of
// bytes. Grammar (one space between words, LF at the end, nothing else):
//
//   STATUS | WATCH | WAIT FACT [TIMEOUT] [fail-fast]
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "core/facts.h"

namespace readygate::server {

inline constexpr std::size_t kLongestLine = 256;  // bytes, with LF
inline constexpr Millis kLongestWait = std::chrono::hours(24 * 7);

struct WaitRequest {
  core::Fact fact = core::Fact::kOpen;
  std::optional<Millis> timeout;  // none: for ever
  bool fail_fast = false;         // `failed` ends it too
};

struct LineParse {
  enum class Outcome { kNeedMore, kStatus, kWait, kWatch, kRefused };
  Outcome outcome = Outcome::kNeedMore;
  WaitRequest wait;      // kWait
  std::string_view why;  // kRefused: a clause for the client's developer
};

LineParse parse_line(std::string_view bytes);

// What a first line that has arrived so far is.
enum class Dialect { kUnknown, kHttp, kLine };
Dialect dialect_of(std::string_view bytes);

// A timeout of a client: a duration ("60s", "250ms", "10m"); "0s" is none. Longer than a week, or no duration: false.
bool read_timeout(std::string_view text, std::optional<Millis>& timeout);

}  // namespace readygate::server
