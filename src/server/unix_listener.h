// The birth and death of the gate's Unix socket.
//
// A lock file beside it (`gate.lock` for `gate.sock`) is held for the daemon's lifetime and is the only test of whether
// another daemon lives: a socket file says nothing, it stays behind after a crash. The socket is made under a random
// name, gets its mode and group, listens, and only then is renamed into place: nobody ever connects to one that does
// not answer, or with rights that it should not have. The state page is made before the socket: whoever can connect can
// also map it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sys/types.h>

#include "base/error.h"
#include "base/unique_fd.h"
#include "server/socket_folder.h"
#include "server/state_page.h"

namespace readygate::server {

struct UnixSocketOptions {
  std::string path;  // at most 107 bytes (sockaddr_un)
  mode_t mode = 0660;
  std::int64_t group = -1;    // a gid; -1: the group of the folder
  std::string instance = {};  // 32 hex digits, for the state page
};

class UnixListener {
 public:
  // Fails with kSocketTaken (the message names the other daemon by its own STATUS, asked for at most 500 ms) or
  // kSocketPath.
  static Result<std::unique_ptr<UnixListener>> create(const UnixSocketOptions& options);
  // Ends the state page, and unlinks the socket file if it is still the one that was made here. The lock file stays:
  // unlinking a lock that another process has just opened would let two daemons hold it.
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

  int fd() const { return fd_.get(); }  // non-blocking, close-on-exec
  const std::string& path() const { return path_; }
  StatePage& page() { return *page_; }
  // "" or a sentence for the log: a group could not be set.
  const std::string& warning() const { return warning_; }

 private:
  UnixListener() = default;

  std::string path_;
  std::string warning_;
  UniqueFd lock_;
  std::unique_ptr<StatePage> page_;
  UniqueFd fd_;
  FileId id_;
};

// "/run/readygate/gate.sock" -> "/run/readygate/gate.lock"
std::string lock_path(const std::string& socket_path);

}  // namespace readygate::server
