#include "rig.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "mongo/handles.h"

namespace readygate::mongo::testing {

const char* test_uri() {
  const char* uri = std::getenv("READYGATE_TEST_MONGODB_URI");
  if (!uri || !*uri) {
    MESSAGE("skipped: READYGATE_TEST_MONGODB_URI is not set");
    return nullptr;
  }
  return uri;
}

bool lacks(std::string_view name) {
  const char* said = std::getenv("READYGATE_TEST_LACKING");
  if (!said || fmt::format(",{},", said).find(fmt::format(",{},", name)) == std::string::npos) return false;
  MESSAGE("left out: the server lacks " << name);
  return true;
}

std::shared_ptr<Driver> driver() {
  static const std::shared_ptr<Driver> one = Driver::start({});
  return one;
}

schema::Document json(const std::string& text) {
  auto document = schema::Document::from_json(text);
  if (!document) FAIL("bad JSON in a test: " << document.error().message);
  return *document;
}

// ------------------------------------------------------------------------------------------------------- database

TestDatabase::TestDatabase(std::string uri) : uri_(std::move(uri)) {
  static std::atomic<int> count{0};
  driver();
  name_ = fmt::format("rg_cc_{}_{}", ::getpid(), ++count);
}

TestDatabase::~TestDatabase() {
  const ClientHandle client{mongoc_client_new(uri_.c_str())};
  const schema::Document drop = json("{\"dropDatabase\": 1}");
  bson_error_t error{};
  if (client) mongoc_client_command_simple(client.get(), name_.c_str(), drop.get(), nullptr, nullptr, &error);
}

BenchSettings TestDatabase::settings() const {
  BenchSettings settings;
  settings.uri = Secret(uri_);
  settings.place.database = name_;
  return settings;
}

std::string TestDatabase::command(const std::string& text) const {
  const ClientHandle client{mongoc_client_new(uri_.c_str())};
  REQUIRE(client);
  const schema::Document command = json(text);
  bson_t reply;
  bson_error_t error{};
  const bool done = mongoc_client_command_simple(client.get(), name_.c_str(), command.get(), nullptr, &reply, &error);
  const std::string answer = schema::Document(reply).to_json();
  bson_destroy(&reply);
  if (!done) FAIL("command failed: " << error.message);
  return answer;
}

// ---------------------------------------------------------------------------------------------------------- bench

Bench::Bench(BenchSettings settings, std::shared_ptr<const Clock> clock) {
  Hooks hooks;
  hooks.outcome = [this](core::TaskId id, core::Outcome outcome) {
    seen_.lock()->outcomes.emplace(id, std::move(outcome));
    changed_.notify_all();
  };
  hooks.topology = [this](core::TopologyChanged change) {
    seen_.lock()->topology.push_back(std::move(change));
    changed_.notify_all();
  };
  hooks.command = [this](std::string_view name) { seen_.lock()->commands.emplace_back(name); };
  LedgerPlace place = std::move(settings.place);
  executor_ = std::make_unique<Executor>(std::move(settings), driver(), std::move(clock), std::move(hooks));
  executor_->serve(std::move(place));
}

Bench::~Bench() { CHECK(executor_->finish(Seconds(60))); }

core::TaskId Bench::start(core::Work work) {
  executor_->start(++last_, std::move(work));
  return last_;
}

core::Outcome Bench::wait(core::TaskId id) {
  auto seen = seen_.lock();
  const bool there = changed_.wait_for(seen.lock(), Seconds(60), [&] { return seen->outcomes.contains(id); });
  REQUIRE(there);
  return seen->outcomes.at(id);
}

bool Bench::done(core::TaskId id) { return seen_.lock()->outcomes.contains(id); }
std::vector<core::TopologyChanged> Bench::topology() { return seen_.lock()->topology; }
std::vector<std::string> Bench::commands() { return seen_.lock()->commands; }

core::TopologyChanged Bench::wait_topology(bool primary) {
  auto seen = seen_.lock();
  const bool there = changed_.wait_for(
      seen.lock(), Seconds(20), [&] { return !seen->topology.empty() && seen->topology.back().primary == primary; });
  REQUIRE(there);
  return seen->topology.back();
}

// ------------------------------------------------------------------------------------------------------- listener

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

sockaddr* generic(sockaddr_in& address) { return static_cast<sockaddr*>(static_cast<void*>(&address)); }

bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, 20) > 0;
}

bool send_all(int fd, const char* bytes, ssize_t count) {
  while (count > 0) {
    const ssize_t sent = ::send(fd, bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= sent;
  }
  return true;
}

}  // namespace

Listener::Listener(Behaviour behaviour, std::uint16_t forward_to) : behaviour_(behaviour), forward_to_(forward_to) {
  resume();
}

Listener::~Listener() { stop(); }

std::string Listener::uri() const { return fmt::format("mongodb://127.0.0.1:{}/", port_); }

void Listener::listen() {
  socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = loopback(port_);
  REQUIRE(::bind(socket_.get(), generic(address), sizeof address) == 0);
  REQUIRE(::listen(socket_.get(), 64) == 0);
  socklen_t length = sizeof address;
  REQUIRE(::getsockname(socket_.get(), generic(address), &length) == 0);
  port_ = ntohs(address.sin_port);
}

void Listener::resume() {
  listen();
  stopping_ = false;
  frozen_ = false;
  acceptor_ = std::thread([this] { serve(); });
}

void Listener::stop() {
  stopping_ = true;
  if (acceptor_.joinable()) acceptor_.join();
  for (std::thread& talker : talkers_) talker.join();
  talkers_.clear();
}

void Listener::freeze() { frozen_ = true; }

void Listener::serve() {
  while (!stopping_) {
    if (!readable(socket_.get())) continue;
    const int fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    talkers_.emplace_back([this, fd] {
      const UniqueFd own(fd);
      behaviour_ == Behaviour::kForward ? forward(fd) : talk(fd);
      const linger reset{1, 0};
      if (stopping_) ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      --connections_;
    });
  }
  socket_.reset();
}

void Listener::talk(int fd) {
  while (!stopping_) {
    if (behaviour_ == Behaviour::kHang || !readable(fd)) {
      std::this_thread::sleep_for(Millis(5));
      continue;
    }
    char bytes[1024];
    const ssize_t got = ::recv(fd, bytes, sizeof bytes, 0);
    constexpr char kAlert[] = {21, 3, 3, 0, 2, 2, 40};  // fatal, handshake_failure
    if (behaviour_ == Behaviour::kSpeakTls && got > 0 && bytes[0] == 22) send_all(fd, kAlert, sizeof kAlert);
    return;
  }
}

void Listener::forward(int fd) {
  const UniqueFd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(forward_to_);
  if (::connect(other.get(), generic(address), sizeof address) != 0) return;
  pollfd waiting[2] = {{fd, POLLIN, 0}, {other.get(), POLLIN, 0}};
  while (!stopping_) {
    if (frozen_) {
      std::this_thread::sleep_for(Millis(5));
      continue;
    }
    if (::poll(waiting, 2, 20) <= 0) continue;
    for (int side = 0; side < 2; ++side) {
      if (!waiting[side].revents || frozen_) continue;
      char bytes[16384];
      const ssize_t got = ::recv(waiting[side].fd, bytes, sizeof bytes, 0);
      if (got <= 0 || !send_all(waiting[1 - side].fd, bytes, got)) return;
    }
  }
}

std::uint16_t local_port(const std::string& text) {
  bson_error_t error{};
  const UriHandle uri{mongoc_uri_new_with_error(text.c_str(), &error)};
  REQUIRE(uri);
  const mongoc_host_list_t* host = mongoc_uri_get_hosts(uri.get());
  if (host && !host->next && std::string_view(host->host) == "127.0.0.1" && !mongoc_uri_get_tls(uri.get())) {
    return host->port;
  }
  MESSAGE("skipped: needs one server without TLS on 127.0.0.1");
  return 0;
}

std::string through(const Listener& listener, const std::string& uri) {
  const std::string server = fmt::format("127.0.0.1:{}", local_port(uri));
  const auto at = uri.rfind(server);
  REQUIRE(at != std::string::npos);
  return uri.substr(0, at) + fmt::format("127.0.0.1:{}", listener.port()) + uri.substr(at + server.size());
}

}  // namespace readygate::mongo::testing
