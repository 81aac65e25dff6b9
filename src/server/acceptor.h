// Accepts connections from one listening socket, also when the process has no descriptor left: then an idle connection
// is given up for the new one, and where there is none, a spare descriptor is used to accept the connection and close
// it at once. Without that it would stay in the queue, and the loop would spin on a socket that is always readable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/unique_fd.h"
#include "server/loop.h"

namespace readygate::server {

class Acceptor {
 public:
  struct Hooks {
    std::function<void(UniqueFd)> take;  // a new connection, non-blocking, close-on-exec
    std::function<bool()> make_room;     // closes some idle connection; false: there is none
    std::function<void()> turned_away;
  };

  // `listener` stays the caller's and must stay open while this lives.
  Acceptor(Loop& loop, int listener, Hooks hooks);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

 private:
  struct EventHolder;
  enum class Next { kMore, kStop };

  void ready();
  Next out_of_descriptors();

  Loop& loop_;
  const int listener_;
  Hooks hooks_;
  UniqueFd spare_;
  std::unique_ptr<EventHolder> event_;
  Timer pause_;
};

}  // namespace readygate::server
