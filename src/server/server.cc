#include "server/server.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "server/acceptor.h"
#include "server/connections.h"
#include "server/process.h"
#include "server/shared.h"
#include "server/tcp_listener.h"
#include "server/unix_listener.h"
#include "server/waiters.h"
#include "server/watchers.h"

namespace readygate::server {
namespace {

constexpr Seconds kRefusedSaidEvery{10};
// Descriptors that are not for connections, for the database and for files; and that are not for waiters, however many
// come, so that probes are answered beside them.
constexpr rlim_t kKeptFromProbes = 16;
constexpr rlim_t kKeptFromWaiters = 32;

}  // namespace

// In the order in which they are made; destroyed the other way round, so that nothing is accepted any more when the
// connections go, and nothing asks the waiters when they go.
struct Server::Parts {
  Parts(Loop& loop, ServerOptions options_in, ServerCallbacks callbacks_in)
      : options(std::move(options_in)),
        callbacks(std::move(callbacks_in)),
        shared(loop, options.limits),
        waiters(shared),
        watchers(shared),
        connections(shared, waiters, watchers, connection_hooks()) {
    shared.probes.rebuild(*shared.now);
  }

  Connections::Hooks connection_hooks() {
    Connections::Hooks hooks;
    hooks.may_post = [this](int fd) {
      const std::optional<uid_t> uid = peer_uid(fd);
      return uid && server::may_post(*uid, options.allow_uids);
    };
    hooks.retry = [this] { return callbacks.retry ? callbacks.retry() : core::Retried::kNothing; };
    hooks.drain = [this](Millis length) {
      if (callbacks.drain) callbacks.drain(length);
    };
    hooks.undrain = [this] {
      if (callbacks.undrain) callbacks.undrain();
    };
    hooks.gauges = [this] {
      return Gauges{waiters.count(),
                    watchers.count(),
                    connections.count(Transport::kTcp),
                    connections.count(Transport::kUnix),
                    callbacks.overloads ? callbacks.overloads() : 0,
                    callbacks.log_dropped ? callbacks.log_dropped() : 0,
                    options.version};
    };
    return hooks;
  }

  Acceptor::Hooks acceptor_hooks(Transport transport) {
    Acceptor::Hooks hooks;
    hooks.take = [this, transport](UniqueFd fd) { connections.adopt(std::move(fd), transport); };
    hooks.make_room = [this] { return connections.give_one_up(); };
    hooks.turned_away = [this] {
      ++shared.counters.turned_away;
      ++refused;
      say_refused();
    };
    return hooks;
  }

  // Whoever refuses thousands must not fill the log with it.
  void say_refused() {
    if (refused == 0 || refused_said.pending()) return;
    log(LogLevel::kWarn,
        fmt::format("connections were refused ({}): no file descriptor is left for them; raise RLIMIT_NOFILE, or find "
                    "out who opens so many",
                    std::exchange(refused, 0)));
    refused_said = shared.loop.after(kRefusedSaidEvery, [this] { say_refused(); });
  }

  // Says the facts anew before they expire: so that a reader of the page never takes a dead or stuck daemon for alive.
  void beat() {
    unix_socket->page().beat(coarse_now());
    heartbeat = shared.loop.after(kPageHeartbeat, [this] { beat(); });
  }

  void log(LogLevel level, std::string_view message) const {
    if (callbacks.log) callbacks.log(level, message);
  }

  const ServerOptions options;
  const ServerCallbacks callbacks;
  Shared shared;
  Waiters waiters;
  Watchers watchers;
  Connections connections;
  TcpListener tcp;
  std::unique_ptr<UnixListener> unix_socket;
  std::optional<Acceptor> tcp_acceptor;
  std::optional<Acceptor> unix_acceptor;
  std::uint64_t refused = 0;  // connections, since that was said last
  Timer refused_said;
  Timer heartbeat;  // of the state page
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::create(Loop& loop, ServerOptions options, ServerCallbacks callbacks) {
  auto parts = std::make_unique<Parts>(loop, std::move(options), std::move(callbacks));
  const ServerOptions& asked = parts->options;
  if (!asked.listen.empty()) {
    Result<TcpListener> tcp = listen_tcp(asked.listen);
    if (!tcp) return tl::unexpected<Error>(tcp.error());
    parts->tcp = std::move(*tcp);
    if (parts->tcp.ipv4_only) parts->log(LogLevel::kInfo, "no IPv6 here: probes are answered on 0.0.0.0");
  }
  if (!asked.socket.empty()) {
    Result<std::unique_ptr<UnixListener>> local =
        UnixListener::create({asked.socket, asked.socket_mode, asked.socket_group, asked.instance});
    if (!local) return tl::unexpected<Error>(local.error());
    parts->unix_socket = std::move(*local);
    if (!parts->unix_socket->warning().empty()) parts->log(LogLevel::kWarn, parts->unix_socket->warning());
  }
  if (parts->tcp.fd) {
    parts->tcp_acceptor.emplace(loop, parts->tcp.fd.get(), kKeptFromProbes, parts->acceptor_hooks(Transport::kTcp));
  }
  if (parts->unix_socket) {
    parts->unix_acceptor.emplace(loop, parts->unix_socket->fd(), kKeptFromWaiters,
                                 parts->acceptor_hooks(Transport::kUnix));
    parts->beat();
  }
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

void Server::publish(std::shared_ptr<const core::Published> snapshot) {
  Shared& shared = parts_->shared;
  shared.now = std::move(snapshot);
  shared.probes.rebuild(*shared.now);
  shared.waits.forget();
  if (parts_->unix_socket) parts_->unix_socket->page().publish(*shared.now, coarse_now());
  parts_->waiters.published();
  parts_->watchers.published();
}

void Server::close_listeners() {
  parts_->unix_acceptor.reset();
  parts_->tcp_acceptor.reset();
  parts_->heartbeat.cancel();
  parts_->unix_socket.reset();
  parts_->tcp.fd.reset();
}

bool Server::waking() const { return parts_->waiters.waking(); }
std::uint16_t Server::bound_port() const { return parts_->tcp.port; }
std::size_t Server::waiters() const { return parts_->waiters.count(); }
std::size_t Server::watchers() const { return parts_->watchers.count(); }

}  // namespace readygate::server
