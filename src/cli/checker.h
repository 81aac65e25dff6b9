// Asks what the [[check]]s of the configuration ask: one worker for each, so that one that hangs delays no other.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "config/settings.h"
#include "core/checks.h"
#include "http/workers.h"

namespace readygate::cli {

class Checker {
 public:
  // Called on a worker's thread.
  using Answer = std::function<void(std::size_t index, core::CheckOutcome outcome)>;

  Checker(std::vector<config::Check> checks, const std::string& user_agent, Answer answer);

  // Loop thread; never blocks.
  void ask(std::size_t index);

 private:
  const std::vector<config::Check> checks_;
  const Answer answer_;
  http::Workers workers_;
};

// Blocks, for a worker; not longer than the timeout, unless a file system hangs.
core::CheckOutcome perform(const config::Check& check, http::Client& client);

}  // namespace readygate::cli
