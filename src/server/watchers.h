// Those who watch: one line per change, and a heartbeat. A watcher that reads slowly does not get a queue: while one
// line is unsent, newer snapshots replace each other, and the newest follows when there is room. One that reads nothing
// of a line for `Limits::unread` is closed.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "server/shared.h"

namespace readygate::server {

enum class Framing { kLines, kHttp, kHttpChunked };  // kHttp: to an HTTP/1.0 client, which knows no chunks

class Watchers {
 public:
  explicit Watchers(Shared& shared);
  ~Watchers();  // closes: the stream ends
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  bool full() const { return watchers_.size() >= shared_.limits.watchers; }
  // Answers with the current snapshot at once.
  void add(UniqueFd fd, Framing framing);
  void published();
  std::size_t count() const { return watchers_.size(); }

 private:
  struct Watcher;
  enum class Alive { kYes, kNo };

  Alive send_line(Watcher& watcher, std::string_view line);
  Alive flush(Watcher& watcher);
  void heard(Watcher& watcher);
  void writable(Watcher& watcher);
  void try_again(Watcher& watcher);
  void beat();
  void remove(Watcher& watcher);
  // Calls `each` on every watcher and removes those that it says are gone.
  template <typename Each>
  void for_all(Each each);

  Shared& shared_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  Timer heartbeat_;
};

}  // namespace readygate::server
