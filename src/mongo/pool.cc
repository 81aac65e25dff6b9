#include "mongo/pool.h"

#include <utility>

#include <fmt/format.h>

#include "mongo/errors.h"

namespace readygate::mongo {

namespace {

using core::Domain;
using core::Failure;

}  // namespace

// ------------------------------------------------------------------------------------------------------- a client

Client::~Client() {
  if (pool_) pool_->give_back(*this);
}

void Client::worked() { warm_since_ = pool_->watch().losses(); }

Failure Client::failure(const bson_error_t& error, const bson_t* reply, core::Doing doing, Millis elapsed) {
  Failure failure = failure_from(error, reply, doing);
  if (!pool_->uris_.login) failure = as_nobody(std::move(failure));
  spent_ = kind_ != Kind::kOrdinary && failure.domain != Domain::kServer;
  const bool ordinary = kind_ == Kind::kOrdinary || kind_ == Kind::kLedger;  // under the same limits
  if (error.domain == MONGOC_ERROR_SERVER_SELECTION && failure.domain != Domain::kProtocol) {
    // A client of one thread is not watched by the monitors; it scans by itself, and its words are the better ones.
    if (ordinary || failure.domain == Domain::kSelection) return pool_->watch().explain_selection(failure);
    return failure.domain == Domain::kTls ? pool_->watch().explain_connect(failure) : failure;
  }
  if (failure.domain == Domain::kTls || failure.domain == Domain::kTlsFile) {
    return pool_->watch().explain_connect(failure);
  }
  if (failure.domain != Domain::kStream) return failure;
  if (failure.message.find("Failed to connect") != std::string::npos) {
    failure.doing = core::Doing::kConnect;
    return pool_->watch().explain_connect(failure);
  }
  if (ordinary && elapsed + Millis(100) >= kSocketTimeout) {
    failure.domain = Domain::kStreamTimeout;
    failure.message =
        fmt::format("the server did not answer within {} s ({})", elapsed.count() / 1000, failure.message);
  }
  return failure;
}

// --------------------------------------------------------------------------------------------------------- the pool

tl::expected<std::shared_ptr<Pool>, Failure> Pool::open(std::shared_ptr<Driver> driver, const Settings& settings,
                                                        Observers observers) {
  auto uris = prepare(settings);
  if (!uris) return tl::unexpected(std::move(uris.error()));
  bson_error_t error{};
  PoolHandle pool;
  {
    const CapturedLog discarded;  // what is said here was said by prepare()
    pool.reset(mongoc_client_pool_new_with_error(uris->ordinary.get(), &error));
  }
  if (!pool) return tl::unexpected(failure_from(error, nullptr, core::Doing::kConnect));
  mongoc_client_pool_set_error_api(pool.get(), MONGOC_ERROR_API_VERSION_2);
  auto watch = std::make_unique<Watch>(std::move(observers), uris->target, settings.connect_timeout);
  mongoc_client_pool_set_apm_callbacks(pool.get(), watch->callbacks().get(), watch.get());
  return std::shared_ptr<Pool>(new Pool(std::move(driver), std::move(*uris), std::move(watch), std::move(pool)));
}

Pool::Pool(std::shared_ptr<Driver> driver, Uris uris, std::unique_ptr<Watch> watch, PoolHandle pool)
    : driver_(std::move(driver)), uris_(std::move(uris)), watch_(std::move(watch)), pool_(std::move(pool)) {}

Pool::~Pool() {
  auto hand = hand_.lock();
  hand->ledgers.clear();
  hand->builders.clear();
  hand->leases.clear();
  hand->unused.clear();
  for (const Idle& idle : hand->ordinary) mongoc_client_pool_push(pool_.get(), idle.client);
  hand->ordinary.clear();
}

namespace {

constexpr std::uint64_t kCold = ~std::uint64_t{0};

}  // namespace

Client Pool::take() {
  {
    auto hand = hand_.lock();
    if (!hand->ordinary.empty()) {
      const Idle idle = hand->ordinary.front();
      hand->ordinary.pop_front();
      return Client(shared_from_this(), idle.client, Client::Kind::kOrdinary, idle.warm_since);
    }
  }
  return Client(shared_from_this(), mongoc_client_pool_pop(pool_.get()), Client::Kind::kOrdinary, kCold);
}

Client Pool::take_cold() {
  const std::uint64_t losses = watch_->losses();
  {
    auto hand = hand_.lock();
    for (auto idle = hand->ordinary.begin(); idle != hand->ordinary.end(); ++idle) {
      if (idle->warm_since == losses) continue;
      const Idle found = *idle;
      hand->ordinary.erase(idle);
      return Client(shared_from_this(), found.client, Client::Kind::kOrdinary, found.warm_since);
    }
  }
  if (mongoc_client_t* fresh = mongoc_client_pool_try_pop(pool_.get())) {
    return Client(shared_from_this(), fresh, Client::Kind::kOrdinary, kCold);
  }
  return take();
}

Client Pool::take_ledger() {
  if (std::exchange(hand_.lock()->ledger_used, true)) return take();
  auto idle = take_idle(Client::Kind::kLedger);
  return idle ? std::move(*idle) : take();
}

void Pool::connect_ledger() {
  if (auto client = take_single(Client::Kind::kLedger)) {
    bson_error_t error{};
    const ServerHandle primary{mongoc_client_select_server(client->get(), false, nullptr, &error)};
    if (!primary) client->retire();
  }
  hand_.lock()->ledger_connected = true;
  ledger_tried_.notify_all();
}

std::optional<Failure> Pool::await_primary() {
  Client watched = take();  // begins the monitoring
  bson_error_t error{};
  const std::int64_t begun = bson_get_monotonic_time();
  const ServerHandle primary{mongoc_client_select_server(watched.get(), false, nullptr, &error)};
  if (!primary) return watched.failure(error, nullptr, core::Doing::kReadLedger, Millis(0));
  const std::chrono::microseconds took(bson_get_monotonic_time() - begun);
  auto hand = hand_.lock();
  ledger_tried_.wait_for(hand.lock(), took, [&] { return hand->ledger_connected; });
  return std::nullopt;
}

tl::expected<Client, Failure> Pool::take_builder() { return take_single(Client::Kind::kBuild); }

tl::expected<Client, Failure> Pool::take_lease() { return take_single(Client::Kind::kLease); }

std::vector<ClientHandle>& Pool::Hand::singles(Client::Kind kind) {
  return kind == Client::Kind::kLedger ? ledgers : kind == Client::Kind::kBuild ? builders : leases;
}

std::optional<Client> Pool::take_idle(Client::Kind kind) {
  auto hand = hand_.lock();
  std::vector<ClientHandle>& idle = hand->singles(kind);
  if (idle.empty()) return std::nullopt;
  ClientHandle client = std::move(idle.back());
  idle.pop_back();
  return Client(shared_from_this(), client.release(), kind, kCold);
}

tl::expected<Client, Failure> Pool::take_single(Client::Kind kind) {
  if (auto idle = take_idle(kind)) return std::move(*idle);
  const UriHandle& uri = kind == Client::Kind::kLedger  ? uris_.ledger
                         : kind == Client::Kind::kBuild ? uris_.build
                                                        : uris_.lease;
  bson_error_t error{};
  ClientHandle client{mongoc_client_new_from_uri_with_error(uri.get(), &error)};
  if (!client) return tl::unexpected(failure_from(error, nullptr, core::Doing::kConnect));
  mongoc_client_set_error_api(client.get(), MONGOC_ERROR_API_VERSION_2);
  if (const CallbacksHandle told = watch_->command_callbacks()) {
    mongoc_client_set_apm_callbacks(client.get(), told.get(), watch_.get());
  }
  return Client(shared_from_this(), client.release(), kind, kCold);
}

void Pool::drop_builders() {
  auto hand = hand_.lock();
  for (ClientHandle& builder : hand->builders) hand->unused.push_back(std::move(builder));
  hand->builders.clear();
}

void Pool::sweep() {
  std::vector<ClientHandle> dropped;  // destroyed without the lock
  std::swap(dropped, hand_.lock()->unused);
}

void Pool::give_back(const Client& client) {
  auto hand = hand_.lock();
  if (client.spent_ && client.kind_ != Client::Kind::kOrdinary) {
    hand->unused.emplace_back(client.client_);
    return;
  }
  if (client.kind_ == Client::Kind::kOrdinary) {
    hand->ordinary.push_back({client.client_, client.warm_since_});
    if (client.warm_since_ == kCold) return;
    for (ClientHandle& first : hand->ledgers) hand->unused.push_back(std::move(first));
    hand->ledgers.clear();
  } else {
    hand->singles(client.kind_).emplace_back(client.client_);
  }
}

}  // namespace readygate::mongo
