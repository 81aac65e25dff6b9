// The connections to one database under one URI: a libmongoc client pool, what its monitors have seen, and the clients
// that were taken from it. Each client of the pool has its own connections, so a warm one is a client kept in hand.
// A Pool is shared by those who use it and destroyed by the last of them, which may block for as long as a monitor's
// connection attempt: never let that be the loop's thread. Everything here may be called from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sync.h"
#include "core/failure.h"
#include "core/work.h"
#include "mongo/driver.h"
#include "mongo/handles.h"
#include "mongo/uri.h"
#include "mongo/watch.h"

namespace readygate::mongo {

class Pool;

// A client on loan: for one thread at a time, back in the pool's hand at the end.
class Client {
 public:
  enum class Kind { kOrdinary, kLedger, kBuild, kLease };

  Client(Client&& other) noexcept = default;
  Client& operator=(Client&&) = delete;
  ~Client();

  mongoc_client_t* get() const { return client_; }
  Pool& pool() const { return *pool_; }
  Kind kind() const { return kind_; }

  // It is not needed any more: its connections end with the loan.
  void retire() { spent_ = true; }
  // Something was answered on its connection: it is warm.
  void worked();
  // The failure of a call on this client, as precise as it can be told. `elapsed`: how long the call took.
  core::Failure failure(const bson_error_t& error, const bson_t* reply, core::Doing doing, Millis elapsed);

 private:
  friend class Pool;
  Client(std::shared_ptr<Pool> pool, mongoc_client_t* client, Kind kind, std::uint64_t warm_since)
      : pool_(std::move(pool)), client_(client), kind_(kind), warm_since_(warm_since) {}

  std::shared_ptr<Pool> pool_;
  mongoc_client_t* client_;
  Kind kind_;
  std::uint64_t warm_since_;
  bool spent_ = false;  // a client of one thread refuses to connect again for five seconds after a failure
};

class Pool : public std::enable_shared_from_this<Pool> {
 public:
  // Blocks when the URI is an SRV one (name resolution). Monitoring begins with the first client that is taken.
  static tl::expected<std::shared_ptr<Pool>, core::Failure> open(std::shared_ptr<Driver> driver,
                                                                 const Settings& settings, Observers observers);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Client take();       // the one that was unused for longest, or a new one
  Client take_cold();  // one that is not warm, so that using it warms one more
  // For reading the ledger: the first time the one that connect_ledger() made, if it is there; then take(), which
  // follows the primary by itself. The other is kept until a connection of the pool has worked.
  Client take_ledger();
  // The first reading of the ledger is what the start waits for, and a connection of the pool is made after those of
  // the monitors. A client of one thread connects beside them. It waits for every member that does not answer, so
  // await_primary() does not count on it: it waits until the monitors know the primary, and then as long again, which
  // is about what the pool's own connection would take. Both block; the second says why there is no primary.
  void connect_ledger();
  std::optional<core::Failure> await_primary();
  // For steps of the schema: no limit on the time to answer.
  tl::expected<Client, core::Failure> take_builder();
  void drop_builders();  // those not on loan; more are made when needed
  // Ends the clients that nobody uses any more. Blocks: ending a session takes each a round trip, so whoever has an
  // answer to report does that first.
  void sweep();
  // For the lease: no call on it takes longer than an eighth of the lease's period for each of its parts.
  tl::expected<Client, core::Failure> take_lease();

  // Why this server cannot be used although it answers: it is too old, or a secondary that the URI insists on.
  std::optional<core::Failure> unusable() const { return watch_->unusable(); }
  // It will never find a server again: take another. This one then tells its observers nothing more.
  bool deserted() const { return watch_->deserted(); }
  void silence() { watch_->silence(); }
  const Watch& watch() const { return *watch_; }
  const std::string& hosts() const { return uris_.hosts; }
  // That the server refuses to say which indexes are being built, which is found out once in a pool's life. Where a
  // newer server takes its place, an apply asks for declared indexes once more than it had to: that does nothing.
  bool builds_are_hidden() const { return builds_hidden_; }
  void hide_builds() { builds_hidden_ = true; }

 private:
  friend class Client;
  Pool(std::shared_ptr<Driver> driver, Uris uris, std::unique_ptr<Watch> watch, PoolHandle pool);

  struct Idle {
    mongoc_client_t* client;
    std::uint64_t warm_since;  // the watch's count of losses when it last worked
  };
  struct Hand {
    std::deque<Idle> ordinary;  // front: unused for longest
    std::vector<ClientHandle> ledgers;
    std::vector<ClientHandle> builders;
    std::vector<ClientHandle> leases;
    std::vector<ClientHandle> unused;  // until sweep()
    bool ledger_connected = false;     // or not: it has been tried
    bool ledger_used = false;

    std::vector<ClientHandle>& singles(Client::Kind kind);  // of one thread each
  };
  std::optional<Client> take_idle(Client::Kind kind);
  tl::expected<Client, core::Failure> take_single(Client::Kind kind);
  void give_back(const Client& client);

  std::shared_ptr<Driver> driver_;
  Uris uris_;
  std::unique_ptr<Watch> watch_;  // the pool's callbacks point to it
  PoolHandle pool_;
  Sync<Hand> hand_;
  std::condition_variable ledger_tried_;
  std::atomic<bool> builds_hidden_ = false;
};

}  // namespace readygate::mongo
