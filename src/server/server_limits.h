// How much of everything the server takes on, so that no client can use it up for another.
#pragma once

#include <cstddef>

#include "base/clock.h"
#include "server/http_parser.h"

namespace readygate::server {

// Connections that the kernel keeps for a listener; it caps them at net.core.somaxconn.
inline constexpr int kBacklog = 4096;

struct Limits {
  // Clients that wait on the socket; one more is told `busy`. A supported number, under 1 KiB of memory each.
  std::size_t waiters = 10'000;
  // Clients that watch; each may hold one unsent snapshot.
  std::size_t watchers = 256;
  // Connections that neither wait nor watch. Past this the one that was idle longest goes.
  std::size_t tcp_connections = 1024;
  std::size_t unix_connections = 1024;
  // Checked once a second, so that each may last up to a second longer.
  Seconds header{10};   // from the first byte (of a new connection: from its start) to the whole request
  Seconds idle{60};     // between requests
  Seconds sending{10};  // of one answer
  Seconds linger{2};    // after a refusal, for the client to read it
  // Each by a timer of its own.
  Seconds heartbeat{15};  // between two lines of a watch
  Seconds unread{30};     // of the line that waits for a watcher
  HttpLimits http;
};

}  // namespace readygate::server
