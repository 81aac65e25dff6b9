// What a failure is inside readygate: a value with a reason from the one list of reasons, a sentence for a person, and
// whether trying again can help. Exceptions stop at the edge of the library that throws them.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "base/reason.h"

namespace readygate {

enum class Retry {
  kSoon,   // transient: capped exponential backoff
  kSlow,   // may mend by itself, but rarely does: retried at the slow pace, with a warning
  kNever,  // waiting cannot mend it: the gate fails, and tries again only at `init.failed_retry` or when asked
};

struct Error {
  Reason reason = Reason::kInternal;
  std::string message;  // what, where, why and what to do, in one or two sentences; never holds a secret
  Retry retry = Retry::kNever;
};

template <typename T>
using Result = tl::expected<T, Error>;

// fail(Reason::kTimeout, "…") in a function that returns any Result.
inline tl::unexpected<Error> fail(Reason reason, std::string message, Retry retry = Retry::kNever) {
  return tl::unexpected<Error>(Error{reason, std::move(message), retry});
}

}  // namespace readygate
