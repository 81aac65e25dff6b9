#include "server/routes.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "base/duration.h"

namespace readygate::server {
namespace {

constexpr std::array kRoutes = {
    Route{RouteId::kLivez, "/livez", "/health/live", Methods::kRead, Reach::kEverywhere, "live",
          "livenessProbe of the sidecar"},
    Route{RouteId::kStartupz, "/startupz", "/health/startup", Methods::kRead, Reach::kEverywhere, "initialized",
          "startupProbe of the sidecar"},
    Route{RouteId::kReadyz, "/readyz", "/health/ready", Methods::kRead, Reach::kEverywhere, "ready",
          "startupProbe of the application, readinessProbe of the sidecar"},
    Route{RouteId::kHealthz, "/healthz", "/health", Methods::kRead, Reach::kEverywhere, "healthy",
          "what the application's own health check used to answer"},
    Route{RouteId::kStatus, "/status", "", Methods::kRead, Reach::kEverywhere, "always", "people, dashboards"},
    Route{RouteId::kMetrics, "/metrics", "", Methods::kRead, Reach::kEverywhere, "always", "Prometheus"},
    Route{RouteId::kV1Status, "/v1/status", "", Methods::kRead, Reach::kSocketOnly, "always", "the full snapshot"},
    Route{RouteId::kV1Wait, "/v1/wait", "", Methods::kGet, Reach::kSocketOnly, "once the fact is true",
          "applications that wait"},
    Route{RouteId::kV1Watch, "/v1/watch", "", Methods::kGet, Reach::kSocketOnly, "always", "one snapshot per change"},
    Route{RouteId::kV1Retry, "/v1/retry", "", Methods::kPost, Reach::kSocketOnly, "allowed (202)",
          "leave `failed` and try again"},
    Route{RouteId::kV1Drain, "/v1/drain", "", Methods::kPost, Reach::kSocketOnly, "allowed",
          "close the gate for `for=30s`: a preStop hook"},
    Route{RouteId::kV1Undrain, "/v1/undrain", "", Methods::kPost, Reach::kSocketOnly, "allowed",
          "end that before its time"},
};
static_assert(kRoutes.size() + 1 == kRouteCount);

struct StatusText {
  int status;
  std::string_view text;
};
constexpr std::array kStatusTexts = {
    StatusText{200, "OK"},
    StatusText{202, "Accepted"},
    StatusText{400, "Bad Request"},
    StatusText{403, "Forbidden"},
    StatusText{404, "Not Found"},
    StatusText{405, "Method Not Allowed"},
    StatusText{408, "Request Timeout"},
    StatusText{413, "Content Too Large"},
    StatusText{414, "URI Too Long"},
    StatusText{417, "Expectation Failed"},
    StatusText{431, "Request Header Fields Too Large"},
    StatusText{501, "Not Implemented"},
    StatusText{503, "Service Unavailable"},
    StatusText{505, "HTTP Version Not Supported"},
};
constexpr auto kStatuses = [] {
  std::array<int, kStatusTexts.size()> result{};
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = kStatusTexts[i].status;
  return result;
}();

std::string_view content_type(Body type) {
  switch (type) {
    case Body::kText: return "text/plain; charset=utf-8";
    case Body::kJson: return "application/json";
    case Body::kLines: return "application/x-ndjson";
    case Body::kMetrics: return "text/plain; version=0.0.4; charset=utf-8";
  }
  return "text/plain";
}

std::string_view allow_of(Methods methods) {
  switch (methods) {
    case Methods::kRead: return "GET, HEAD";
    case Methods::kGet: return "GET";
    case Methods::kPost: return "POST";
  }
  return "GET, HEAD";
}

bool allows(Methods methods, Method method) {
  switch (methods) {
    case Methods::kRead: return method == Method::kGet || method == Method::kHead;
    case Methods::kGet: return method == Method::kGet;
    case Methods::kPost: return method == Method::kPost;
  }
  return false;
}

bool probe_holds(RouteId id, const core::Facts& facts) {
  switch (id) {
    case RouteId::kLivez: return facts.live;
    case RouteId::kStartupz: return facts.initialized;
    case RouteId::kReadyz: return facts.ready;
    case RouteId::kHealthz: return facts.healthy;
    default: return false;
  }
}

// Why a fact does not hold, as one code: the gate's own, else that of the first failing check. Of an open gate that is
// not ready the checks come first: a loss that is too young to count is no reason for anything.
std::string_view why_not(RouteId id, const core::Published& now) {
  const auto failing =
      std::find_if(now.checks.begin(), now.checks.end(), [](const core::Check& check) { return !check.passed; });
  const bool checks_first = id == RouteId::kReadyz && now.facts.open && failing != now.checks.end();
  if (now.code != Reason::kNone && !checks_first) return name(now.code);
  return failing != now.checks.end() ? name(failing->reason) : core::name(now.state);
}

struct ProbeQuery {
  bool verbose = false;
  std::vector<std::string_view> excluded;
};

ProbeQuery read_probe_query(std::string_view query) {
  ProbeQuery result;
  QueryParameter parameter;
  while (next_parameter(query, parameter)) {
    if (parameter.name == "verbose") result.verbose = true;
    if (parameter.name == "exclude") result.excluded.push_back(parameter.value);
  }
  return result;
}

bool contains(const std::vector<std::string_view>& names, std::string_view wanted) {
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

Decision respond(RouteId route, Response response) {
  Decision decision;
  decision.route = route;
  decision.response = std::move(response);
  return decision;
}

Decision refuse(RouteId route, int status, std::string_view code, std::string_view why) {
  return respond(route, refusal(status, code, why));
}

// Strict, unlike a probe's query: a misspelt `timeout` that is ignored would wait for ever.
Decision decide_wait(std::string_view query) {
  Decision decision;
  decision.kind = Decision::Kind::kWait;
  decision.route = RouteId::kV1Wait;
  bool understood = true;
  const auto read_flag = [&](std::string_view value, bool& flag) {
    understood = understood && (value == "1" || value == "0");
    flag = value == "1";
  };
  QueryParameter parameter;
  while (next_parameter(query, parameter)) {
    if (parameter.name == "for") {
      const std::optional<core::Fact> fact = core::fact_from(parameter.value);
      understood = understood && fact.has_value();
      decision.wait.fact = fact.value_or(core::Fact::kOpen);
    } else if (parameter.name == "timeout") {
      understood = understood && read_timeout(parameter.value, decision.wait.timeout);
    } else if (parameter.name == "fail_fast") {
      read_flag(parameter.value, decision.wait.fail_fast);
    } else if (parameter.name == "snapshot") {
      read_flag(parameter.value, decision.wait_with_snapshot);
    } else {
      understood = false;
    }
  }
  if (understood) return decision;
  return refuse(RouteId::kV1Wait, 400, "bad_request",
                "the parameters are for=open|ready|initialized|healthy, timeout=60s (at most a week), fail_fast=1, "
                "snapshot=1");
}

// Nothing but `for`, and that once: a drain without an end would leave the gate closed for ever.
Decision decide_drain(std::string_view query) {
  QueryParameter parameter;
  QueryParameter second;
  std::optional<Millis> length;
  if (next_parameter(query, parameter) && parameter.name == "for" && !next_parameter(query, second)) {
    length = parse_duration(parameter.value);
  }
  if (!length || *length <= Millis(0) || *length > kLongestDrain) {
    return refuse(RouteId::kV1Drain, 400, "bad_request", "the parameter is for=30s, needed, at most 10m");
  }
  Decision decision;
  decision.kind = Decision::Kind::kPost;
  decision.route = RouteId::kV1Drain;
  decision.drain_for = *length;
  return decision;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Route* find_route(std::string_view path) {
  for (const Route& route : kRoutes) {
    if (path == route.path || (!route.alias.empty() && path == route.alias)) return &route;
  }
  return nullptr;
}

bool is_probe(RouteId id) { return id <= RouteId::kHealthz; }

std::string_view label(RouteId id) {
  const auto index = static_cast<std::size_t>(id);
  return index < kRoutes.size() ? kRoutes[index].path : std::string_view("other");
}

std::span<const int> statuses() { return kStatuses; }

std::string_view status_text(int status) {
  for (const StatusText& known : kStatusTexts) {
    if (known.status == status) return known.text;
  }
  return "Unknown";
}

std::string render(const Response& response, Ending ending, Part part) {
  std::string out =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n",
                  response.status, status_text(response.status), content_type(response.type), response.body.size());
  if (response.retry_after) out += "Retry-After: 1\r\n";
  if (!response.allow.empty()) fmt::format_to(std::back_inserter(out), "Allow: {}\r\n", response.allow);
  if (ending == Ending::kClose) out += "Connection: close\r\n";
  out += "\r\n";
  if (part == Part::kWhole) out += response.body;
  return out;
}

Response refusal(int status, std::string_view code, std::string_view why) {
  Response response;
  response.status = status;
  response.body = fmt::format("{}: {}\n", code, why);
  response.retry_after = status == 503;
  return response;
}

Response answer_probe(RouteId id, std::string_view query, const core::Published& now) {
  const ProbeQuery asked = read_probe_query(query);
  bool holds = probe_holds(id, now.facts);
  if (!holds && !asked.excluded.empty()) {
    // A fact is false because of checks; leaving out every one that failed leaves nothing against it.
    const auto failed = [](const core::Check& check) { return !check.passed; };
    const bool any = std::any_of(now.checks.begin(), now.checks.end(), failed);
    holds = any && std::all_of(now.checks.begin(), now.checks.end(), [&](const core::Check& check) {
              return check.passed || contains(asked.excluded, check.name);
            });
  }
  Response response;
  response.status = holds ? 200 : 503;
  response.retry_after = !holds;
  if (!asked.verbose) {
    response.body = holds ? "ok\n" : fmt::format("{}\n", why_not(id, now));
    return response;
  }
  const auto out = std::back_inserter(response.body);
  for (const core::Check& check : now.checks) {
    if (contains(asked.excluded, check.name)) {
      fmt::format_to(out, "[+]{} excluded: ok\n", check.name);
    } else if (check.passed) {
      fmt::format_to(out, "[+]{} ok\n", check.name);
    } else {
      fmt::format_to(out, "[-]{} failed: {}\n", check.name, name(check.reason));
    }
  }
  for (const std::string_view name : asked.excluded) {
    const bool known =
        std::any_of(now.checks.begin(), now.checks.end(), [&](const core::Check& check) { return check.name == name; });
    if (!known) fmt::format_to(out, "warn: no check is called {}\n", name);
  }
  fmt::format_to(out, "{} check {}\n", label(id).substr(1), holds ? "passed" : "failed");
  return response;
}

Decision decide(const HttpRequest& request, Transport transport, const core::Published& now) {
  const Route* route = find_route(request.path);
  if (route == nullptr || (route->reach == Reach::kSocketOnly && transport == Transport::kTcp)) {
    if (request.path == "*") {
      Response response = refusal(405, "bad_request", "the methods are GET, HEAD and, on the socket, POST");
      response.allow = "GET, HEAD";
      return respond(RouteId::kNone, std::move(response));
    }
    return refuse(RouteId::kNone, 404, "not_found",
                  "the routes are /livez, /startupz, /readyz, /healthz, /status and /metrics");
  }
  if (!allows(route->methods, request.method)) {
    Response response = refusal(405, "bad_request", "the method is not allowed here");
    response.allow = allow_of(route->methods);
    return respond(route->id, std::move(response));
  }
  Decision decision;
  decision.route = route->id;
  switch (route->id) {
    case RouteId::kLivez:
    case RouteId::kStartupz:
    case RouteId::kReadyz:
    case RouteId::kHealthz:
      if (!request.query.empty()) return respond(route->id, answer_probe(route->id, request.query, now));
      decision.kind = Decision::Kind::kProbe;
      return decision;
    case RouteId::kStatus: return respond(route->id, Response{200, Body::kJson, now.open + "\n", {}, false});
    case RouteId::kV1Status: return respond(route->id, Response{200, Body::kJson, now.full + "\n", {}, false});
    case RouteId::kMetrics: decision.kind = Decision::Kind::kMetrics; return decision;
    case RouteId::kV1Watch: decision.kind = Decision::Kind::kWatch; return decision;
    case RouteId::kV1Retry:
    case RouteId::kV1Undrain: decision.kind = Decision::Kind::kPost; return decision;
    case RouteId::kV1Drain: return decide_drain(request.query);
    case RouteId::kV1Wait: return decide_wait(request.query);
    case RouteId::kNone: break;
  }
  return decision;
}

}  // namespace readygate::server
