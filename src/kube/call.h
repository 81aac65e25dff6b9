// A request to the Kubernetes API server, as the pure part of this folder decides on it, and what came back.
#pragma once

#include <string>

#include "base/clock.h"
#include "http/answer.h"

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

using http::Answer;

// metav1.Time: RFC 3339 in whole seconds.
std::string kube_time(WallTime time);

}  // namespace readygate::kube
