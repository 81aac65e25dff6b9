// What the daemon tells the world on its own account: the Kubernetes API server, a webhook, a collector of traces,
// the service manager. It carries what the pure parts decide to the workers that send it, and the answers back. It only
// listens to the gate.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "cli/gate_host.h"
#include "cli/messenger.h"
#include "cli/service_manager.h"
#include "config/settings.h"
#include "http/workers.h"
#include "kube/api_client.h"
#include "kube/reporter.h"
#include "telemetry/trace.h"
#include "telemetry/webhook.h"

namespace readygate::cli {

// Loop thread only. Never destroyed before the process ends.
class Announcer {
 public:
  // `host` outlives it and is open. `notify_socket`: see ServiceManager.
  Announcer(GateHost& host, const config::Settings& settings, const std::string& version,
            std::string_view notify_socket);

  // After each change of the gate.
  void observe(const core::Snapshot& snapshot);
  // A call to the database, for the trace of the start.
  void started(core::TaskId id, const core::Work& work);
  void finished(core::TaskId id, const core::Outcome& outcome);

 private:
  void turn();
  void send(kube::Call call);

  GateHost& host_;
  SystemRandom random_;
  const kube::ApiServer server_;
  kube::Reporter reporter_;
  http::Workers workers_;
  server::Timer next_;
  ServiceManager manager_;
  telemetry::StateChanges changes_;
  telemetry::StartTrace trace_;
  std::optional<Messenger> webhook_;
  std::optional<Messenger> collector_;
};

}  // namespace readygate::cli
