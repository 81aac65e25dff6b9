#include "rig.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace readygate::server::testing {
namespace {

constexpr std::chrono::seconds kPatience{2};
constexpr const char* kInstance = "00112233445566778899aabbccddeeff";

template <typename Address>
UniqueFd connect_to(int family, const Address& address) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const void* bytes = &address;
  if (::connect(fd.get(), static_cast<const sockaddr*>(bytes), sizeof address) != 0 && errno != EINPROGRESS) {
    throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
  }
  return fd;
}

}  // namespace

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "readygate-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

core::Snapshot sample(core::State state, bool initialized, bool reachable) {
  core::Snapshot snapshot;
  snapshot.instance_id = kInstance;
  snapshot.state = state;
  snapshot.facts = core::derive({state, initialized, reachable, false, true}, core::ReadyPolicy::kLive);
  snapshot.code = snapshot.facts.ready              ? Reason::kNone
                  : state == core::State::kDraining ? Reason::kDraining
                  : initialized                     ? Reason::kDatabaseLost
                                                    : Reason::kInitializing;
  snapshot.origin = origin(snapshot.code);
  if (snapshot.code != Reason::kNone) snapshot.reason = "db.internal:27017 is spoken to";
  snapshot.retryable = snapshot.code != Reason::kNone;
  snapshot.attempt = 1;
  if (state == core::State::kInitializing) {
    snapshot.phase = {"apply", 2, 5, "create 3 indexes on rebalances", 40};
    snapshot.lease = {kInstance, 7, true};
  }
  snapshot.started = WallTime(Millis(1'767'225'600'000));
  snapshot.since = WallTime(Millis(1'767'225'601'000));
  snapshot.schema = {"rebalancer", 3, "1:ab"};
  snapshot.server = {"FerretDB", "7.0.77", "standalone"};
  snapshot.checks = {{"schema", initialized, initialized ? Reason::kNone : Reason::kInitializing},
                     {"mongodb", reachable, reachable ? Reason::kNone : Reason::kNoPrimary}};
  if (!reachable) snapshot.checks.back().sentence = "db.internal:27017 refuses connections";
  return snapshot;
}

std::shared_ptr<const core::Published> published(const core::Snapshot& snapshot) {
  return std::make_shared<const core::Published>(core::publish(snapshot));
}

UniqueFd connect_local(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return connect_to(AF_UNIX, address);
}

void Client::send(std::string_view bytes) {
  const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes.size()) && errno != EPIPE && errno != ECONNRESET) {
    throw std::runtime_error("the client cannot send");
  }
}

bool Client::fill() {
  std::array<char, 65536> buffer;
  const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) pending_.append(buffer.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN)) eof_ = true;
  return got > 0;
}

std::string Client::receive(std::size_t count) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (pending_.size() < count && !eof_ && std::chrono::steady_clock::now() < deadline) {
    rig_->loop->poll();
    if (!fill()) std::this_thread::yield();
  }
  std::string result = pending_.substr(0, count);
  pending_.erase(0, result.size());
  return result;
}

std::string Client::receive_line() {
  std::string line;
  for (;;) {
    const std::string one = receive(1);
    line += one;
    if (one.empty() || one == "\n") return line;
  }
}

std::size_t Client::waiting() const {
  std::array<char, 4096> bytes{};
  const ssize_t count = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

std::string Client::receive_all() { return receive(std::string::npos); }

bool Client::ended() { return receive(1).empty() && eof_; }

bool Client::silent() {
  for (int i = 0; i < 20; ++i) {
    rig_->loop->poll();
    fill();
  }
  return pending_.empty() && !eof_;
}

void Client::half_close() { ::shutdown(fd_.get(), SHUT_WR); }

Rig::Rig(Limits limits, ServerCallbacks callbacks, std::vector<uid_t> allow_uids) : socket(folder.file("gate.sock")) {
  loop = std::move(*Loop::create(clock));
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.socket = socket;
  options.version = "0.0.0";
  options.instance = kInstance;
  options.limits = limits;
  options.allow_uids = std::move(allow_uids);
  Result<std::unique_ptr<Server>> made = Server::create(*loop, std::move(options), std::move(callbacks));
  if (!made) throw std::runtime_error(made.error().message);
  server = std::move(*made);
  publish(core::State::kConnecting, false, false);
}

Client Rig::tcp() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->bound_port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Client client(*this, connect_to(AF_INET, address));
  turn();
  return client;
}

Client Rig::local() {
  Client client(*this, connect_local(socket));
  turn();
  return client;
}

std::string Rig::ask_local(std::string_view bytes) {
  Client client = local();
  client.send(bytes);
  return client.receive_all();
}

std::string Rig::ask_tcp(std::string_view bytes) {
  Client client = tcp();
  client.send(bytes);
  return client.receive_all();
}

void Rig::publish(core::State state, bool initialized, bool reachable) {
  publish(sample(state, initialized, reachable));
}

void Rig::publish(core::Snapshot snapshot) {
  snapshot.seq = ++seq_;
  server->publish(published(snapshot));
}

void Rig::advance(Millis by) {
  // In steps, so that timers that start each other all run.
  for (Millis left = by; left > Millis(0); left -= std::min(left, Millis(1000))) {
    clock.advance(std::min(left, Millis(1000)));
    turn();
  }
}

void Rig::turn(int times) {
  for (int i = 0; i < times; ++i) loop->poll();
}

}  // namespace readygate::server::testing
