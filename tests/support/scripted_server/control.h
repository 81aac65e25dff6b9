// The test's side: one JSON object a line in, one a line out, in the order they came. README.md lists them all.
#pragma once

#include <string>
#include <string_view>

#include "scripted_server/server.h"

namespace readygate::scripted {

/// Carries out one line and returns its answer: {"ok": true, …} or {"error": "what is wrong with the line"}.
std::string obey(std::string_view line, Server& server, Sync<ServerState>& state);

}  // namespace readygate::scripted
