// What the server counts, and /metrics in the Prometheus text format. The names stand in one table, which the
// documentation shows.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/snapshot.h"
#include "server/routes.h"
#include "server/wait_answer.h"

namespace readygate::server {

struct Counters {
  static constexpr std::size_t kStatusCount = 14;
  std::array<std::array<std::uint64_t, kStatusCount>, kRouteCount> requests{};  // by route, by index in statuses()
  std::array<std::uint64_t, kWhyCount> waits{};
  std::uint64_t turned_away = 0;  // connections closed unread or idle for want of room

  void request(RouteId route, int status);
  void wait(Why why) { ++waits[static_cast<std::size_t>(why)]; }
};

struct Gauges {
  std::size_t waiters = 0;
  std::size_t watchers = 0;
  std::size_t tcp_connections = 0;
  std::size_t unix_connections = 0;
  std::uint64_t overloads = 0;
  std::uint64_t log_dropped = 0;
  std::string_view version;  // of readygate
};

struct Metric {
  std::string_view name;
  std::string_view type;  // "gauge" or "counter"
  std::string_view help;
};
std::span<const Metric> metrics();

std::string render_metrics(const core::Published& now, const Counters& counters, const Gauges& gauges);

}  // namespace readygate::server
