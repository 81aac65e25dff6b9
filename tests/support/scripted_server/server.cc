// See server.h.
#include "scripted_server/server.h"

#include <array>
#include <chrono>
#include <span>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "scripted_server/query.h"

namespace readygate::scripted {

namespace {

using namespace std::chrono_literals;

// RFC 8446, 6: an alert record, TLS 1.2 on the wire, fatal (2), protocol_version (70).
constexpr std::array<std::uint8_t, 7> kTlsAlert = {0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46};

constexpr auto kHeldPoll = 20ms;  // how soon a hanging connection notices that its client has gone

bool send_all(int socket, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool peer_is_gone(int socket) {
  pollfd watched{socket, POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) > 0 && (watched.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// manual, "$currentOp" (the first stage of a pipeline on admin) and "currentOp": both show what the test put there.
std::optional<Result<Doc>> current_operations(const ServerState& state, const std::string& database,
                                              const Doc& command) {
  if (command.has("currentOp")) return Doc().add_array("inprog", Doc::array_of(state.current_operations));
  const auto stages = command.documents("pipeline");
  if (!command.has("aggregate") || stages.empty() || !stages.front().has("$currentOp")) return std::nullopt;
  const std::vector<Doc> rest(stages.begin() + 1, stages.end());
  const auto rows = run_pipeline(Doc::array_of(rest), state.current_operations);
  if (!rows) return Result<Doc>(tl::unexpected(rows.error()));
  return cursor_reply(database + ".$cmd.aggregate", *rows);
}

/// manual, "killOp": it answers ok whether or not there is such an operation. One that is told to end ends at once
/// here.
std::optional<Doc> kill_operation(ServerState& state, const Doc& command) {
  const auto wanted = command.find("op");
  if (!command.has("killOp") || !wanted) return std::nullopt;
  std::erase_if(state.current_operations, [&](const Doc& operation) {
    const auto id = operation.find("opid");
    return id && id->same(*wanted);
  });
  return Doc().add("info", "attempting to kill op");
}

Doc run_command(ServerState& state, const std::string& database, const Doc& command, std::int32_t connection) {
  if (const auto refused = state.deployment.refuse(command)) return error_reply(*refused);
  if (auto answer = state.deployment.answer(command, connection, now_ms())) return *answer;
  if (auto operations = current_operations(state, database, command)) {
    return *operations ? **operations : error_reply(operations->error());
  }
  if (const auto killed = kill_operation(state, command)) return *killed;
  const auto reply = state.model.run(database, command);
  return reply ? *reply : error_reply(reply.error());
}

}  // namespace

Doc execute(ServerState& state, const std::string& database, const Doc& command, std::int32_t connection) {
  if (command.has("autocommit")) {
    return in_transaction(state.transactions, state.model, command,
                          [&] { return run_command(state, database, command, connection); });
  }
  if (const auto first = command.first(); first && access_of(first->key()) == Access::kWrite) {
    take_back(state.transactions, state.model);
  }
  std::string retry_key;
  if (command.has("txnNumber") && state.deployment.replicated()) {
    retry_key = command.document("lsid").json() + "/" + std::to_string(command.integer("txnNumber"));
    if (const auto done = state.retryable.find(retry_key); done != state.retryable.end()) return done->second;
  }
  Doc reply = run_command(state, database, command, connection);
  if (!retry_key.empty() && reply.integer("ok", 1) == 1) state.retryable[retry_key] = reply;
  return reply;
}

bool Server::listen() {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port_);
  if (::inet_pton(AF_INET, host_.c_str(), &address.sin_addr) != 1) return false;
  socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(socket.get(), 128) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return false;
  }
  port_ = ntohs(address.sin_port);
  listener_ = std::move(socket);
  return true;
}

void Server::accept() {
  UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!socket) return;
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::int32_t id = 0;
  {
    auto state = state_.lock();
    id = state->next_connection++;
    state->descriptors.insert(socket.get());
  }
  std::thread([this, id, owned = std::move(socket)]() mutable { serve(std::move(owned), id); }).detach();
}

void Server::release() {
  ++state_.lock()->releases;
  changed_.notify_all();
}

void Server::step_down() {
  {
    auto state = state_.lock();
    state->deployment.step_down();
    ++state->step_downs;
  }
  changed_.notify_all();
}

void Server::drop_connections() {
  auto state = state_.lock();
  for (const int descriptor : state->descriptors) ::shutdown(descriptor, SHUT_RDWR);
}

Server::Held Server::hold(int socket, bool interruptible) {
  auto state = state_.lock();
  const auto releases = state->releases;
  const auto step_downs = state->step_downs;
  ++state->held;
  Held outcome = Held::kReleased;
  while (state->releases == releases) {
    if (interruptible && state->step_downs != step_downs) {
      outcome = Held::kInterrupted;
      break;
    }
    if (peer_is_gone(socket)) {
      outcome = Held::kGone;
      break;
    }
    changed_.wait_for(state.lock(), kHeldPoll);
  }
  --state->held;
  return outcome;
}

void Server::serve(UniqueFd socket, std::int32_t id) {
  const Fault fault = state_.lock()->script.accept();
  std::this_thread::sleep_for(fault.latency);
  bool open = !(fault.hang && hold(socket.get(), false) == Held::kGone);
  open = open && fault.disconnect == Fault::Disconnect::kNo;

  RequestReader reader;
  std::array<std::uint8_t, 65536> buffer;
  while (open) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    if (fault.tls_alert) {
      send_all(socket.get(), kTlsAlert);
      break;
    }
    reader.feed(std::span(buffer).first(static_cast<std::size_t>(got)));
    Request request;
    auto read = reader.next(request);
    while (open && read == RequestReader::State::kRequest) {
      open = handle(socket.get(), id, request);
      if (open) read = reader.next(request);
    }
    if (read == RequestReader::State::kBroken) break;  // what a server does with what it does not understand
  }
  // Forgotten and closed under one lock: the number cannot be given to another connection in between.
  auto state = state_.lock();
  state->descriptors.erase(socket.get());
  socket.reset();
}

bool Server::handle(int socket, std::int32_t id, const Request& request) {
  const Fault fault = state_.lock()->script.command(id, request.database, request.command);
  std::this_thread::sleep_for(fault.latency);
  const auto first = request.command.first();
  const bool write = first && access_of(first->key()) == Access::kWrite;
  bool interrupted = false;
  if (fault.hang) {
    const Held held = hold(socket, write);
    if (held == Held::kGone) return false;
    interrupted = held == Held::kInterrupted;
  }
  if (fault.disconnect == Fault::Disconnect::kBefore) return false;

  Bytes bytes;
  bool waits = fault.hang_after;
  {
    auto state = state_.lock();
    waits = waits || state->model.waits(request.database, request.command);
    Doc reply;
    if (interrupted) {
      reply = error_reply(Code::kInterruptedDueToReplStateChange, "operation was interrupted");
    } else {
      reply = fault.reply ? *fault.reply : execute(*state, request.database, request.command, id);
    }
    if (fault.merge) reply = reply.merged(*fault.merge);
    bytes = encode_reply(request, state->deployment.finish(request.command, reply), request.id);
  }
  if (fault.disconnect == Fault::Disconnect::kAfter) return false;
  if (fault.tls_alert) {
    send_all(socket, kTlsAlert);
    return false;
  }
  if (!request.wants_reply) return true;
  if (waits && hold(socket, false) == Held::kGone) return false;
  std::span<const std::uint8_t> rest(bytes);
  if (fault.hang_mid_answer) {
    const auto half = rest.first(rest.size() / 2);
    if (!send_all(socket, half) || hold(socket, false) == Held::kGone) return false;
    rest = rest.subspan(half.size());
  }
  return send_all(socket, rest);
}

}  // namespace readygate::scripted
