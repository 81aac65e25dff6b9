#include "server/acceptor.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace readygate::server {
namespace {

// Accepting until there is nothing more costs a call that finds nothing, for which the kernel makes a socket and a file
// first: a sixth of all that a probe costs. So one is accepted in a turn, until turn after turn found one.
constexpr int kMostAccepts = 64;  // then the other sockets have their turn
constexpr int kTurnsInARow = 8;
constexpr Millis kPause{100};  // when even the spare descriptor does not help

// A new descriptor has the lowest number that is free: with this one or a higher one, hardly any are left.
int first_kept(rlim_t kept) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<int>::max();
  const rlim_t all = std::min<rlim_t>(limit.rlim_cur, std::numeric_limits<int>::max());
  return static_cast<int>(all - std::min(kept, all * kept / 64));  // below 64 in all, the same share
}

UniqueFd spare() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

struct Acceptor::EventHolder {
  event readable{};
};

Acceptor::Acceptor(Loop& loop, int listener, rlim_t kept, Hooks hooks)
    : loop_(loop),
      listener_(listener),
      hooks_(std::move(hooks)),
      spare_(spare()),
      first_kept_(first_kept(kept)),
      event_(std::make_unique<EventHolder>()) {
  event_assign(
      &event_->readable, loop_.base(), listener_, static_cast<short>(EV_READ | EV_PERSIST),
      [](evutil_socket_t, short, void* arg) { static_cast<Acceptor*>(arg)->ready(); }, this);
  event_priority_set(&event_->readable, static_cast<int>(Priority::kProbe));
  event_add(&event_->readable, nullptr);
}

Acceptor::~Acceptor() { event_del(&event_->readable); }

void Acceptor::ready() {
  for (int i = 0; i < accepts_; ++i) {
    UniqueFd fd(::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd && (fd.get() < first_kept_ || hooks_.make_room())) {
      hooks_.take(std::move(fd));
      continue;
    }
    if (fd) {
      fd.reset();
      hooks_.turned_away();
      continue;
    }
    switch (errno) {
      case EAGAIN:
        accepts_ = 1;
        turns_in_a_row_ = 0;
        return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        if (out_of_descriptors() == Next::kStop) return;
        break;
      default: break;  // a client that went before it was accepted, or a network error that is its own
    }
  }
  if (++turns_in_a_row_ >= kTurnsInARow) accepts_ = std::min(2 * accepts_, kMostAccepts);
}

Acceptor::Next Acceptor::out_of_descriptors() {
  if (hooks_.make_room()) return Next::kMore;
  spare_.reset();
  UniqueFd refused(::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  const int error = refused ? 0 : errno;
  refused.reset();
  spare_ = spare();
  if (error == 0) {
    hooks_.turned_away();
    return Next::kMore;
  }
  // The kernel looks for a descriptor before it looks for a connection: there may have been none.
  if (error == EAGAIN) return Next::kStop;
  event_del(&event_->readable);
  pause_ = loop_.after(kPause, [this] { event_add(&event_->readable, nullptr); });
  return Next::kStop;
}

}  // namespace readygate::server
