// Accepts connections from one listening socket, but for the last descriptors of the process, which are its own: a
// crowd that waits must not keep out the database that it waits for. Then an idle connection is given up for the new
// one, and where there is none, the new one is closed at once. With no descriptor left at all, a spare one is used for
// that: otherwise the connection would stay in the queue, and the loop would spin on a socket that is always readable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <sys/resource.h>

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

  // `listener` stays the caller's and must stay open while this lives. `kept`: how many descriptors are not for its
  // connections, up to 64.
  Acceptor(Loop& loop, int listener, rlim_t kept, Hooks hooks);
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
  const int first_kept_;  // connections have lower numbers
  std::unique_ptr<EventHolder> event_;
  Timer pause_;
  int accepts_ = 1;         // in a turn
  int turns_in_a_row_ = 0;  // in which that many were there
};

}  // namespace readygate::server
