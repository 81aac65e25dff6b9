// What the daemon tells the service manager that started it (Type=notify): once that the gate has opened, what it is
// doing, and that it ends. The protocol of sd_notify(3): datagrams of lines to the socket that NOTIFY_SOCKET names.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "cli/gate_host.h"

namespace readygate::cli {

// What there is to say after a change. Pure.
class ServiceWords {
 public:
  // Lines; "": nothing new. The same status is said once.
  std::string observe(const core::Snapshot& snapshot);
  // More time to start, while it is used: a step under way may take longer than a manager's limit, and would only be
  // begun again. A database that does not come, and a failure, get none. "": neither is the case.
  std::string prolong(const core::Snapshot& snapshot) const;

 private:
  std::string status_;
  bool opened_ = false;
  bool stopping_ = false;
};

// Loop thread only. Never destroyed before the process ends.
class ServiceManager {
 public:
  // `address`: a path, or "@" and an abstract name; "": there is none. `host` outlives it and is open.
  ServiceManager(GateHost& host, std::string_view address);

  // After each change of the gate.
  void observe(const core::Snapshot& snapshot);

 private:
  void turn();
  void send();

  GateHost& host_;
  std::string address_;  // "": nobody listens
  UniqueFd socket_;
  ServiceWords words_;
  std::string unsent_;
  server::Timer prolong_, again_;
};

}  // namespace readygate::cli
