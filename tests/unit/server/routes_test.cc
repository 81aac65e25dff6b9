#include <set>
#include <string>

#include <doctest/doctest.h>

#include "rig.h"
#include "server/metrics.h"
#include "server/routes.h"
#include "server/wait_answer.h"

using namespace readygate;
using namespace readygate::server;
using core::State;

namespace {

HttpRequest request(std::string_view target, Method method = Method::kGet) {
  HttpRequest result;
  result.method = method;
  const std::size_t mark = target.find('?');
  result.path = target.substr(0, mark);
  result.query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  return result;
}

int status_of(std::string_view target, const core::Published& now, Transport transport = Transport::kTcp) {
  const Decision decision = decide(request(target), transport, now);
  return decision.kind == Decision::Kind::kProbe ? answer_probe(decision.route, {}, now).status
                                                 : decision.response.status;
}

struct Row {
  State state;
  bool initialized;
  bool reachable;
  int startupz, readyz, healthz;
};

// What each probe answers in each state, written out by hand and not computed.
constexpr Row kTable[] = {
    {State::kStarting, false, false, 503, 503, 200},     {State::kStarting, false, true, 503, 503, 200},
    {State::kConnecting, false, false, 503, 503, 200},   {State::kConnecting, false, true, 503, 503, 200},
    {State::kWaiting, false, false, 503, 503, 200},      {State::kWaiting, false, true, 503, 503, 200},
    {State::kInitializing, false, false, 503, 503, 200}, {State::kInitializing, false, true, 503, 503, 200},
    {State::kVerifying, false, false, 503, 503, 200},    {State::kVerifying, false, true, 503, 503, 200},
    {State::kWarming, false, false, 503, 503, 200},      {State::kWarming, false, true, 503, 503, 200},
    {State::kReady, true, false, 200, 503, 503},         {State::kReady, true, true, 200, 200, 200},
    {State::kDegraded, true, false, 200, 503, 503},      {State::kDegraded, true, true, 200, 200, 200},
    {State::kFailed, false, false, 503, 503, 503},       {State::kFailed, false, true, 503, 503, 200},
    {State::kFailed, true, false, 200, 503, 503},        {State::kFailed, true, true, 200, 200, 200},
    {State::kDraining, true, false, 200, 503, 503},      {State::kDraining, true, true, 200, 503, 200},
    {State::kDraining, false, true, 503, 503, 200},      {State::kDraining, false, false, 503, 503, 503},
};

}  // namespace

TEST_CASE("state x reachable: what each probe answers") {
  std::set<State> states;
  for (const Row& row : kTable) {
    states.insert(row.state);
    CAPTURE(core::name(row.state));
    CAPTURE(row.initialized);
    CAPTURE(row.reachable);
    const auto now = testing::published(testing::sample(row.state, row.initialized, row.reachable));
    for (const char* path : {"/livez", "/health/live"}) CHECK(status_of(path, *now) == 200);
    for (const char* path : {"/startupz", "/health/startup"}) CHECK(status_of(path, *now) == row.startupz);
    for (const char* path : {"/readyz", "/health/ready"}) CHECK(status_of(path, *now) == row.readyz);
    for (const char* path : {"/healthz", "/health"}) CHECK(status_of(path, *now) == row.healthz);
    for (const char* path : {"/status"}) CHECK(status_of(path, *now) == 200);
  }
  CHECK(states.size() == core::kStateCount);
}

TEST_CASE("a probe that says no says why") {
  const auto now = testing::published(testing::sample(State::kInitializing, false, true));
  const Response no = answer_probe(RouteId::kReadyz, {}, *now);
  CHECK(no.status == 503);
  CHECK(no.body == "initializing\n");
  CHECK(no.retry_after);
  CHECK(answer_probe(RouteId::kLivez, {}, *now).body == "ok\n");

  core::Published unexplained = *now;
  unexplained.code = Reason::kNone;
  unexplained.checks = {{"external", false, Reason::kTimeout}};
  CHECK(answer_probe(RouteId::kReadyz, {}, unexplained).body == "timeout\n");
  unexplained.checks.clear();
  CHECK(answer_probe(RouteId::kReadyz, {}, unexplained).body == "initializing\n");
}

TEST_CASE("of an open gate a failing check is the reason, and not a loss that is too young to count") {
  core::Snapshot snapshot = testing::sample(State::kReady, true, true);
  snapshot.facts.ready = false;
  snapshot.code = Reason::kNoPrimary;
  snapshot.checks.back().reason = Reason::kNoPrimary;  // of `mongodb`, which passes
  snapshot.checks.push_back({"app", false, Reason::kCheckFailed});
  CHECK(answer_probe(RouteId::kReadyz, "", *testing::published(snapshot)).body == "check_failed\n");
  snapshot.facts.open = false;
  CHECK(answer_probe(RouteId::kReadyz, "", *testing::published(snapshot)).body == "no_primary\n");
}

TEST_CASE("?verbose and ?exclude, as the Kubernetes API server has them") {
  const auto now = testing::published(testing::sample(State::kDegraded, true, false));
  CHECK(answer_probe(RouteId::kReadyz, "verbose", *now).body ==
        "[+]schema ok\n[-]mongodb failed: no_primary\nreadyz check failed\n");
  const Response left_out = answer_probe(RouteId::kReadyz, "verbose&exclude=mongodb", *now);
  CHECK(left_out.status == 200);
  CHECK(left_out.body == "[+]schema ok\n[+]mongodb excluded: ok\nreadyz check passed\n");
  CHECK(answer_probe(RouteId::kReadyz, "exclude=schema", *now).status == 503);
  CHECK(answer_probe(RouteId::kReadyz, "verbose&exclude=nosuch", *now).body ==
        "[+]schema ok\n[-]mongodb failed: no_primary\nwarn: no check is called nosuch\nreadyz check failed\n");
  // Leaving out a check that passed does not make true what no check explains.
  core::Published unexplained = *now;
  unexplained.checks = {{"schema", true, Reason::kNone}};
  CHECK(answer_probe(RouteId::kReadyz, "exclude=schema", unexplained).status == 503);
}

TEST_CASE("every route: where it is served, and with which methods") {
  const auto now = testing::published(testing::sample(State::kReady, true, true));
  for (const Route& route : routes()) {
    CAPTURE(route.path);
    CHECK(label(route.id) == route.path);
    CHECK(find_route(route.path) == &route);
    if (!route.alias.empty()) CHECK(find_route(route.alias) == &route);
    const bool posts = route.methods == Methods::kPost;
    const Decision other = decide(request(route.path, posts ? Method::kGet : Method::kPost), Transport::kUnix, *now);
    CHECK(other.response.status == 405);
    CHECK(!other.response.allow.empty());
    CHECK(other.response.allow.find(posts ? "POST" : "GET") != std::string_view::npos);
    // On TCP nothing can be changed, and what is for the socket is not there at all.
    const Decision on_tcp = decide(request(route.path, Method::kPost), Transport::kTcp, *now);
    CHECK(on_tcp.kind == Decision::Kind::kRespond);
    CHECK(on_tcp.response.status == (route.reach == Reach::kSocketOnly ? 404 : 405));
    CHECK(decide(request(route.path, Method::kHead), Transport::kUnix, *now).response.status ==
          (route.methods == Methods::kRead ? 200 : 405));
  }
}

TEST_CASE("anything else is not found") {
  const auto now = testing::published(testing::sample(State::kReady, true, true));
  for (const char* path :
       {"/", "/livez/", "//livez", "/LIVEZ", "/health/", "/healthy", "/%6civez", "/v1", "/v1/drains"}) {
    CAPTURE(path);
    CHECK(status_of(path, *now, Transport::kUnix) == 404);
  }
}

TEST_CASE("the public snapshot names no host, the full one does") {
  const auto now = testing::published(testing::sample(State::kDegraded, true, false));
  CHECK(decide(request("/status"), Transport::kUnix, *now).response.body.find("db.internal") == std::string::npos);
  CHECK(decide(request("/v1/status"), Transport::kUnix, *now).response.body.find("db.internal") != std::string::npos);
}

TEST_CASE("the query of /v1/wait is strict") {
  const auto now = testing::published(testing::sample(State::kConnecting, false, false));
  const auto wait = [&](std::string_view query) {
    return decide(request(std::string("/v1/wait?").append(query)), Transport::kUnix, *now);
  };
  const std::string all = "/v1/wait?for=ready&timeout=60s&fail_fast=1&snapshot=1";
  const Decision full = decide(request(all), Transport::kUnix, *now);
  REQUIRE(full.kind == Decision::Kind::kWait);
  CHECK(full.wait.fact == core::Fact::kReady);
  CHECK(full.wait.timeout == Millis(60'000));
  CHECK(full.wait.fail_fast);
  CHECK(full.wait_with_snapshot);
  CHECK(decide(request("/v1/wait"), Transport::kUnix, *now).kind == Decision::Kind::kWait);
  for (const char* query :
       {"for=closed", "for=", "timeout=60", "timeout=1000h", "timout=60s", "fail_fast=yes", "snapshot"}) {
    CAPTURE(query);
    CHECK(wait(query).response.status == 400);
  }
}

TEST_CASE("the query of /v1/drain: a length is needed, and at most ten minutes") {
  const auto now = testing::published(testing::sample(State::kReady, true, true));
  const auto drain = [&](std::string_view query) {
    return decide(request(std::string("/v1/drain").append(query), Method::kPost), Transport::kUnix, *now);
  };
  CHECK(drain("?for=30s").kind == Decision::Kind::kPost);
  CHECK(drain("?for=30s").drain_for == Millis(30'000));
  CHECK(drain("?for=10m").drain_for == kLongestDrain);
  for (const char* query :
       {"", "?for=", "?for=0s", "?for=601s", "?for=30", "?for=-1s", "?for=1s&for=2s", "?fo=30s", "?for=30s&x=1"}) {
    CAPTURE(query);
    CHECK(drain(query).response.status == 400);
  }
}

TEST_CASE("when a wait ends") {
  const auto end = [](State state, bool initialized, bool reachable, core::Fact fact, bool fail_fast = false) {
    return end_of_wait(*testing::published(testing::sample(state, initialized, reachable)), {fact, {}, fail_fast});
  };
  using core::Fact;
  CHECK(end(State::kReady, true, true, Fact::kOpen) == Why::kTrue);
  CHECK(!end(State::kInitializing, false, true, Fact::kOpen));
  CHECK(!end(State::kFailed, false, false, Fact::kOpen));
  CHECK(end(State::kFailed, false, false, Fact::kOpen, true) == Why::kFailed);
  CHECK(end(State::kFailed, true, true, Fact::kOpen, true) == Why::kTrue);
  CHECK(end(State::kDraining, true, true, Fact::kOpen) == Why::kDraining);
  CHECK(end(State::kDraining, true, true, Fact::kInitialized) == Why::kTrue);
  CHECK(end(State::kDraining, false, true, Fact::kInitialized) == Why::kDraining);
  CHECK(end(State::kDraining, false, true, Fact::kHealthy) == Why::kTrue);
}

TEST_CASE("rendering of a response") {
  Response response{503, Body::kText, "no\n", "GET", true};
  CHECK(render(response, Ending::kClose, Part::kWhole) ==
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n"
        "Cache-Control: no-store\r\nRetry-After: 1\r\nAllow: GET\r\nConnection: close\r\n\r\nno\n");
  CHECK(render({}, Ending::kKeepAlive, Part::kHeadOnly) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n"
        "Cache-Control: no-store\r\n\r\n");
  for (const int status : statuses()) CHECK(status_text(status) != "Unknown");
  CHECK(statuses().size() == Counters::kStatusCount);
}

TEST_CASE("metrics: every name of the table is shown, with help and type, and no other") {
  Counters counters;
  counters.request(RouteId::kReadyz, 503);
  counters.wait(Why::kDraining);
  const auto now = testing::published(testing::sample(State::kReady, true, true));
  const std::string text = render_metrics(*now, counters, {1, 2, 3, 4, 6, 5, "9.9"});
  std::set<std::string> names;
  for (const Metric& metric : metrics()) {
    CAPTURE(metric.name);
    names.insert(std::string(metric.name));
    CHECK(text.find("# TYPE " + std::string(metric.name) + " ") != std::string::npos);
    CHECK(text.find("# HELP " + std::string(metric.name) + " ") != std::string::npos);
    CHECK((metric.type == "counter") == metric.name.ends_with("_total"));
  }
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
    if (text[at] == '#') continue;
    CHECK(names.count(text.substr(at, text.find_first_of("{ ", at) - at)) == 1);
  }
  CHECK(text.find("readygate_state{state=\"ready\"} 1\n") != std::string::npos);
  CHECK(text.find("readygate_state{state=\"failed\"} 0\n") != std::string::npos);
  CHECK(text.find("readygate_requests_total{route=\"/readyz\",code=\"503\"} 1\n") != std::string::npos);
  CHECK(text.find("readygate_waits_total{why=\"draining\"} 1\n") != std::string::npos);
  CHECK(text.find("readygate_overloads_total 6\n") != std::string::npos);
  CHECK(text.find("readygate_log_dropped_total 5\n") != std::string::npos);
  CHECK(text.find("readygate_withheld_steps 0\n") != std::string::npos);
  CHECK(text.find("readygate_migrations_failed 0\n") != std::string::npos);
}

TEST_CASE("metrics: steps that are held back, and a background migration that failed") {
  core::Snapshot snapshot = testing::sample(State::kReady, true, true);
  snapshot.withheld_steps = 3;
  snapshot.checks.push_back({"migrations", false, Reason::kMigrationRefused, "why"});
  const std::string text = render_metrics(*testing::published(snapshot), {}, {});
  CHECK(text.find("readygate_withheld_steps 3\n") != std::string::npos);
  CHECK(text.find("readygate_migrations_failed 1\n") != std::string::npos);
}
