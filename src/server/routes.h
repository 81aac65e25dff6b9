// What is answered to whom: the one table of routes, and pure functions from a request and the published snapshot to a
// decision. No sockets, no time. The documentation and the tests go through the same table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/snapshot.h"
#include "server/http_parser.h"
#include "server/line_parser.h"

namespace readygate::server {

enum class Transport { kTcp, kUnix };

enum class RouteId : std::uint8_t {
  kLivez,
  kStartupz,
  kReadyz,
  kHealthz,
  kStatus,
  kMetrics,
  kV1Status,
  kV1Wait,
  kV1Watch,
  kV1Retry,
  kV1Drain,
  kV1Undrain,
  kNone,  // what is counted when no route was found or no request was understood
};
inline constexpr std::size_t kRouteCount = 13;

enum class Methods { kRead, kGet, kPost };  // GET and HEAD; GET; POST
enum class Reach { kEverywhere, kSocketOnly };

struct Route {
  RouteId id;
  std::string_view path;
  std::string_view alias;  // "" for none
  Methods methods;
  Reach reach;
  std::string_view ok_when;  // 200 when
  std::string_view help;     // for whom
};
std::span<const Route> routes();
const Route* find_route(std::string_view path);
bool is_probe(RouteId id);
// "/livez", …; "other" for kNone: a label of the metrics.
std::string_view label(RouteId id);

// The longest time for which POST /v1/drain closes the gate.
inline constexpr Millis kLongestDrain = std::chrono::minutes(10);

enum class Body { kText, kJson, kLines, kMetrics };

struct Response {
  int status = 200;
  Body type = Body::kText;
  std::string body;
  std::string_view allow;    // of a 405
  bool retry_after = false;  // `Retry-After: 1`
};

// The statuses that a Response may have, and what they are called.
std::span<const int> statuses();
std::string_view status_text(int status);

enum class Ending { kKeepAlive, kClose };
enum class Part { kWhole, kHeadOnly };  // HEAD: the length is that of the body which is not sent
std::string render(const Response& response, Ending ending, Part part);

// A refusal as every route words it: "bad_request: <why>". `code` is a reason code of the protocol.
Response refusal(int status, std::string_view code, std::string_view why);

// The answer of a probe route. `query`: verbose, exclude=NAME (may repeat); anything else in it is ignored, since
// monitoring tools add what they like.
Response answer_probe(RouteId id, std::string_view query, const core::Published& now);

struct Decision {
  enum class Kind { kRespond, kProbe, kMetrics, kWait, kWatch, kPost };
  Kind kind = Kind::kRespond;
  RouteId route = RouteId::kNone;
  Response response;  // kRespond
  WaitRequest wait;   // kWait
  bool wait_with_snapshot = false;
  Millis drain_for{0};  // kPost of kV1Drain
};
// kPost: something is to change, if the peer may change it; `route` says what.
// kProbe: a probe without a query, whose answer was rendered when the snapshot was published.
Decision decide(const HttpRequest& request, Transport transport, const core::Published& now);

}  // namespace readygate::server
