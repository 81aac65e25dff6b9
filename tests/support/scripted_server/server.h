// The listening socket and its connections: one thread each, all of them on one guarded state.
//
// A connection reads a request, asks the script what shall go wrong, lets the deployment or the model answer, and
// sends. Hanging is waiting on the state: it ends when the test releases it, when the primary steps down (a write in
// progress is then interrupted, as a server does), or when the client is gone.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/sync.h"
#include "base/unique_fd.h"
#include "scripted_server/catalog_model.h"
#include "scripted_server/deployment.h"
#include "scripted_server/script.h"
#include "scripted_server/transaction.h"
#include "scripted_server/wire.h"

namespace readygate::scripted {

/// What tests change and connections read; only under the lock.
struct ServerState {
  ServerState(Deployment::Settings settings, CatalogModel::Deployment kind)
      : deployment(std::move(settings)), model(kind) {}

  Deployment deployment;
  CatalogModel model;
  Script script;
  std::vector<Doc> current_operations;   // what $currentOp and currentOp show
  std::map<std::string, Doc> retryable;  // replies by session and txnNumber: a retried write is not done twice
  Transactions transactions;
  std::set<int> descriptors;   // of open connections
  std::uint64_t releases = 0;  // raised by each release
  std::uint32_t step_downs = 0;
  std::int32_t held = 0;  // connections that hang now
  std::int32_t next_connection = 1;
};

class Server {
 public:
  /// `state` outlives the server and every connection thread.
  Server(std::string host, std::uint16_t port, Sync<ServerState>& state)
      : host_(std::move(host)), port_(port), state_(state) {}

  /// Opens the listener, on the same port again after the first time. False, with errno, when that fails.
  bool listen();
  void refuse() { listener_.reset(); }  // connecting is refused from here on
  int listener() const { return listener_.get(); }
  std::uint16_t port() const { return port_; }

  /// Takes one connection and gives it a thread.
  void accept();
  void release();  // everything that hangs goes on
  void step_down();
  void drop_connections();  // every open connection is closed from this side

 private:
  enum class Held { kReleased, kInterrupted, kGone };
  void serve(UniqueFd socket, std::int32_t id);
  bool handle(int socket, std::int32_t id, const Request& request);  // false: close the connection
  Held hold(int socket, bool interruptible);

  std::string host_;
  std::uint16_t port_;
  UniqueFd listener_;
  Sync<ServerState>& state_;
  std::condition_variable changed_;
};

/// Runs one command as a connection would, without script, log or sockets.
Doc execute(ServerState& state, const std::string& database, const Doc& command, std::int32_t connection);

}  // namespace readygate::scripted
