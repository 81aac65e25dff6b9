#include "server/metrics.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace readygate::server {
namespace {

enum Index : std::size_t {
  kBuildInfo,
  kState,
  kInitialized,
  kReachable,
  kOpen,
  kReady,
  kHealthy,
  kCheck,
  kWithheldSteps,
  kMigrationsFailed,
  kWaiters,
  kWatchers,
  kConnections,
  kRequests,
  kWaits,
  kTurnedAway,
  kOverloads,
  kLogDropped,
  kCount
};

constexpr std::array<Metric, kCount> kMetrics = {{
    {"readygate_build_info", "gauge", "1, with the version of readygate as a label."},
    {"readygate_state", "gauge", "1 for the state that the gate is in, 0 for the others."},
    {"readygate_initialized", "gauge", "1 once the schema is there and one connection is warm."},
    {"readygate_reachable", "gauge", "1 while a writable primary is reachable, or was until a moment ago."},
    {"readygate_open", "gauge", "1 while the gate is open."},
    {"readygate_ready", "gauge", "1 while the gate is open and every check passes."},
    {"readygate_healthy", "gauge", "0 only when neither initializing nor reachable."},
    {"readygate_check", "gauge", "1 while the check passes, by name: those of ?verbose."},
    {"readygate_withheld_steps", "gauge",
     "Contract steps and pre migrations that policy.contract = \"report\" holds back, until they are done."},
    {"readygate_migrations_failed", "gauge", "1 while a background migration has failed for good, and is not done."},
    {"readygate_waiters", "gauge", "Clients that wait on the socket."},
    {"readygate_watchers", "gauge", "Clients that watch on the socket."},
    {"readygate_connections", "gauge", "Other open connections, by transport."},
    {"readygate_requests_total", "counter", "Requests answered, by route and status code."},
    {"readygate_waits_total", "counter", "Waits ended, by why."},
    {"readygate_connections_turned_away_total", "counter", "Connections closed for want of room."},
    {"readygate_overloads_total", "counter", "Answers of the database that refused work because it was overloaded."},
    {"readygate_log_dropped_total", "counter", "Log lines that were dropped because nobody read them fast enough."},
}};

class Text {
 public:
  void head(Index index) {
    const Metric& metric = kMetrics[index];
    name_ = metric.name;
    fmt::format_to(out(), "# HELP {} {}\n# TYPE {} {}\n", metric.name, metric.help, metric.name, metric.type);
  }
  void sample(std::string_view labels, std::uint64_t value) {
    fmt::format_to(out(), "{}{} {}\n", name_, labels, value);
  }
  void single(Index index, std::uint64_t value) {
    head(index);
    sample("", value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }
  std::string text_;
  std::string_view name_;
};

}  // namespace

void Counters::request(RouteId route, int status) {
  const std::span<const int> known = statuses();
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == status) {
      ++requests[static_cast<std::size_t>(route)][i];
      return;
    }
  }
}

std::span<const Metric> metrics() { return kMetrics; }

std::string render_metrics(const core::Published& now, const Counters& counters, const Gauges& gauges) {
  Text text;
  text.head(kBuildInfo);
  text.sample(fmt::format("{{version=\"{}\"}}", gauges.version), 1);
  text.head(kState);
  for (int i = 0; i < core::kStateCount; ++i) {
    const auto state = static_cast<core::State>(i);
    text.sample(fmt::format("{{state=\"{}\"}}", core::name(state)), state == now.state ? 1 : 0);
  }
  const auto fact = [&](Index index, bool value) { text.single(index, value ? 1 : 0); };
  fact(kInitialized, now.facts.initialized);
  fact(kReachable, now.facts.reachable);
  fact(kOpen, now.facts.open);
  fact(kReady, now.facts.ready);
  fact(kHealthy, now.facts.healthy);
  text.head(kCheck);
  for (const core::Check& check : now.checks) {
    text.sample(fmt::format("{{name=\"{}\"}}", check.name), check.passed ? 1 : 0);
  }
  text.single(kWithheldSteps, static_cast<std::uint64_t>(std::max(0, now.withheld_steps)));
  text.single(kMigrationsFailed, core::fails(now.checks, core::kMigrationsCheck) ? 1 : 0);
  text.single(kWaiters, gauges.waiters);
  text.single(kWatchers, gauges.watchers);
  text.head(kConnections);
  text.sample("{transport=\"tcp\"}", gauges.tcp_connections);
  text.sample("{transport=\"unix\"}", gauges.unix_connections);
  text.head(kRequests);
  const std::span<const int> known = statuses();
  for (std::size_t route = 0; route < kRouteCount; ++route) {
    for (std::size_t i = 0; i < known.size(); ++i) {
      const std::uint64_t count = counters.requests[route][i];
      if (count == 0) continue;
      text.sample(fmt::format("{{route=\"{}\",code=\"{}\"}}", label(static_cast<RouteId>(route)), known[i]), count);
    }
  }
  text.head(kWaits);
  for (std::size_t i = 0; i < kWhyCount; ++i) {
    const auto why = static_cast<Why>(i);
    text.sample(fmt::format("{{why=\"{}\"}}", why == Why::kTrue ? "true" : name(why, core::Fact::kOpen)),
                counters.waits[i]);
  }
  text.single(kTurnedAway, counters.turned_away);
  text.single(kOverloads, gauges.overloads);
  text.single(kLogDropped, gauges.log_dropped);
  return text.take();
}

}  // namespace readygate::server
