#include "server/watchers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

namespace readygate::server {
namespace {

// The kernel reports room in a Unix socket only once three quarters of what is in it were read (unix_writable), so it
// is tried as well: who reads a little is reading.
constexpr Seconds kTryAgain{1};
constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nCache-Control: no-store\r\nConnection: close\r\n";

std::string framed(Framing framing, std::string_view line) {
  if (framing != Framing::kHttpChunked) return fmt::format("{}\n", line);
  return fmt::format("{:x}\r\n{}\n\r\n", line.size() + 1, line);
}

}  // namespace

struct Watchers::Watcher {
  Watchers* owner = nullptr;
  event hangup{};
  event writable{};
  UniqueFd fd;
  Framing framing = Framing::kLines;
  std::string unsent;
  bool stale = false;  // a newer snapshot came while `unsent` was not empty
  Instant moved{};     // when `unsent` was last set, or some of it sent
  Timer try_again;     // while `unsent` is not empty

  ~Watcher() {
    event_del(&hangup);
    event_del(&writable);
  }
};

Watchers::Watchers(Shared& shared) : shared_(shared) {}
Watchers::~Watchers() = default;

void Watchers::add(UniqueFd fd, Framing framing) {
  auto made = std::make_unique<Watcher>();
  Watcher& watcher = *made;
  watcher.owner = this;
  watcher.fd = std::move(fd);
  watcher.framing = framing;
  event_base* base = shared_.loop.base();
  event_assign(
      &watcher.hangup, base, watcher.fd.get(), static_cast<short>(EV_READ | EV_PERSIST | EV_ET),
      [](evutil_socket_t, short, void* arg) {
        auto* self = static_cast<Watcher*>(arg);
        self->owner->heard(*self);
      },
      &watcher);
  event_assign(
      &watcher.writable, base, watcher.fd.get(), static_cast<short>(EV_WRITE | EV_PERSIST | EV_ET),
      [](evutil_socket_t, short, void* arg) {
        auto* self = static_cast<Watcher*>(arg);
        self->owner->writable(*self);
      },
      &watcher);
  event_priority_set(&watcher.hangup, static_cast<int>(Priority::kWaiter));
  event_priority_set(&watcher.writable, static_cast<int>(Priority::kWaiter));
  if (event_add(&watcher.hangup, nullptr) != 0) return;
  watchers_.push_back(std::move(made));
  if (!heartbeat_.pending()) heartbeat_ = shared_.loop.after(shared_.limits.heartbeat, [this] { beat(); });

  if (framing != Framing::kLines) {
    watcher.unsent = kHead;
    watcher.unsent += framing == Framing::kHttpChunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  }
  watcher.unsent += framed(framing, shared_.now->full);
  watcher.moved = shared_.loop.clock().now();
  if (flush(watcher) == Alive::kNo) remove(watcher);
}

void Watchers::published() {
  for_all([this](Watcher& watcher) {
    if (watcher.unsent.empty()) return send_line(watcher, shared_.now->full);
    watcher.stale = true;
    return Alive::kYes;
  });
}

void Watchers::beat() {
  const std::string line = fmt::format(R"({{"v":1,"seq":{},"heartbeat":true}})", shared_.now->seq);
  for_all([&](Watcher& watcher) { return watcher.unsent.empty() ? send_line(watcher, line) : Alive::kYes; });
  if (!watchers_.empty()) heartbeat_ = shared_.loop.after(shared_.limits.heartbeat, [this] { beat(); });
}

Watchers::Alive Watchers::send_line(Watcher& watcher, std::string_view line) {
  watcher.unsent = framed(watcher.framing, line);
  watcher.moved = shared_.loop.clock().now();
  return flush(watcher);
}

Watchers::Alive Watchers::flush(Watcher& watcher) {
  for (;;) {
    const ssize_t sent =
        ::send(watcher.fd.get(), watcher.unsent.data(), watcher.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return Alive::kNo;
    if (sent > 0) {
      watcher.unsent.erase(0, static_cast<std::size_t>(sent));
      watcher.moved = shared_.loop.clock().now();
      watcher.try_again.cancel();
    }
    if (!watcher.unsent.empty()) {
      if (!watcher.try_again.pending()) {
        watcher.try_again = shared_.loop.after(kTryAgain, [this, &watcher] { try_again(watcher); });
      }
      if (event_pending(&watcher.writable, EV_WRITE, nullptr) == 0) event_add(&watcher.writable, nullptr);
      return Alive::kYes;
    }
    if (!watcher.stale) break;
    watcher.stale = false;
    watcher.unsent = framed(watcher.framing, shared_.now->full);
  }
  event_del(&watcher.writable);
  return Alive::kYes;
}

void Watchers::heard(Watcher& watcher) {
  std::array<char, 1024> ignored;
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = ::recv(watcher.fd.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
    if (got > 0) continue;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    break;
  }
  // A client that only closed its writing half still reads.
  pollfd both{watcher.fd.get(), 0, 0};
  if (::poll(&both, 1, 0) == 1 && (both.revents & (POLLHUP | POLLERR)) != 0) remove(watcher);
}

void Watchers::writable(Watcher& watcher) {
  if (flush(watcher) == Alive::kNo) remove(watcher);
}

void Watchers::try_again(Watcher& watcher) {
  const bool alive = flush(watcher) == Alive::kYes;
  const Millis unread = millis(shared_.loop.clock().now() - watcher.moved);
  if (!alive || (!watcher.unsent.empty() && unread >= shared_.limits.unread)) remove(watcher);
}

void Watchers::remove(Watcher& watcher) {
  const auto it =
      std::find_if(watchers_.begin(), watchers_.end(), [&](const auto& one) { return one.get() == &watcher; });
  if (it == watchers_.end()) return;
  std::swap(*it, watchers_.back());
  watchers_.pop_back();
}

template <typename Each>
void Watchers::for_all(Each each) {
  for (std::size_t i = 0; i < watchers_.size();) {
    if (each(*watchers_[i]) == Alive::kYes) {
      ++i;
    } else {
      remove(*watchers_[i]);
    }
  }
}

}  // namespace readygate::server
