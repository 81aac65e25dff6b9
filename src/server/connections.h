// Connections that ask: HTTP on both transports, and the line dialect on the Unix socket. Each turn of the loop serves
// one request per connection, so that a client that sends a thousand at once holds nobody up. A client that asks to
// wait or to watch is handed over with its descriptor.
//
// An idle connection has no buffer: bytes are read into one that all share, and only those of an unfinished request are
// kept. An answer is one send; what the socket does not take at once is kept, and nothing more is read until it went.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "server/shared.h"
#include "server/waiters.h"
#include "server/watchers.h"

namespace readygate::server {

class Connections {
 public:
  struct Hooks {
    std::function<bool(int fd)> may_post;  // is the peer of this Unix socket allowed to change anything?
    std::function<core::Retried()> retry;
    std::function<void(Millis)> drain;
    std::function<void()> undrain;
    std::function<Gauges()> gauges;
  };

  Connections(Shared& shared, Waiters& waiters, Watchers& watchers, Hooks hooks);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  void adopt(UniqueFd fd, Transport transport);
  // Closes the TCP connection that was idle longest. False: there is none.
  bool give_one_up();
  std::size_t count(Transport transport) const { return groups_[static_cast<std::size_t>(transport)].count; }

 private:
  struct Connection;
  struct Group {  // in order of their last request
    Connection* head = nullptr;
    Connection* tail = nullptr;
    std::size_t count = 0;
  };
  struct EventHolder;

  Group& group(const Connection& connection);
  void link(Connection& connection);
  void unlink(Connection& connection);
  void destroy(Connection& connection);
  UniqueFd release(Connection& connection);  // destroys it and keeps its descriptor

  void turn(Connection& connection);  // serves one request, from the buffer or the socket
  void write_more(Connection& connection);
  void discard(Connection& connection);
  void serve_http(Connection& connection, std::string_view bytes);
  void serve_line(Connection& connection, std::string_view bytes);
  void keep(Connection& connection, std::string_view bytes);
  void carry_out(Connection& connection, const Decision& decision, const HttpRequest& request);
  void change(Connection& connection, const Decision& decision, Ending ending);
  void start_wait(Connection& connection, const WaitRequest& asked, Speech speech);
  void start_watch(Connection& connection, Framing framing);
  void refuse_line(Connection& connection, Why why);
  void respond(Connection& connection, std::string_view bytes, Ending ending);
  void after_answer(Connection& connection, Ending ending);
  void await(Connection& connection, short what);
  void resume_later(Connection& connection);
  void resume_soon();
  void resume();
  void sweep();
  void end_overdue();

  Shared& shared_;
  Waiters& waiters_;
  Watchers& watchers_;
  Hooks hooks_;
  std::array<Group, 2> groups_;  // by transport
  std::uint32_t tick_ = 0;       // seconds, as counted by sweep()
  Timer sweep_timer_;
  std::vector<Connection*> resumable_;  // have a further request in their buffer
  std::unique_ptr<EventHolder> resume_event_;
  std::array<char, 16384> buffer_;
};

}  // namespace readygate::server
