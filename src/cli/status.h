// `readygate status`: what the gate says of itself, for a person or as the JSON that it gave.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "cli/command_line.h"
#include "schema/document.h"

namespace readygate::cli {

enum class Colour { kNo, kYes };

struct StatusOptions {
  std::string socket = "/run/readygate/gate.sock";
  OutputFormat format = OutputFormat::kText;
  bool retry = false;  // first ask a failed gate to try again
};

// The exit code follows what the probe `ready` says: 0 ready; 75 not yet, or not now (initializing, waiting, degraded,
// draining); 69 failed, open with a check that fails, or no answer within five seconds; 77 when --retry is not allowed
// to this user. After an accepted --retry, 0.
int run_status(const StatusOptions& options);

// The page that people read. `now` is for "for 12 s".
std::string render_status(const schema::Document& snapshot, Colour colour, WallTime now);
// What a daemon's answer to POST /v1/retry says, in words.
std::string_view retry_words(std::string_view answer);
int status_exit_code(const schema::Document& snapshot);

}  // namespace readygate::cli
