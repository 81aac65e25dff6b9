// Sends what an outbox holds to one URL, from a worker of its own. Headers come from a file, read for each request.
#pragma once

#include <string>

#include "base/random.h"
#include "cli/gate_host.h"
#include "http/client.h"
#include "http/workers.h"
#include "telemetry/outbox.h"

namespace readygate::cli {

struct Receiver {
  std::string name;  // for the log
  Secret url;
  std::string headers_file;  // "": none
  std::string ca_file;       // "": the system's
  Millis timeout;
  Millis give_up_after;
};

// Loop thread only. Never destroyed before the process ends.
class Messenger {
 public:
  // `host` outlives it and is open.
  Messenger(GateHost& host, Receiver receiver, const std::string& user_agent);

  void send(std::string body);

 private:
  void turn();

  GateHost& host_;
  const Receiver receiver_;
  SystemRandom random_;
  telemetry::Outbox outbox_;
  http::Workers workers_;
  server::Timer next_;
};

}  // namespace readygate::cli
