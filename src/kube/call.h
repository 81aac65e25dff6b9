// A request to the Kubernetes API server, as the pure part of this folder decides on it, and what came back.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"

namespace readygate::kube {

// The pod that we run in, from the downward API.
struct Pod {
  std::string namespace_name;
  std::string name;
  std::string uid;
};

struct Call {
  std::string method;  // "PATCH", "POST"
  std::string path;    // "/api/v1/…"
  std::string content_type;
  std::string body;
};

struct Answer {
  int status = 0;                     // 0: none came
  std::optional<Millis> retry_after;  // as the server asked
  std::string why;                    // for the log, when it was no success
};

// metav1.Time: RFC 3339 in whole seconds.
std::string kube_time(WallTime time);

}  // namespace readygate::kube
