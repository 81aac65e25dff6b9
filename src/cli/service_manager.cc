#include "cli/service_manager.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace readygate::cli {
namespace {

constexpr Millis kProlongEvery{15'000};
constexpr std::string_view kProlong = "EXTEND_TIMEOUT_USEC=60000000\n";
constexpr Millis kAgainAfter{100};  // the manager's queue was full

// One line: a server's message, which may be part of it, has any characters.
std::string status_of(const core::Snapshot& snapshot) {
  std::string text(name(snapshot.state));
  const core::Snapshot::Phase& phase = snapshot.phase;
  if (!snapshot.reason.empty()) {
    text += ": " + snapshot.reason;
  } else if (phase.of > 0) {
    text += fmt::format(": {} {}/{}: {}", phase.name, phase.step, phase.of, phase.what);
  }
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  return text;
}

bool at_work(core::State state) {
  return state == core::State::kWaiting || state == core::State::kInitializing || state == core::State::kVerifying ||
         state == core::State::kWarming;
}

}  // namespace

std::string ServiceWords::observe(const core::Snapshot& snapshot) {
  std::string said;
  if (snapshot.facts.open && !opened_) {
    opened_ = true;
    said += "READY=1\n";
  }
  if (snapshot.state == core::State::kDraining && !stopping_) {
    stopping_ = true;
    said += "STOPPING=1\n";
  }
  if (std::string status = status_of(snapshot); status != status_) {
    status_ = std::move(status);
    said += fmt::format("STATUS={}\n", status_);
  }
  return said;
}

std::string ServiceWords::prolong(const core::Snapshot& snapshot) const {
  return opened_ || !at_work(snapshot.state) ? "" : std::string(kProlong);
}

ServiceManager::ServiceManager(GateHost& host, std::string_view address) : host_(host), address_(address) {
  if (address_.empty()) return;
  if ((address_.front() != '/' && address_.front() != '@') || address_.size() >= sizeof(sockaddr_un::sun_path)) {
    host_.say(LogLevel::kWarn, fmt::format("NOTIFY_SOCKET is neither a path nor an abstract name: {}", address_));
    address_.clear();
    return;
  }
  socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  turn();
}

void ServiceManager::observe(const core::Snapshot& snapshot) {
  if (address_.empty()) return;
  std::string said = words_.observe(snapshot);
  if (!said.empty()) said += words_.prolong(snapshot);
  unsent_ += said;
  send();
}

void ServiceManager::turn() {
  prolong_ = host_.loop().after(kProlongEvery, [this] {
    unsent_ += words_.prolong(host_.gate().snapshot());
    send();
    turn();
  });
}

// Never blocks: what a full queue does not take is sent a little later, with what has come since.
void ServiceManager::send() {
  if (unsent_.empty()) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(to.sun_path), address_.data(), address_.size());
  if (address_.front() == '@') to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  const auto* const address = reinterpret_cast<const sockaddr*>(&to);
  if (::sendto(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL, address, size) >= 0) {
    unsent_.clear();
  } else if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) {
    again_ = host_.loop().after(kAgainAfter, [this] { send(); });
  } else {
    host_.say(LogLevel::kWarn, fmt::format("The service manager is not told: {}: {}", address_, std::strerror(errno)));
    address_.clear();
  }
}

}  // namespace readygate::cli
