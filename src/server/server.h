// Everything that answers: the probe address and the Unix socket, on the one loop. It knows what was published last and
// nothing of how that came about; what a client may ask the gate to do goes out through callbacks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "core/snapshot.h"
#include "server/loop.h"
#include "server/server_limits.h"

namespace readygate::server {

struct ServerOptions {
  // gate.listen: a numeric address and a port, "[::]:8088"; port 0 lets the kernel choose. "": no TCP.
  std::string listen = "[::]:8088";
  // gate.socket: a path of at most 107 bytes in a folder that exists. "": no socket.
  std::string socket = "/run/readygate/gate.sock";
  mode_t socket_mode = 0660;       // gate.socket_mode
  std::int64_t socket_group = -1;  // gate.socket_group: a gid; -1: the folder's group
  // gate.allow_uids: who may POST. Empty: this process's own user and root.
  std::vector<uid_t> allow_uids;
  std::string version;   // of readygate, for the metrics
  std::string instance;  // 32 hex digits: who writes the state page
  Limits limits;
};

// Called on the loop thread. Any may be empty.
struct ServerCallbacks {
  // POST /v1/retry, /v1/drain, /v1/undrain; each may call publish().
  std::function<core::Retried()> retry;
  std::function<void(Millis)> drain;
  std::function<void()> undrain;
  // For the metrics.
  std::function<std::uint64_t()> overloads;
  std::function<std::uint64_t()> log_dropped;
  std::function<void(LogLevel, std::string_view message)> log;
};

// Loop thread only, and must not outlive the loop.
class Server {
 public:
  // Serves from now on: "not yet" until the first publish(). Fails with kPortTaken, kSocketTaken, kSocketPath or
  // kConfigInvalid; nothing is left behind then.
  static Result<std::unique_ptr<Server>> create(Loop& loop, ServerOptions options, ServerCallbacks callbacks);
  // Closes everything; unlinks the socket if it is still ours. Who still waits sees the end of the stream: not open.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The truth from now on. Wakes whoever's wait it ends, within the next turns of the loop.
  void publish(std::shared_ptr<const core::Published> snapshot);

  // Accepts nobody any more and unlinks the socket; those who are connected are still served.
  void close_listeners();

  // Waiters that are being told: before ending, let the loop turn until this is false.
  bool waking() const;

  std::uint16_t bound_port() const;  // 0: no TCP
  std::size_t waiters() const;
  std::size_t watchers() const;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace readygate::server
