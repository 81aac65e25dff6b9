// Carries what the daemon tells the world on its own account (so far: the Kubernetes API server) from the pure parts
// that decide it to the workers that send it, and the answers back. It only listens to the gate.
#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "cli/gate_host.h"
#include "config/settings.h"
#include "http/workers.h"
#include "kube/api_client.h"
#include "kube/reporter.h"

namespace readygate::cli {

// Loop thread only. Never destroyed before the process ends.
class Announcer {
 public:
  // `host` outlives it and is open.
  Announcer(GateHost& host, const config::Settings& settings, const std::string& user_agent);

  // After each change of the gate.
  void observe(const core::Snapshot& snapshot);

 private:
  void turn();
  void send(kube::Call call);

  GateHost& host_;
  SystemRandom random_;
  const kube::ApiServer server_;
  kube::Reporter reporter_;
  http::Workers workers_;
  server::Timer next_;
};

}  // namespace readygate::cli
